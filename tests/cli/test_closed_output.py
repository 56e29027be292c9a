"""Tests that each command ends quietly if nobody reads what it prints, as in `fanroute routes | head -1`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fanroute.cli import SECTIONS
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.support.builds import copied
from tests.support.guarded import guarded

# A call of each command that prints to standard output.
CALLS = {
    "init": ["--list"],
    "import": ["pushpin", "--routes=imported.yaml", "--force"],
    "check": ["--format=json"],
    "fmt": ["--check"],
    "routes": [],
    "match": ["GET", "https://chat.example.com/"],
    "test": [],
    "diff": ["routes.yaml", "other.yaml"],
    "build": [],
    "serve": ["--port=0", "--publish-port=0"],
    "publish": ["--help"],
    "listen": ["http://127.0.0.1:9/"],
    "grip-url": [],
    "token": ["--routes=guarded.yaml"],
    "verify": ["--help"],
    "doctor": ["--offline"],
    "explain": [],
    "schema": [],
    "export": ["pushpin-routes"],
    "lsp": ["--help"],
    "completion": ["bash"],
    "install": ["--help"],
}
# What must not be seen.
NOISE = ("Traceback", "Exception", "BrokenPipe", "Broken pipe")


@pytest.fixture(scope="module")
def folder(own_project: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose component is built, and whose routes.yaml is not formatted."""
    workspace = copied(own_project, tmp_path_factory.mktemp("closed") / "own")
    text = workspace.routes.read_text()
    (workspace.routes.parent / "other.yaml").write_text(text.replace("/test/sse", "/test/events"))
    (workspace.routes.parent / "guarded.yaml").write_text(guarded(text))
    workspace.routes.write_text(text.replace("version: 1", "version:   1"))
    shutil.copy(REPOSITORY / "routes.test.yaml", workspace.routes.parent)
    (workspace.routes.parent / "pushpin").write_text("* app.example.com:443,ssl,over_http\n")
    return workspace.routes.parent


def test_each_command_is_tried() -> None:
    assert set(CALLS) == {name for names in SECTIONS.values() for name in names}


def run(folder: Path, command: list[str], closed: set[str]) -> subprocess.CompletedProcess[bytes]:
    """Runs a command. Whoever reads its closed streams has ended before."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {name: writer if name in closed else subprocess.PIPE for name in ("stdout", "stderr")}
    try:
        return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, timeout=60, check=False, **streams)
    finally:
        os.close(writer)


@pytest.mark.parametrize("closed", [{"stdout"}, {"stderr"}, {"stdout", "stderr"}], ids=lambda closed: "+".join(sorted(closed)))
@pytest.mark.parametrize("name", CALLS)
def test_a_closed_output_is_no_traceback(folder: Path, name: str, closed: set[str]) -> None:
    if name in ("serve", "listen") and closed == {"stderr"}:
        pytest.skip("tests/e2e/test_lines.py closes it while they run")
    done = run(folder, [sys.executable, "-P", "-m", "fanroute", name, *CALLS[name]], closed)
    told = ((done.stdout or b"") + (done.stderr or b"")).decode()
    assert not [noise for noise in NOISE if noise in told], told
    if "stdout" in closed:
        assert done.returncode == 1
    else:
        assert done.returncode in (0, 1) and told


@pytest.mark.parametrize("closing", [">&- 2>&-", "<&-"])
@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("serve", "listen")])
def test_a_stream_may_be_missing(folder: Path, name: str, closing: str) -> None:
    """Tests streams that are closed before the command starts."""
    command = [sys.executable, "-P", "-m", "fanroute", name, *CALLS[name]]
    missing = ["sh", "-c", f'exec "$@" {closing}', "sh", *command]
    done, usual = (subprocess.run(each, cwd=folder, capture_output=True, check=False) for each in (missing, command))
    assert done.returncode == usual.returncode
    assert not [noise for noise in NOISE if noise.encode() in done.stdout + done.stderr], done.stderr.decode()


def test_a_file_from_a_closed_standard_input_is_empty(folder: Path) -> None:
    diff = ["fanroute", "diff", "-", "routes.yaml"]
    command = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-P", "-m", *diff]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "FR104" in done.stderr


def test_diagnostics_need_no_standard_error(folder: Path) -> None:
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-P", "-m", "fanroute", "check"]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0


def test_wrong_usage_is_quiet(folder: Path) -> None:
    done = run(folder, [sys.executable, "-P", "-m", "fanroute", "nonsense"], {"stderr"})
    assert (done.returncode, done.stdout) == (1, b"")
