"""`fanroute serve --with`: a program beside the edge gets what it needs, is heard, and leaves nothing behind."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import running, wait_until
from tests.support.builds import copied

# Prints its GRIP_URL and EDGE_URL, and a long line, and starts a program that prints too. Both run until they are ended.
SCRIPT = """\
import os, subprocess, sys
print(os.environ["GRIP_URL"].partition("?")[0], os.environ["EDGE_URL"], flush=True)
print("x" * 3_000_000, file=sys.stderr, flush=True)
print("after the long line", flush=True)
subprocess.run([sys.executable, "-c", "import time; print('the child', flush=True); time.sleep(1000)"])
"""


@pytest.fixture
def folder(own_project: Workspace, tmp_path: Path) -> Path:
    return copied(own_project, tmp_path / "own").routes.parent


def test_a_program_runs_beside_the_edge(folder: Path) -> None:
    (folder / "my server.py").write_text(SCRIPT)
    command = f"{sys.executable} 'my server.py'"
    with running("embedded", folder, "--with", command) as edge:
        wait_until(lambda: f"{command}: the child" in "".join(edge.output))
        printed = "".join(edge.output)
        assert f"{command}: {edge.publish_url.removesuffix('publish/')} {edge.url}\n" in printed
        assert f"{command}: after the long line\n" in printed


@pytest.mark.parametrize(("code", "how"), [("sys.exit(3)", "has ended with exit code 3"), ("os.abort()", "was ended by SIGABRT")])
def test_the_end_of_a_program_is_told(folder: Path, code: str, how: str) -> None:
    """Tests that the edge still serves, and that programs read it too."""
    (folder / "server.py").write_text(f"import os, sys\n{code}\n")
    command = f"{sys.executable} server.py"
    expected = f"'{command}' {how}; the edge still runs (Ctrl-C stops it)"
    with running("embedded", folder, "--with", command, "--format", "json") as edge:
        wait_until(lambda: expected in "".join(edge.output))
        events = [json.loads(line) for line in edge.output if line.startswith("{")]
        assert expected in [event["text"] for event in events if event["kind"] == "notice"]
        assert edge.client.get("/hello").status_code == 200


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-program x", "there is no program 'no-such-program': write the path of a program, or the name of one on PATH"),
        ("PORT=1 python3 x", "there is no program 'PORT=1': write env PORT=1 python3 x"),
        ("sh -c 'x", '"sh -c \'x" has a quote that is not closed'),
        ("", "there is no program ''"),
    ],
)
def test_a_command_that_cannot_run_is_told_at_once(folder: Path, command: str, reason: str) -> None:
    done = CliRunner().invoke(main, ["serve", str(folder / "routes.yaml"), "--with", command])
    assert done.exit_code == 2 and reason in " ".join(done.output.split()), done.output
