"""Ends imports, and lists the modules that are part of Python and that nothing has imported.

The build leaves these modules out of the component (`fanroute.wasm.flatten.unused`), of which they are more than a quarter.
"""

import _imp
import gc
import sys
from types import ModuleType

# The beginning of the list. It is in two parts, so that the whole occurs only once in memory.
MARK = (b"modules that are ", b"left out\0")


def end_imports() -> bytes:
    """Arranges that importing a module raises ModuleNotFoundError if it has not been imported yet.

    Returns a list of the builtin and frozen modules among these: MARK, the name of each with a zero byte after it, and another
    zero byte.
    """
    # Nothing looks for modules any more. Looking for one in a file would trap, because Compute has no files.
    sys.meta_path.clear()
    imported = {each.__name__ for each in gc.get_objects() if type(each) is ModuleType}
    frozen: list[str] = _imp._frozen_module_names()  # type: ignore[attr-defined]
    left_out = sorted({*sys.builtin_module_names, *frozen} - imported - sys.modules.keys())
    return b"".join([*MARK, *(name.encode() + b"\0" for name in left_out), b"\0"])
