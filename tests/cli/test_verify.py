"""`fanroute verify` on services that do not answer as `health` does."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

import pytest

ROUTES = """\
version: 1
service: {name: chat-edge}
backends: {origin: {url: "https://app.example.com"}}
health: /-/healthz
routes: [{forward: origin}]
"""
# By path: the status, the headers and the content of an answer.
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "html": (200, {"Content-Type": "text/html"}, b"<!doctype html><p>hello</p>"),
    "missing": (404, {"Content-Type": "text/plain"}, b"No route matches this request.\n"),
    "redirect": (301, {"Location": "https://www.example.com/-/healthz"}, b""),
    "json": (200, {"Content-Type": "application/json"}, b'{"status": "ok"}'),
    "numbers": (200, {"Content-Type": "application/json"}, b'{"routes": 1, "build": 2}'),
    "list": (200, {"Content-Type": "application/json"}, b"[]"),
    "deep": (200, {"Content-Type": "application/json"}, b"[" * 5000),
    "older": (200, {"Content-Type": "application/json"}, b'{"routes": "0123456789abcdef", "build": "fanroute 0.1.0"}'),
    "control": (200, {"Content-Type": "application/json"}, b'{"routes": "a\\u001b[31m\\nb", "build": "x"}'),
}


class Handler(BaseHTTPRequestHandler):
    """Answers with what the server was given."""

    def do_GET(self) -> None:
        status, headers, content = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as started:
        thread = threading.Thread(target=started.serve_forever)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def verify(folder: Path, url: str, routes: str = ROUTES) -> "subprocess.CompletedProcess[str]":
    (folder / "routes.yaml").write_text(routes)
    command = [sys.executable, "-P", "-m", "fanroute", "verify", url]
    result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    return result


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("html", "answers 200 with text/html, which is not the answer of 'health'"),
        ("missing", "answers 404 with text/plain, which is not the answer of 'health'"),
        ("redirect", "redirects to https://www.example.com/-/healthz: name the URL at which the edge itself answers"),
        ("json", "answers 200 with application/json, which is not the answer of 'health'"),
        ("numbers", "which is not the answer of 'health'"),
        ("list", "which is not the answer of 'health'"),
        ("deep", "which is not the answer of 'health'"),
        ("older", "it was built by fanroute 0.1.0 and not by fanroute "),
        ("control", "serves other routes than routes.yaml: a\\x1b[31m\\nb, not "),
    ],
)
def test_another_answer_is_named(server: ThreadingHTTPServer, tmp_path: Path, name: str, told: str) -> None:
    server.answer = ANSWERS[name]  # type: ignore[attr-defined]
    result = verify(tmp_path, f"http://127.0.0.1:{server.server_port}/")
    assert (result.returncode, result.stdout) == (1, "")
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_service_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        result = verify(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 1
    assert "/-/healthz cannot be reached (" in result.stderr


def test_a_file_without_health_cannot_be_verified(tmp_path: Path) -> None:
    result = verify(tmp_path, "http://127.0.0.1:9", ROUTES.replace("health: /-/healthz\n", ""))
    assert result.returncode == 1
    assert result.stderr == "error: routes.yaml has no 'health': add 'health: /-/healthz', and publish the service\n"


@pytest.mark.parametrize("url", ["chat.example.com", "ftp://a.example", "https://a.example/x", "https://a.example/?q", "x"])
def test_the_url_names_a_service(tmp_path: Path, url: str) -> None:
    assert verify(tmp_path, url).returncode == 2


def test_wrong_route_tests_are_reported(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    server.answer = ANSWERS["older"]  # type: ignore[attr-defined]
    (tmp_path / "routes.test.yaml").write_text("tests: [{request: GET http://a/, expect: {route: none-such}}]\n")
    result = verify(tmp_path, f"http://127.0.0.1:{server.server_port}")
    assert result.returncode == 1
    assert "FR501" in result.stderr
