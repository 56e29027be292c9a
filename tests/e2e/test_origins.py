"""Pages that can open a WebSocket, on the wire: at the edge, through Fanout to the origin, and by a tunnel."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.conftest import GRIP_SIG
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

HOST = "edge.example.com"
CHAT = "https://chat.example.com"
OPEN = b"OPEN\r\n"
FROM_FANOUT = [
    ("Grip-Sig", GRIP_SIG),
    ("Content-Type", "application/websocket-events"),
    ("X-Forwarded-Host", HOST),
    ("X-Forwarded-Proto", "http"),
]
# The edge's own WebSocket, and the origin's through Fanout and through a tunnel, each with a message and its answer.
SOCKETS = {"/rooms/blue": ("hello", "hello"), "/origin/socket": ("bye", "ciao"), "/tunnel/echo": ("hello", "hello")}

FOREIGN = [
    "",
    "null",
    "https://evil.example",
    "http://chat.example.com",
    "https://chat.example.com:8443",
    "https://CHAT.example.com",
    "https://chat.example.com.",
    "https://chat.example.com/",
    "https://chat.example.com.evil.com",
    "https://evil.com@chat.example.com",
    "https://chat.example.com, https://evil.com",
    "https://example.org",
    "https://evilexample.org",
    "https://evil.com/.example.org",
    "https://edge.example.com",
    "http://edge.example.com:8080",
    "https://localhost:5173",
    "http://localhost:",
    "http://localhost:80a",
    "http://localhost:80.evil.com",
    "http://localhost.evil.com:80",
    "https://" + "a." * 4_000 + "example.com",
]


@contextmanager
def opened(edge: Edge, path: str, origins: Sequence[str]) -> Iterator[ClientConnection]:
    headers = [("Origin", origin) for origin in origins]
    with (
        socket.create_connection(("127.0.0.1", edge.port)) as tcp,
        connect(f"ws://{HOST}{path}", sock=tcp, additional_headers=headers, open_timeout=ANSWER_TIMEOUT, proxy=None) as client,
    ):
        yield client


def refused(edge: Edge, path: str, *origins: str) -> tuple[int, bytes | None]:
    """Returns the status and content that the client gets in place of a WebSocket."""
    with pytest.raises(InvalidStatus) as refusal, opened(edge, path, origins):
        pass
    return refusal.value.response.status_code, refusal.value.response.body


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize(
    "page", [CHAT, "https://a.example.org", f"http://{HOST}", "http://localhost", "http://localhost:5173", None]
)
def test_a_page_of_an_origin_connects(defaults_edge: Edge, path: str, page: str | None) -> None:
    """A page of the service itself and a program without a page connect too."""
    with opened(defaults_edge, path, [page] if page is not None else []) as client:
        message, answer = SOCKETS[path]
        client.send(message)
        assert client.recv(timeout=ANSWER_TIMEOUT) == answer


@pytest.mark.parametrize("page", FOREIGN, ids=[page[:40] for page in FOREIGN])
def test_any_other_page_is_refused(defaults_edge: Edge, page: str) -> None:
    for path in SOCKETS:
        assert refused(defaults_edge, path, page) == (403, b"Pages of this origin must not open a WebSocket here.\n")


@pytest.mark.parametrize("page", FOREIGN, ids=[page[:40] for page in FOREIGN])
def test_it_is_refused_on_the_second_pass_too(defaults_edge: Edge, page: str) -> None:
    """At the OPEN, and at each event after it."""
    pinned = defaults_edge.pin("/rooms/blue", websocket=True)
    for content in (OPEN, b"TEXT 2\r\nhi\r\n"):
        answer = defaults_edge.request("POST", "/rooms/blue", headers=[*FROM_FANOUT, *pinned, ("Origin", page)], content=content)
        assert (answer.status_code, answer.text) == (403, "Pages of this origin must not open a WebSocket here.\n")


@pytest.mark.parametrize("page", [CHAT, f"http://{HOST}", None])
def test_a_page_of_an_origin_is_let_in_there(defaults_edge: Edge, page: str | None) -> None:
    headers = [*FROM_FANOUT, *defaults_edge.pin("/rooms/blue", websocket=True), *([("Origin", page)] if page is not None else [])]
    answer = defaults_edge.request("POST", "/rooms/blue", headers=headers, content=OPEN)
    assert (answer.status_code, answer.content.startswith(OPEN)) == (200, True)


def test_of_two_origins_the_first_counts(defaults_edge: Edge) -> None:
    """No browser sends two."""
    assert refused(defaults_edge, "/rooms/blue", "https://evil.example", CHAT)[0] == 403


def test_any_page_where_the_route_says_so(defaults_edge: Edge) -> None:
    with opened(defaults_edge, "/any", ["https://evil.example"]) as client:
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"


def test_other_requests_of_the_route_are_not_asked(defaults_edge: Edge) -> None:
    answer = defaults_edge.request("GET", "/page", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200
