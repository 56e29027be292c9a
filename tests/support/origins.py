"""Starts the servers of examples/origins with their real frameworks, which `make origins` installs."""

import hashlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from tests.conftest import EXAMPLES

START_TIMEOUT = 120  # seconds
# The commands that prepare and start each server, as its README.md says. `python` is that of the framework's environment.
COMMANDS = {
    "django": ["python manage.py migrate", "python -m uvicorn news.asgi:application --port {port}"],
    "express": ["node app.js"],
    "fastapi": ["python -m uvicorn app:app --port {port}"],
    "flask": ["python -m flask run --port {port}"],
}
FRAMEWORKS = sorted(COMMANDS)


@dataclass(frozen=True)
class Example:
    """Represents a copy of an example with the programs that its framework needs."""

    framework: str
    folder: Path
    programs: Path

    def command(self, text: str, port: int) -> list[str]:
        program, *arguments = text.format(port=port).split()
        return [str(self.programs / "bin" / program) if program == "python" else program, *arguments]

    def commands(self, port: int) -> tuple[list[list[str]], list[str]]:
        """Returns the commands that prepare the server, and the one that starts it on a port."""
        *before, last = (self.command(text, port) for text in COMMANDS[self.framework])
        return before, last

    def run(self, command: Sequence[str], grip_url: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the example until it ends."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment(grip_url),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
            check=False,
        )


def copied_example(framework: str, folder: Path) -> Example:
    """Copies an example to a folder that does not exist yet. Skips the test without the variable ORIGINS."""
    programs = installed(framework)
    shutil.copytree(EXAMPLES[framework], folder)
    if (programs / "node_modules").exists():
        (folder / "node_modules").symlink_to(programs / "node_modules")
    return Example(framework, folder, programs)


@contextmanager
def server(example: Example, port: int, grip_url: str) -> Iterator[str]:
    """Starts a framework's server. Yields its URL as soon as it answers, and ends it by its id."""
    url, log = f"http://127.0.0.1:{port}", example.folder / "server.log"
    before, command = example.commands(port)
    for each in before:
        done = example.run(each, grip_url)
        assert done.returncode == 0, done.stdout + done.stderr
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=example.folder,
            env=environment(grip_url) | {"PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = monotonic() + START_TIMEOUT
        while not answers(url):
            assert process.poll() is None and monotonic() < deadline, log.read_text()
            sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert "Traceback" not in log.read_text(), log.read_text()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/whoami", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def environment(grip_url: str) -> dict[str, str]:
    """Returns a server's environment variables."""
    return os.environ | {"GRIP_URL": grip_url, "PYTHONDONTWRITEBYTECODE": "1"}


def installed(framework: str) -> Path:
    """Returns the folder in which `make origins` has installed a framework. Skips the test without the variable ORIGINS."""
    if "ORIGINS" not in os.environ:
        pytest.skip("ORIGINS is not set: `make test` installs the frameworks and sets it, `make origins` installs them alone")
    (lock,) = (path for name in ("requirements.txt", "package-lock.json") if (path := EXAMPLES[framework] / name).exists())
    folder = Path(os.environ["ORIGINS"]) / f"{framework}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    assert folder.exists(), f"{framework} is not installed in {folder}: `make origins` does it"
    return folder


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Line:
    """Passes publish requests on to an edge, unless it loses one.

    Attributes:
        url: where it listens, without a final slash.
        loses_next: True if the next request is to be lost.
        authorizations: the values of Authorization with which it was asked.
    """

    def __init__(self, publish_url: str) -> None:
        self.publish_url = publish_url
        self.url = ""
        self.loses_next = False
        self.authorizations: set[str] = set()

    def passed_on(self, body: bytes) -> int:
        """Returns the status of the answer to a publish request. It is 200 for one that is lost, too."""
        if self.loses_next:
            self.loses_next = False
            return 200
        return httpx.post(self.publish_url, content=body, trust_env=False).status_code


@contextmanager
def line(publish_url: str) -> Iterator[Line]:
    """Runs a server between a framework's publisher and an edge."""
    made = Line(publish_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.authorizations.add(self.headers["Authorization"])
            self.send_response(made.passed_on(body) if self.path == "/publish/" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        made.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listening.shutdown()
            thread.join()
