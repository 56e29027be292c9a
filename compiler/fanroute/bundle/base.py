"""Makes the bases of components, and runs them.

Everything that does not depend on routes is in the base: Python, the runtime's modules, and their code as one core module. So it
is made once for many routes.yaml, and the user's cache keeps it.
"""

import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import wasmtime

from fanroute.bundle import toolchain
from fanroute.bundle.memory import Memory, make_memory
from fanroute.bundle.toolchain import NotFlattened
from fanroute.codegen.base_module import emit_base
from fanroute.devserver.load import load
from fanroute.native.module import native_module
from fanroute.project.cache import Cache
from fanroute.project.folder import MAX_COMPONENT, Folder, read, temporary_folder
from fanroute.project.package_files import runtime_sources

# The kind of files in the cache.
_KIND = "bases"


def find_base(files: Mapping[str, str], cache: Cache) -> bytes | None:
    """Returns the base for the files of `build/app/`, by relative path, or None if there is none in the cache."""
    kept = cache.get(_KIND, _key(files, emit_base(files, runtime_sources())))
    with suppress(zlib.error):  # an earlier version kept bases as they are
        return zlib.decompress(kept) if kept is not None else None
    return None


def make_base(files: Mapping[str, str], cache: Cache) -> bytes:
    """Makes the base for the files of `build/app/`, and keeps it in the cache. Raises ProgramFailed and NotFlattened."""
    files_of_base = emit_base(files, runtime_sources())
    with temporary_folder() as folder:
        app, new = Path(folder) / "app", Path(folder) / "new.wasm"
        for name, text in files_of_base.items():
            Folder(app).write(name, text.encode())
        with toolchain.wit_folder_for(files) as wit:
            toolchain.componentize(app, wit, new, with_native=True)
        base = toolchain.make_base(read(new, MAX_COMPONENT), native_module())
    cache.put(_KIND, _key(files, files_of_base), zlib.compress(base, 1))
    return base


def run_base(base: bytes, files: Mapping[str, str], cache: Cache) -> Memory:
    """Gives a base its routes. Returns the memory that this leaves, which is the same each time. Raises NotFlattened.

    Args:
        base: the base.
        files: the files of `build/app/`.
        cache: keeps the base's machine code.
    """
    try:
        return make_memory(*load(wasmtime.Module, base, cache), files)
    except (wasmtime.WasmtimeError, wasmtime.Trap, KeyError) as error:
        raise NotFlattened(f"the memory of the snapshot could not be made: {str(error).partition(chr(10))[0]}") from error


def _key(files: Mapping[str, str], files_of_base: dict[str, str]) -> str:
    return toolchain.build_key(files_of_base, toolchain.wit_for(files), flattened=True)
