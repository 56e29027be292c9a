"""Runs every example in the help of every command, in a shell, as a user would who pastes it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner

from fanroute.cli import SECTIONS, main
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.e2e.conftest import Edge, running, wait_until
from tests.support.builds import copied
from tests.support.guarded import guarded
from tests.support.scripted import scripted

TIMEOUT = 120  # seconds


def examples(command: str) -> list[str]:
    """Returns the examples in the help of a command."""
    shown = CliRunner().invoke(main, [command, "--help"], terminal_width=500).output
    return re.findall(r"^    (.*fanroute .*)$", shown.partition("Examples:\n")[2], re.MULTILINE)


EXAMPLES = {name: examples(name) for names in SECTIONS.values() for name in names}
# These need more than a folder.
OTHERS = ("serve", "publish", "listen", "token", "completion", "install", "verify", "doctor")


def all_of(*commands: str) -> pytest.MarkDecorator:
    """Has a test run for each example of some commands."""
    found = [example for command in commands for example in EXAMPLES[command]]
    marks = {example: [pytest.mark.viceroy] for example in found if "viceroy" in example or example == "fanroute install"}
    return pytest.mark.parametrize("example", [pytest.param(one, marks=marks.get(one, []), id=one) for one in found])


# Two environments that answer every request alike.
ENVIRONMENTS = """\

environments:
  staging: {service: {name: starter-staging}, backends: {self: {host: fanroute-starter.edgecompute.app}}}
"""


@pytest.fixture(scope="module")
def folder(own_project: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository's routes and route tests, also in `old` and `edge`, and in a Git repository.

    `pushpin` has the file that is imported.
    """
    folder = copied(own_project, tmp_path_factory.mktemp("examples") / "own").routes.parent
    shutil.copy(REPOSITORY / "routes.test.yaml", folder)
    for name in ("old", "edge"):
        (folder / name).mkdir()
        shutil.copy(folder / "routes.yaml", folder / name)
    (folder / "pushpin").mkdir()
    (folder / "pushpin" / "routes").write_text("* app.example.com:443,ssl,over_http\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "routes.yaml"], [*identity, "commit", "-q", "-m", "a"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    with (folder / "routes.yaml").open("a") as routes:
        routes.write(ENVIRONMENTS)
    return folder


@pytest.fixture(scope="module")
def served(own_project: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The embedded edge with the repository's routes, of which one requires a token."""
    routes = copied(own_project, tmp_path_factory.mktemp("served") / "own").routes
    with running("embedded", routes.parent) as edge:
        routes.write_text(guarded(routes.read_text()))
        wait_until(lambda: edge.client.head("/test/stream").status_code == 401)
        yield edge


def started(example: str, folder: Path, shell: str = "bash", **environment: str) -> "subprocess.Popen[str]":
    """Starts an example in a shell that finds this Fanroute."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        [shell, "-c", example],
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def done(example: str, folder: Path, shell: str = "bash", **environment: str) -> tuple[int, str]:
    """Runs an example. Returns its exit code and what it prints."""
    with started(example, folder, shell, **environment) as process:
        output, _ = process.communicate(timeout=TIMEOUT)
    assert "Traceback" not in output
    return process.returncode, output


def test_each_command_has_its_examples_run() -> None:
    assert all(EXAMPLES.values())
    assert set(OTHERS) < set(EXAMPLES)


@all_of(*(name for name in EXAMPLES if name not in OTHERS))
def test_an_example_works(folder: Path, example: str) -> None:
    code, output = done(example, folder)
    assert code == 0, output


@all_of("serve")
def test_an_example_of_serve_works(folder: Path, example: str, tmp_path: Path) -> None:
    opener = tmp_path / "xdg-open"
    opener.write_text("#!/bin/sh\n")
    opener.chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert until_printed(started(example, folder, PATH=path), "Publish to ", lambda: None) == 0


@all_of("publish")
def test_an_example_of_publish_works(served: Edge, example: str) -> None:
    with scripted((200, {}, b"Published\n")) as api:
        code, output = done(example, served.folder, FASTLY_API_TOKEN="a-token", FASTLY_API_ENDPOINT=api.url)
        assert len(api.seen) == ("--service" in example)
    assert code == 0, output
    assert output.startswith(("Published on test", "Closed the connections on test")), output


@all_of("listen")
def test_an_example_of_listen_works(served: Edge, example: str) -> None:
    example = re.sub(r"//127.0.0.1:\d+", f"//127.0.0.1:{served.port}", example)

    def publish() -> None:
        content = {"content": "data: the message\n\n"}
        served.publish("test", http_stream=content, http_response={"body": "the message"}, ws_message=content)

    assert until_printed(started(example, served.folder), "the message", publish) == 0


@all_of("token")
def test_an_example_of_token_works(served: Edge, example: str) -> None:
    """Tests that a token is printed, and that the edge lets it in."""
    if "curl" not in example:
        code, output = done(example, served.folder)
        assert code == 0 and output.startswith("eyJ"), output
        return
    example = re.sub(r"//127.0.0.1:\d+", f"//127.0.0.1:{served.port}", example)

    def publish() -> None:
        served.publish("test", http_stream={"content": "the message\n"})

    assert until_printed(started(example, served.folder), "the message", publish) != 0


@all_of("completion")
def test_an_example_of_completion_works(folder: Path, example: str, tmp_path: Path) -> None:
    (tmp_path / ".config" / "fish" / "completions").mkdir(parents=True)
    shell = "zsh" if "zsh" in example else "bash"
    if shutil.which(shell) is None:  # only the shell itself can take the script
        example = re.sub(r'eval "\$\((.*)\)"', r"\1", example)
        shell = "bash"
    before = "autoload -U compinit && compinit -u; " if shell == "zsh" else ""
    code, output = done(before + example, folder, shell, HOME=str(tmp_path))
    assert code == 0, output


@all_of("doctor", "install")
def test_an_example_that_looks_at_the_machine_works(folder: Path, example: str) -> None:
    """Tests that the command ends with its result, which depends on the machine."""
    code, output = done(example, folder)
    assert code in (0, 1) and output


def until_printed(process: "subprocess.Popen[str]", text: str, act: Callable[[], None]) -> int:
    """Does something again and again until a process prints a text, and then ends or gets Ctrl-C. Returns its exit code."""
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout or ())), daemon=True)
    deadline = monotonic() + TIMEOUT
    with process:
        reader.start()
        try:
            while process.poll() is None and monotonic() < deadline:
                act()
                sleep(0.1)
                if any(text in line for line in lines) and "--count" not in str(process.args):
                    os.killpg(process.pid, signal.SIGINT)
                    break
            code = process.wait(timeout=20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            reader.join()
    assert any(text in line for line in lines), lines
    return code
