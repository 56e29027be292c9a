"""Variables of the build's environment in a routes.yaml: `${NAME}`, and `${NAME:-default}` as shells have it."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.ASCII | re.DOTALL)


def takes_variables(path: tuple[str | int, ...]) -> bool:
    """Whether variables may stand at a path of the file: where backends are, and which hosts are matched."""
    match path:
        case ("backends", _, "url" | "local" | "host"):
            return True
        case ("routes", _, "match", "host", *_):
            return True
    return False


def expand(text: str, environment: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    """The text with the variables' values, and each mistake with how to mend it.

    A default is taken for a variable that is not set or is empty.
    """
    wrong: list[tuple[str, str]] = []

    def value(reference: re.Match[str]) -> str:
        variable = _VARIABLE.fullmatch(reference.group(1))
        if variable is None:
            wrong.append((f"'{reference.group()}' names no variable", "write '${NAME}' or '${NAME:-default}'"))
            return ""
        name, default = variable.groups()
        if default is not None:
            return environment.get(name) or default
        if name not in environment:
            wrong.append((f"the variable '{name}' of the environment is not set", f"set it, or write '${{{name}:-default}}'"))
        return environment.get(name, "")

    return _REFERENCE.sub(value, text), wrong
