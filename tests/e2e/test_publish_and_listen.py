"""`fanroute publish` and `fanroute listen` on both edges: what is published arrives, on each kind of connection."""

import base64
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import click
import pytest

from fanroute.cli import main
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, running
from tests.support.builds import copied
from tests.support.scripted import scripted

COMMAND = [sys.executable, "-P", "-m", "fanroute"]


def publish(edge: Edge, *arguments: str) -> str:
    """Publishes in the folder of an edge, and returns what is printed."""
    done = subprocess.run([*COMMAND, "publish", *arguments], cwd=edge.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class Listener:
    """Represents a running `fanroute listen` in the folder of an edge."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.errors: Queue[str] = Queue()
        self.lines: Queue[str] = Queue()
        self._threads = [
            threading.Thread(target=self._read, args=pair)
            for pair in ((process.stdout, self.lines), (process.stderr, self.errors))
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: Iterator[str], lines: Queue[str]) -> None:
        for line in stream:
            lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """Returns the next line that it prints."""
        return self.lines.get(timeout=ANSWER_TIMEOUT)

    def wait_for(self, text: str) -> None:
        """Waits for a remark with this text."""
        while text not in self.errors.get(timeout=ANSWER_TIMEOUT):
            pass

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=ANSWER_TIMEOUT) == 0
        for thread in self._threads:
            thread.join()


@contextmanager
def listening(edge: Edge, *arguments: str) -> Iterator[Listener]:
    """Yields a Listener that is connected, except for a long-poll, and presses Ctrl-C in the end."""
    command = [*COMMAND, "listen", *arguments]
    with subprocess.Popen(command, cwd=edge.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        listener = Listener(process)
        try:
            if "--long-poll" not in arguments:
                listener.wait_for("Connected")
            yield listener
        finally:
            listener.end()


@pytest.mark.parametrize(
    ("kind", "expected"), [("sse", "id=7 one"), ("stream", "one"), ("websocket", "one"), ("long-poll", "200 one")]
)
def test_a_channel_is_published_and_heard(channels_edge: Edge, kind: str, expected: str) -> None:
    options = ["--id", "7", "--sse"] if kind == "sse" else ["--all", "--id", "7"] if kind != "stream" else ["--stream"]
    with listening(channels_edge, f"room-{kind}", f"--{kind}") as listener:
        told = publish(channels_edge, f"room-{kind}", "one", *options)
        while kind == "long-poll" and listener.lines.empty() and listener.process.poll() is None:
            # Its request may come after the first message, and Pushpin takes an id only once.
            publish(channels_edge, f"room-{kind}", "one")
        assert listener.line() == expected
    assert told.startswith(f"Published on room-{kind} at {channels_edge.publish_url}: ")


def test_the_routes_say_the_formats(channels_edge: Edge) -> None:
    told = publish(channels_edge, "room-formats", "hello")
    assert told.endswith(": http-stream (an event), http-response, ws-message\n")


def test_a_url_says_the_kind(channels_edge: Edge) -> None:
    for path in ("/socket/path/url", "/sse/path/url", "/stream/path/url"):
        with listening(channels_edge, path) as listener:
            publish(channels_edge, "room-url", "two\nlines")
            lines = ["data: two", "data: lines", ""] if "/stream/" in path else ["two", "lines"]
            assert [listener.line() for _ in lines] == lines


def test_closed_connections_are_opened_again(channels_edge: Edge) -> None:
    with (
        listening(channels_edge, "room-closed", "--sse") as events,
        listening(channels_edge, "room-closed", "--websocket") as socket,
    ):
        assert publish(channels_edge, "room-closed", "--close").startswith("Closed the connections on room-closed at ")
        socket.wait_for("The server has closed the WebSocket with 1000")
        for listener in (events, socket):
            listener.wait_for("The connection has ended: connecting again in 3 s")


def test_a_binary_message_is_base64_in_json(channels_edge: Edge) -> None:
    with listening(channels_edge, "room-binary", "--websocket", "--format", "json") as listener:
        channels_edge.publish("room-binary", ws_message={"content-bin": base64.b64encode(b"\0\xff").decode()})
        assert json.loads(listener.line()) == {"kind": "websocket", "data-bin": "AP8="}


def examples(name: str) -> list[str]:
    """Returns the examples in a command's help."""
    command = main.get_command(click.Context(main), name)
    assert command
    return re.findall(r"^  (\S.*)$", (command.epilog or "").partition("Examples:\n")[2], re.MULTILINE)


def example_ids() -> Sequence[str]:
    return [*examples("publish"), *examples("listen")]


@pytest.mark.parametrize("example", example_ids())
def test_an_example_of_the_help_runs(edge: Edge, example: str) -> None:
    """Runs it in a shell as it is, but at the ports of this edge, for one message, and with an API of our own."""
    with scripted((200, {}, b"Published\n")) as api:
        shell = f'fanroute() {{ {shlex.join(COMMAND)} "$@"; }}; {example.replace("127.0.0.1:7676", f"127.0.0.1:{edge.port}")}'
        shell += " --count 1" if "fanroute listen" in example else ""
        variables = {"FASTLY_API_TOKEN": "token", "FASTLY_API_ENDPOINT": api.url}
        with subprocess.Popen(
            ["bash", "-c", shell], cwd=edge.folder, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            done = threading.Event()

            def publish_until_done() -> None:
                while "fanroute listen" in example and not done.wait(0.2):
                    formats = {"http_stream": {"content": "data: x\n\n"}, "ws_message": {"content": "x"}}
                    edge.publish("test", **formats, http_response={"body": "x"})

            publisher = threading.Thread(target=publish_until_done)
            publisher.start()
            try:
                output, errors = process.communicate(timeout=2 * ANSWER_TIMEOUT)
            finally:
                done.set()
                publisher.join()
    assert process.returncode == 0, errors
    assert output
    assert len(api.seen) == ("--service" in example)


def test_the_printed_command_publishes_from_another_folder(own_project: Workspace, tmp_path: Path) -> None:
    """Tests that `serve` prints a command for the folder that it serves, and that the command works in the current one."""
    folder = tmp_path / "it's here"
    copied(own_project, folder)
    with running("embedded", folder) as edge:
        served = Path("it's here/routes.yaml")
        listed = subprocess.run(
            [*COMMAND, "publish", "test", "hello", "--routes", served], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert edge.publish_url in listed.stdout
        command = next(line.strip() for line in edge.output if " publish test hello" in line)
        subprocess.run(["sh", "-c", command], cwd=folder, check=True, timeout=ANSWER_TIMEOUT)
        assert (folder / "build/serving.json").exists()
    assert not (folder / "build/serving.json").exists()
