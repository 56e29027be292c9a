"""A local backend can be at an IPv6 address."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.conftest import EDGES, Edge, running

ROUTES = """\
version: 1
service: {name: six}
backends: {six: {url: "https://app.example.com", local: "http://[::1]:%d"}, self: {loopback: true}}
routes:
  - match: {path: /forward}
    forward: six
  - handoff: six
"""


class Six(ThreadingHTTPServer):
    """Serves at ::1 only."""

    address_family = socket.AF_INET6


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = f"{self.path} at {self.server.server_address[0]!s}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def six() -> Iterator[int]:
    """The port of a server at ::1."""
    server = Six(("::1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module", params=EDGES)
def edge(request: pytest.FixtureRequest, six: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder: Path = tmp_path_factory.mktemp(f"six-{request.param}")
    (folder / "routes.yaml").write_text(ROUTES % six)
    with running(request.param, folder) as started:
        yield started


@pytest.mark.parametrize("path", ["/forward", "/handoff"])
def test_a_backend_may_be_at_an_ipv6_address(edge: Edge, path: str) -> None:
    answer = edge.client.get(path)
    assert (answer.status_code, answer.text) == (200, f"{path} at ::1\n")
