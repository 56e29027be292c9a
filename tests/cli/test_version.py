"""Tests `fanroute --version`."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from click.testing import CliRunner

from fanroute import __version__
from fanroute.cli import main
from tests.conftest import REPOSITORY

ALWAYS = [
    f"fanroute, version {__version__}",
    f"Python {platform.python_version()}",
    f"componentize-py {version('componentize-py')}",
    f"wasmtime {version('wasmtime')}",
]


def shown(cache: Path) -> list[str]:
    done = CliRunner().invoke(main, ["--version"], env={"XDG_CACHE_HOME": str(cache)})
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_tools_are_named(tmp_path: Path) -> None:
    """Tests that those in the cache are named if they are there, and that an incomplete one does not count."""
    assert shown(tmp_path) == ALWAYS
    assert not list(tmp_path.iterdir()), "looking leaves nothing"
    for program in ("viceroy-0.22.0/bin/viceroy", "pushpin-1.41.0-7/pushpin", "pushpin-1.42.0.partial/lib"):
        (tmp_path / "fanroute" / program).parent.mkdir(parents=True)
        (tmp_path / "fanroute" / program).touch()
    assert shown(tmp_path) == [*ALWAYS, "Viceroy 0.22.0", "Pushpin 1.41.0-7"]


def test_nothing_large_is_imported_for_it(tmp_path: Path) -> None:
    """So it is quick. Programs of the cache are not started either: these would fail."""
    program = tmp_path / "fanroute/pushpin-1/pushpin"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/false\n")
    code = (
        "import sys\nfrom fanroute.cli import main\nmain(['--version'], standalone_mode=False)\n"
        "print(*{'wasmtime', 'aiohttp', 'httpx'} & set(sys.modules))"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [*ALWAYS, "Pushpin 1", ""]


def test_the_changelog_has_the_version() -> None:
    assert f"\n## {__version__}\n" in (REPOSITORY / "CHANGELOG.md").read_text()
