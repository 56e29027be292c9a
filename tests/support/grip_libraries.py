"""Runs programs that use the GRIP libraries for Python and JavaScript, which `make test` installs."""

import os
import shutil
import sys
from pathlib import Path


def python_command(code: str, folder: Path) -> list[str]:
    """Writes a Python program to a folder. Returns the command that runs it."""
    program = folder / "publish.py"
    program.write_text(code)
    return ["/usr/bin/env", f"PYTHONPATH={_libraries()}", sys.executable, str(program)]


def javascript_command(code: str, folder: Path) -> list[str]:
    """Writes a JavaScript module to a folder. Returns the command that runs it."""
    program = folder / "publish.mjs"
    program.write_text(code)
    (folder / "node_modules").symlink_to(_libraries() / "node_modules")
    node = shutil.which("node")
    assert node, "npm, with which `make test` installs the library, comes with node"
    return [node, str(program)]


def _libraries() -> Path:
    assert "GRIP_LIBRARIES" in os.environ, "run `make test`, which installs the libraries"
    return Path(os.environ["GRIP_LIBRARIES"])
