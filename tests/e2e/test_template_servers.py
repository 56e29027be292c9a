"""The servers of the templates, asked directly: whatever a client sends, and if nothing can be published, they go on."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from fanroute.devserver.ports import free_ports
from fanroute.project.package_files import template_names
from tests.e2e.conftest import ANSWER_TIMEOUT, wait_until
from tests.e2e.test_templates import made

JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 40_000
# For each template, a request that is in order and that publishes.
PUBLISHING = {
    "chat": ("/rooms/blue/messages", {"from": "Ann", "text": "hello"}, 201),
    "llm-streaming": ("/answers", {"question": "hello"}, 201),
    "migrate": ("/news", {"text": "hello"}, 201),
    "notifications": ("/notify", {"text": "hello"}, 202),
    "order-status": ("/orders/7/steps", {"step": "Packed"}, 201),
    "presence": ("/rooms/blue/people", {"window": "1", "name": "Ann"}, 200),
    "starter-kit": ("/publish", {"text": "hello"}, 202),
}
INJECTED = "x%0d%0aSet-Cookie:%20user=eve%0d%0a%0d%0a%3Cscript%3E"
COOKIES = ['prefs={"a":1}; user=ann', "foo[bar]=1; user=ann", "a b=1; user=ann", "a(b=1;user=ann", "user=ann; user=eve"]


class Server:
    """Represents a template's server that runs. Nothing listens where it publishes."""

    def __init__(self, folder: Path) -> None:
        self.port, nowhere = free_ports(0, 0)
        variables = {
            "PORT": str(self.port),
            "GRIP_URL": f"http://127.0.0.1:{nowhere}/",
            "EDGE_URL": f"http://127.0.0.1:{nowhere}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "server.py"],
            cwd=folder,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wait_until(self._listens)

    def _listens(self) -> bool:
        assert self.process.poll() is None
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_TIMEOUT)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer


@contextmanager
def started(template: str, parent: Path) -> Iterator[Server]:
    """Yields a template's server. Asserts that it has no error that it did not expect."""
    server = Server(made(template, parent))
    try:
        yield server
        assert server.process.poll() is None
    finally:
        server.process.terminate()
        output, _ = server.process.communicate(timeout=20)
    assert "Traceback" not in output, output


@pytest.mark.parametrize("template", template_names())
def test_no_request_is_too_much_for_a_server(template: str, tmp_path: Path) -> None:
    path, sent, status = PUBLISHING[template]
    with started(template, tmp_path) as server:
        for body in (DEEP, b"", b"{", b"[]", b'{"a": ' + DEEP, b"\xff", b"null", b'{"text": NaN, "step": NaN}'):
            assert server.ask("POST", path, body, JSON).status in (400, 201, 202)
        assert server.ask("POST", path, json.dumps(sent).encode(), {"Content-Type": "text/plain"}).status == 415
        assert server.ask("POST", path, b"x" * 200_000, JSON).status == 413
        assert server.ask("POST", path, None, JSON | {"Transfer-Encoding": "chunked"}).status == 411
        assert server.ask("POST", path, None, JSON | {"Content-Length": "9" * 5000}).status == 411
        for target in ("/../server.py", "/server.py", "/%2e%2e/server.py", "/web.py", "/", "/?after=" + "9" * 5000):
            assert server.ask("GET", target).status in (200, 404)
        # It answers also if nothing can be published, and its other threads go on.
        for _ in range(2):
            assert server.ask("POST", path, json.dumps(sent).encode(), JSON).status == status
    assert server.process.returncode is not None


@pytest.mark.parametrize("template", ["chat", "llm-streaming", "order-status", "presence"])
def test_no_client_writes_a_header(template: str, tmp_path: Path) -> None:
    with started(template, tmp_path) as server:
        for place in ("/orders/{}/steps", "/rooms/{}/messages", "/rooms/{}/people", "/rooms/{}/people/now", "/answers/{}/tokens"):
            for value in (INJECTED, "a%2C%20b", "a%2Fb", "a%3Bprev-id=1"):
                answer = server.ask("GET", place.format(value))
                assert (answer.status, answer.headers["Set-Cookie"], answer.headers["Grip-Channel"]) == (404, None, None)


def test_other_cookies_do_not_matter(tmp_path: Path) -> None:
    with started("notifications", tmp_path) as server:
        for cookie in COOKIES:
            answer = server.ask("GET", "/notifications/mine", headers={"Cookie": cookie})
            assert (answer.status, answer.headers["Grip-Channel"]) == (200, "user-ann")
        for cookie in ("user=", "user=ann, user-bob", "xuser=ann", "user"):
            assert server.ask("GET", "/notifications/mine", headers={"Cookie": cookie}).status == 401


def test_a_wrong_id_is_none(tmp_path: Path) -> None:
    with started("order-status", tmp_path) as server:
        path, sent, _ = PUBLISHING["order-status"]
        server.ask("POST", path, json.dumps(sent).encode(), JSON)
        for id in ("9" * 5000, "-1", "x", "1e3", "²", ""):
            for headers in ({"Last-Event-ID": id}, {"Grip-Last": f"order-7; last-id={id[:5]}"}):
                answer = server.ask("GET", path, headers=headers)
                assert (answer.status, answer.headers["Grip-Channel"]) == (200, "order-7; prev-id=1")


def test_who_just_watches_sees_who_is_there(tmp_path: Path) -> None:
    with started("presence", tmp_path) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_TIMEOUT)
        for people in ([], [{"name": "Ann", "typing": False}]):
            connection.request("GET", "/rooms/blue/people/now")
            assert json.loads(connection.getresponse().read()) == people
            path, sent, _ = PUBLISHING["presence"]
            server.ask("POST", path, json.dumps(sent).encode(), JSON)
        connection.close()
