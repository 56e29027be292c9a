"""Fuzzes one target, guided by the coverage of the compiler's and the runtime's code.

    python -m tests.fuzz.guided TARGET [FOLDER OF INPUTS, FILES AND OPTIONS OF LIBFUZZER...]

With files, it only checks those files. `make fuzz` keeps its findings in the folder.
"""

import sys

import atheris

atheris.enabled_hooks.add("str")
with atheris.instrument_imports(include=["fanroute", "fanroute_runtime", "tests.fuzz.targets", "tests.property.reference"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    name, *arguments = sys.argv[1:]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name].check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
