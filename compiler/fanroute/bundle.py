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
    program = programs.find(COMPONENTIZE, Path(sysconfig.get_path("scripts")) / COMPONENTIZE)
    if program is None:
        raise ProgramFailed(COMPONENTIZE, f"{COMPONENTIZE} is not installed: pip install {COMPONENTIZE}")
    output = str(workspace.new)
    command = [
        program,
        "-q",
        "-d",
        wit,
        "-w",
        WORLD,
        "componentize",
        "--stub-wasi",
        "-p",
        workspace.app,
        APP_MODULE,
        "-o",
        output,
    ]
    # A fixed hash seed: the order of sets at import is the same each time.
    programs.run(command, {"PYTHONHASHSEED": "0"})
