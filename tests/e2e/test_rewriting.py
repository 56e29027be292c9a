"""Rewrites on the wire: the path and query with which a backend gets a request."""

import json

import pytest

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, edge_of, open_websocket
from tests.e2e.origin import seen, values
from tests.e2e.test_smuggling import answer, exchanged

language_edge = edge_of("language")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/strip/x", "/x"),
        ("/strip/", "/"),
        ("/%73trip/a%2Fb/%C3%A9//;x/?y=%zz&&z", "/a%2Fb/%C3%A9//;x/?y=%zz&&z"),
        ("/hand/blue/x?y", "/v2/blue/x?y"),
        ("/hand/bl%20ue/", "/v2/bl%20ue/"),
        ("/whole/a%20%3F%C3%A9%25?debug=1&q=%26a%3D&x&q=2&key=3", "/v3/a%20%3F%C3%A9%25?x&q=%26a%3D&key=a%20b%26"),
        ("/by-query?id=a%2Fb%3F", "/v4/a%2Fb%3F?id=a%2Fb%3F"),
        ("/talk/page?x=1", "/origin/page?x=1"),
    ],
)
def test_a_backend_gets_the_rewritten_path(language_edge: Edge, target: str, expected: str) -> None:
    raw = exchanged(language_edge, f"GET {target} HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n".encode())
    request = json.loads(answer(raw).read())
    assert request["target"] == expected
    assert values(request, "x-forwarded-host") == ["a.b"]


@pytest.mark.parametrize(
    "target",
    [
        *("/strip//evil.com/", "/strip//", "/strip/%2e%2e/x", "/whole/a?q=%FF", "/whole/%2E?q"),
        *("/by-query?id=..", "/by-query?id=a%5Cb", "/by-query?id=%0A", "/by-query?id=%2E%2E%2Fadmin", "/by-query?id=..%5Cadmin"),
    ],
)
def test_a_path_that_would_be_another_is_refused(language_edge: Edge, target: str) -> None:
    raw = exchanged(language_edge, f"GET {target} HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n".encode())
    assert answer(raw).status == 400


def test_a_body_goes_to_the_rewritten_path(language_edge: Edge) -> None:
    for path, target in (("/strip/x", "/x"), ("/hand/x/y", "/v2/x/y")):
        request = seen(language_edge.request("POST", path, content=b"body"))
        assert (request["target"], request["body"]) == (target, b"body")


def test_a_stream_of_a_backend_with_another_path(language_edge: Edge) -> None:
    """Fanout holds what the backend answers at the rewritten path."""
    with language_edge.client.stream("GET", "/talk/stream") as held:
        lines = held.iter_lines()
        assert next(lines) == "first"
        language_edge.publish("of-origin", http_stream={"content": "held\n"})
        assert next(lines) == "held"


def test_a_socket_of_a_backend_with_another_path(language_edge: Edge) -> None:
    """Fanout sends each event of the WebSocket to the rewritten path."""
    with open_websocket(language_edge, "/talk/socket") as client:
        client.send("bye")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "ciao"


def test_a_tunnel_to_another_path(language_edge: Edge) -> None:
    with open_websocket(language_edge, "/joined/echo?x=1") as client:
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"
