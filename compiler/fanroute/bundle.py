"""Staged files to a component, with componentize-py."""

import hashlib
import sysconfig
from importlib.metadata import version
from pathlib import Path

from fanroute import programs
from fanroute.component import BadComponent, rename_import
from fanroute.emit import APP_MODULE
from fanroute.errors import ProgramFailed
from fanroute.workspace import Workspace

WORLD = "edge"
COMPONENTIZE = "componentize-py"

# WASI's clock, as the WIT has it and as hosts have it. With --stub-wasi all that is WASI's traps, and without it a component asks
# for files and sockets, which Compute does not have: so the clock gets its own name afterwards.
WALL_CLOCK = ("fastly:compute/wall-clock@0.1.0", "wasi:clocks/wall-clock@0.2.6")


def key(files: dict[str, str], wit: dict[str, str]) -> str:
    """What a component is made from, as a hash: the same key, the same behaviour."""
    parts = [f"{COMPONENTIZE} {version(COMPONENTIZE)}", *WALL_CLOCK]
    parts += [f"{name}\0{text}" for name, text in sorted((files | wit).items())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def componentize(workspace: Workspace, wit: Path) -> None:
    """Make `workspace.new` from what is staged. Raises ProgramFailed."""
    # The one installed beside us, whose version is in the key.
    program = Path(sysconfig.get_path("scripts")) / COMPONENTIZE
    command: list[str | Path] = [program, "-q", "-d", wit, "-w", WORLD]
    command += ["componentize", "--stub-wasi", "-p", workspace.app, APP_MODULE, "-o", workspace.new]
    # componentize-py searches the virtual environment too; here it finds no packages in it.
    environment = {"VIRTUAL_ENV": str(workspace.app), "RUST_BACKTRACE": "0"}
    try:
        programs.run(command, environment)
    except ProgramFailed as failed:
        # It is a Python program that fails by an assertion: what is asserted says why.
        raise ProgramFailed(COMPONENTIZE, failed.output.rpartition("AssertionError: ")[2]) from None
    try:
        workspace.change_new(lambda component: rename_import(component, *WALL_CLOCK))
    except BadComponent as bad:
        raise ProgramFailed(COMPONENTIZE, f"It has made a component that Fanroute does not know: {bad}.") from bad
