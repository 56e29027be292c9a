"""Staged files to a component, with componentize-py."""

import hashlib
import sysconfig
from importlib.metadata import version
from pathlib import Path

from fanroute import programs
from fanroute.emit import APP_MODULE
from fanroute.programs import ProgramFailed
from fanroute.workspace import Workspace

WORLD = "edge"
COMPONENTIZE = "componentize-py"


def key(files: dict[str, str], wit: dict[str, str]) -> str:
    """What a component is made from, as a hash: the same key, the same behaviour."""
    parts = [f"{COMPONENTIZE} {version(COMPONENTIZE)}", *(f"{name}\0{text}" for name, text in sorted((files | wit).items()))]
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
