"""Requests that are hard to match, written to the socket as they are, because clients would normalize them.

The table of docs/language/paths.md has the result of each, row by row.
"""

import re
import socket
from http.client import HTTPResponse

import pytest

from tests.conftest import GRIP_SIG, REPOSITORY
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

STREAM, ROOM, ROOMS, EVENTS = "/test/stream", "/rooms/{room}", "/rooms/*", "data: events"
OTHER = "no other route"
# The answer for a path that is refused before any route is tried.
DOTS, BACKSLASH, CONTROL = "The path has a segment '.' or '..'.", "The path has a backslash.", "The path has a control character."
REFUSED = (DOTS, BACKSLASH, CONTROL)
UPGRADE = ("Upgrade: WebSocket", "Connection: Upgrade")
PREFLIGHT = ("Origin: https://a.example.com", "Access-Control-Request-Method: GET")

# Each row of the table, by its first cell: requests, as the start of the request line and headers, and their answers.
ROWS: dict[str, list[tuple[str, tuple[str, ...], str]]] = {
    "`/test/str%65am`, `/caf%c3%a9`": [
        ("GET /test/str%65am", (), STREAM),
        ("GET /%74%65%73%74/%73tream", (), STREAM),
        ("GET /caf%c3%a9", (), "/café"),
        ("GET /caf%C3%A9", (), "/café"),
        ("GET /caf%E9", (), OTHER),
        ("GET /rooms/%62lue/events", (), EVENTS),
        ("GET /rooms/a%20b/events", (), EVENTS),
        ("GET /rooms/a+b/events", (), EVENTS),
    ],
    "`/test/str%2565am`": [("GET /test/str%2565am", (), OTHER), ("GET /rooms/a%252Fb", (), ROOM)],
    "`/test%2Fstream`": [
        ("GET /test%2Fstream", (), OTHER),
        ("GET /test%2fstream", (), OTHER),
        ("GET /rooms/a%2Fb", (), ROOMS),
        ("GET /rooms%2Fa", (), OTHER),
        ("GET /rooms/a%2Fb/events", (), ROOMS),
        ("GET /rooms/a%2Fevents", (), ROOMS),
    ],
    "`/rooms/%zz`": [("GET /rooms/%zz", (), ROOM), ("GET /rooms/%", (), ROOM), ("GET /rooms/%e", (), ROOM)],
    "`/rooms/%FF`": [
        ("GET /rooms/%FF", (), ROOMS),
        ("GET /rooms/%C0%AF", (), ROOMS),
        ("GET /rooms/%ED%A0%80", (), ROOMS),
        ("GET /rooms/%FF/events", (), ROOMS),
        ("GET /%FF", (), OTHER),
    ],
    "`/rooms/..`, `/rooms/%2e%2e`, `/rooms/..;x`": [
        ("GET /rooms/..", (), DOTS),
        ("GET /rooms/.", (), DOTS),
        ("GET /rooms/%2e%2e", (), DOTS),
        ("GET /rooms/.%2E/events", (), DOTS),
        ("GET /rooms/../events", (), DOTS),
        ("GET /rooms/..;x", (), DOTS),
        ("GET /rooms/..%3Bx/events", (), DOTS),
        ("GET /rooms/a%2F..", (), DOTS),
        ("GET /test/./stream", (), DOTS),
        ("GET /x/../test/stream", (), DOTS),
        ("GET /rooms/../test/stream", (), DOTS),
        ("POST /rooms/../test/stream", ("Content-Length: 0",), DOTS),
        ("GET /rooms/...", (), ROOM),
        ("GET /rooms/..a", (), ROOM),
        ("GET /rooms/;..", (), ROOM),
        ("GET /rooms/%252e%252e", (), ROOM),
        ("GET /test/stream?/../x", (), STREAM),
    ],
    "`/rooms/a\\b`, `/rooms/a%5Cb`, `/rooms/%00`": [
        ("GET /rooms/a\\b", (), BACKSLASH),
        ("GET /rooms/a%5Cb", (), BACKSLASH),
        ("GET /rooms/a%5cb/events", (), BACKSLASH),
        ("GET /rooms/%00", (), CONTROL),
        ("GET /rooms/%0a/events", (), CONTROL),
        ("GET /rooms/%7F", (), CONTROL),
        ("GET /test/stream%00", (), CONTROL),
        ("GET /rooms/%255C", (), ROOM),
        ("GET /test/stream?%00%5C", (), STREAM),
    ],
    "`/rooms//events`, `/rooms/`": [
        ("GET /rooms//events", (), ROOMS),
        ("GET /rooms/", (), ROOMS),
        ("GET /rooms", (), OTHER),
        ("GET /rooms/blue/", (), ROOMS),
        ("GET /test//stream", (), OTHER),
        ("GET //test/stream", (), OTHER),
    ],
    "`/test/stream/`, `/TEST/stream`, `/test/stream;x`": [
        ("GET /test/stream/", (), OTHER),
        ("GET /TEST/stream", (), OTHER),
        ("GET /test/stream;x", (), OTHER),
        ("GET /test/stream%3Fx", (), OTHER),
        ("GET /test/stream?x", (), STREAM),
        ("GET /test/stream?/x", (), STREAM),
        ("GET /test/stream?", (), STREAM),
    ],
    "`?a+b=%C3%A9`": [
        ("GET /query?a+b=%C3%A9", (), "a b=é"),
        ("GET /query?x&a%20b=%c3%a9&y", (), "a b=é"),
        ("GET /query?a+b=%E9", (), "a b"),
        ("GET /query?a+b=e&a+b=%C3%A9", (), "a b"),
        ("GET /query?a+b", (), "a b"),
        ("GET /query?A+b=%C3%A9", (), OTHER),
        ("GET /query?a%2Bb=%C3%A9", (), OTHER),
        ("GET /query%3Fa+b=%C3%A9", (), OTHER),
    ],
    "`Host: A.Example.com.:8080`": [
        ("GET /host", ("Host: a.example.com",), "a.example.com"),
        ("GET /host", ("Host: A.Example.com.:8080",), "a.example.com"),
        ("GET /host", ("Host: a.example.com:",), "a.example.com"),
        ("GET /host", ("Host: a.example.com..",), "another host"),
        ("GET /host", ("Host: B.A.example.COM:443",), "*.example.com"),
        ("GET /host", ("Host: example.com",), "another host"),
        ("GET /host", ("Host: a.example.com.evil.com",), "another host"),
    ],
    "`Host: [::2]:80`": [("GET /host", ("Host: [::2]:80",), "another host"), ("GET /host", ("Host: [::2]",), "another host")],
    "`GET http://a/b HTTP/1.1`": [
        ("GET http://b.example.com/host", ("Host: a.example.com",), "a.example.com"),
        ("GET http://a.example.com/host", ("Host: x",), "another host"),
        ("GET http://x/test/str%65am?y", (), STREAM),
        ("GET http://x/rooms/../test/stream", (), DOTS),
        ("GET http://x", (), "/"),
        ("GET http://x/rooms/blue/events", (), EVENTS),
    ],
    "`OPTIONS * HTTP/1.1`": [("OPTIONS *", (), "/")],
    "`OPTIONS`": [
        ("OPTIONS /test/stream", (), "OPTIONS"),
        ("OPTIONS /test/stream", PREFLIGHT, "OPTIONS"),
        ("OPTIONS /rooms/blue", PREFLIGHT, ROOM),
        ("OPTIONS /rooms/blue/events", PREFLIGHT[:1], EVENTS),
        ("OPTIONS /rooms/blue/events", PREFLIGHT[1:], EVENTS),
        ("OPTIONS /rooms/blue/events", PREFLIGHT, ""),
        ("OPTIONS /rooms/%62lue/events", PREFLIGHT, ""),
        ("OPTIONS /rooms/../events", PREFLIGHT, DOTS),
    ],
    "`POST` with `Upgrade: websocket`": [
        ("POST /socket", (*UPGRADE, "Content-Length: 0"), "no websocket"),
        ("GET /socket", UPGRADE, "websocket"),
        ("GET /socket", (), "no websocket"),
    ],
    "`HEAD`": [
        ("HEAD /test/stream", (), ""),
        ("POST /test/stream", ("Content-Length: 0",), "POST"),
        ("DELETE /test/stream", (), STREAM),
        ("HEAD /rooms/blue/events", (), ""),
    ],
}
REQUESTS = [pytest.param(*request, id=" ".join((request[0], *request[1]))) for requests in ROWS.values() for request in requests]


def ask(edge: Edge, begin: str, headers: tuple[str, ...]) -> tuple[HTTPResponse, str]:
    """Returns the answer to a request that is written as given, and the first line of its content."""
    host = () if any(header.startswith("Host:") for header in headers) else ("Host: x.example.org",)
    lines = [f"{begin} HTTP/1.1", *host, *headers, "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", edge.port), timeout=ANSWER_TIMEOUT) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = HTTPResponse(connection, method=begin.partition(" ")[0])
        answer.begin()
        return answer, answer.readline().decode().rstrip("\n")


def test_the_table_of_the_docs_is_what_is_asked() -> None:
    table = (
        (REPOSITORY / "docs" / "language" / "paths.md").read_text().partition("| request | outcome |\n")[2].partition("\n\n")[0]
    )
    assert re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE) == list(ROWS)


@pytest.mark.parametrize(("begin", "headers", "told"), REQUESTS)
def test_a_hard_request(hard_edge: Edge, begin: str, headers: tuple[str, ...], told: str) -> None:
    answer, content = ask(hard_edge, begin, headers)
    expected = 400 if told in REFUSED else 404 if told == OTHER else answer.status
    assert (answer.status, content) == (expected, told)
    assert expected in (400, 404) or answer.status < 400


@pytest.mark.parametrize("path", ["/rooms/../test/stream", "/rooms/%2e%2e/events", "/rooms/a%5Cb", "/rooms/%00/events"])
def test_a_links_refetch_is_refused_too(hard_edge: Edge, path: str) -> None:
    """A request with Fanout's signature is matched too."""
    answer, _ = ask(hard_edge, f"GET {path}", (f"Grip-Sig: {GRIP_SIG}",))
    assert answer.status == 400


def test_a_head_holds_nothing(hard_edge: Edge) -> None:
    """Otherwise it is like the GET, and has the same headers."""
    answer, _ = ask(hard_edge, "HEAD /rooms/blue/events", ())
    assert answer.read() == b""
    assert (answer.status, answer.getheader("Content-Type"), answer.getheader("Cache-Control")) == (
        200,
        "text/event-stream",
        "no-store",
    )


@pytest.mark.parametrize("target", ["/rooms/%C3%A9/events", "/rooms/a%3Bb/events", "/rooms/a%2Cb/events", "/rooms/%20/events"])
def test_what_is_no_channel_is_refused_on_both_passes(hard_edge: Edge, target: str) -> None:
    pinned = [f"{name}: {value}" for name, value in hard_edge.pin(target)]
    assert pinned
    for headers in ((), (f"Grip-Sig: {GRIP_SIG}", *pinned)):
        answer, content = ask(hard_edge, f"GET {target}", headers)
        assert answer.status == 400
        assert content.startswith("The request gives no valid channel: ")


@pytest.mark.parametrize(
    ("begin", "headers"),
    [
        *[(begin, ()) for begin in ("GET /caf\u00e9", "GET x", "GET ?x", "GET ")],
        ("GET /test/stream", ("Host: caf\u00e9.example.com",)),
    ],
)
def test_what_is_no_request_reaches_no_route(hard_edge: Edge, begin: str, headers: tuple[str, ...]) -> None:
    """The server in front of the component refuses it, or closes the connection."""
    try:
        answer, _ = ask(hard_edge, begin, headers)
    except ConnectionError:
        return
    assert answer.status == 400


def test_a_percent_sign_of_its_own_through_fanout(hard_edge: Edge) -> None:
    """docs/differences.md: Pushpin does not accept it."""
    answer, content = ask(hard_edge, "GET /rooms/%zz/events", ())
    assert (answer.status, content) == ((500, "Accept service unavailable.") if hard_edge.name == "viceroy" else (200, EVENTS))


@pytest.mark.parametrize("method", ["get", "BREW"])
def test_a_method_of_ones_own(hard_edge: Edge, method: str) -> None:
    """docs/differences.md: the embedded edge's server accepts only registered methods. Methods are case-sensitive."""
    answer, content = ask(hard_edge, f"{method} /test/stream", ())
    assert answer.status == 400 if hard_edge.name == "embedded" else content == STREAM
