"""Requests that are not HTTP, or that two servers could read in different ways, written to the socket as they are.

The table of docs/security.md has the result of each, row by row: an answer of the edge's server before the component, of a route,
or of the origin.
"""

import base64
import json
import re
import socket
from http.client import HTTPResponse
from io import BytesIO
from typing import cast

import pytest

from tests.conftest import REPOSITORY
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge
from tests.e2e.origin import Origin

SITE, CHUNKED = "Host: www.example.com", "Transfer-Encoding: chunked"
HUNG_UP = ""
ROUTE, OTHER = "200 a GET", "405 no GET"
OURS, THEIRS = "200 edgecompute", "200 another host"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: www.example.com\r\n\r\n"


def body_of(*fields: str, body: str = "", path: str = "/PASS/x") -> str:
    return "\r\n".join([f"POST {path} HTTP/1.1", SITE, "Connection: close", *fields, "", body])


def head_of(*fields: str, line: str = "GET /PASS/x HTTP/1.1", host: str = SITE) -> str:
    return "\r\n".join([line, *filter(None, [host]), "Connection: close", *fields, "", ""])


def on_host(host: str) -> str:
    return head_of(line="GET /host HTTP/1.1", host=f"Host: {host}")


def on_line(line: str) -> str:
    return head_of(line=f"{line} HTTP/1.1")


# Each row of the table, by its first cell: requests, each with what it gets on the embedded edge and under Viceroy. PASS is
# handoff and forward in turn.
ROWS: dict[str, list[tuple[str, str, str]]] = {
    "`Content-Length` and `Transfer-Encoding`": [
        (body_of("Content-Length: 6", CHUNKED, body="0\r\n\r\n" + SMUGGLED), "400", "200 origin ''"),
        (body_of(CHUNKED, "Content-Length: 6", body="0\r\n\r\n" + SMUGGLED), "400", "200 origin ''"),
    ],
    "two lengths, a list of lengths, a length with a sign": [
        (body_of("Content-Length: 2", "Content-Length: 3", body="ab" + SMUGGLED), "400", "400"),
        (body_of("Content-Length: 2", "Content-Length: 2", body="ab" + SMUGGLED), "400", "200 origin 'ab'"),
        (body_of("Content-Length: 2, 2", body="ab"), "400", "400"),
        (body_of("Content-Length: +2", body="ab"), "400", "400"),
        (body_of("Content-Length: -1", body="ab"), "400", "400"),
        (body_of("Content-Length: 0x2", body="ab"), "400", "400"),
    ],
    "`Transfer-Encoding: xchunked`, with a tab, twice": [
        (body_of("Transfer-Encoding: xchunked", body="0\r\n\r\n"), "400", "400"),
        (body_of("Transfer-Encoding: \x0bchunked", body="0\r\n\r\n"), "400", "400"),
        (body_of(CHUNKED, "Transfer-Encoding: identity", body="0\r\n\r\n"), "400", "400"),
    ],
    "malformed chunk sizes": [
        (body_of(CHUNKED, body="zz\r\na\r\n0\r\n\r\n"), "400", "502"),
        (body_of(CHUNKED, body="-1\r\na\r\n0\r\n\r\n"), "400", "502"),
        (body_of(CHUNKED, body="11111111111111111\r\na\r\n0\r\n\r\n"), "400", "502"),
    ],
    "`Grip-Sig` and others in trailers": [
        (
            body_of(CHUNKED, "Trailer: Grip-Sig, X-Trailer", body="1\r\na\r\n0\r\nGrip-Sig: x\r\nX-Trailer: x\r\n\r\n"),
            "200 origin 'a'",
            "200 origin 'a'",
        ),
    ],
    "a folded line": [(head_of("X-A: 1\r\n Grip-Sig: x"), "400", "400"), (head_of("X-A: 1\r\n\tX-Trailer: x"), "400", "400")],
    "lines that end in LF alone": [
        (head_of("X-A: 1\nX-B: 2"), "400", "200 origin ''"),
        (head_of().replace("\r", ""), "400", "200 origin ''"),
    ],
    "CR or NUL in a value": [(head_of("X-A: 1\rX-B: 2"), "400", "400"), (head_of("X-A: a\0b"), "400", "400")],
    "a space in or before a name, no colon": [
        (head_of("X-A : 1"), "400", "400"),
        (head_of("X A: 1"), "400", "400"),
        (head_of(host=" X-A: 1\r\n" + SITE), "400", "400"),
        (head_of("X-A"), "400", "400"),
        (head_of(": a"), "400", "400"),
    ],
    "two hosts": [
        (on_host("a.edgecompute.app\r\nHost: evil.com"), "400", OURS),
        (on_host("b\r\nHost: a.edgecompute.app"), "400", THEIRS),
    ],
    "no `Host`": [(head_of(host=""), "400", HUNG_UP)],
    "`A.EDGECOMPUTE.APP.:81`, `[::2]:80`": [
        (on_host("A.EDGECOMPUTE.APP"), OURS, OURS),
        (on_host("a.edgecompute.app."), OURS, OURS),
        (on_host("a.edgecompute.app:81"), OURS, OURS),
        (on_host("a.b.edgecompute.app"), OURS, OURS),
        (on_host("a.edgecompute.app.."), THEIRS, THEIRS),
        (on_host("[::2]:80"), THEIRS, THEIRS),
    ],
    "`evil-edgecompute.app`, `a.edgecompute.app.evil.com`": [
        (on_host("evil-edgecompute.app"), THEIRS, THEIRS),
        (on_host("a.edgecompute.app.evil.com"), THEIRS, THEIRS),
        (on_host("edgecompute.app"), THEIRS, THEIRS),
        (on_host(".edgecompute.app"), THEIRS, THEIRS),
        (on_host("a.edgecompute.app:80.evil.com"), OURS, OURS),
    ],
    "`user@a.edgecompute.app`, `a.edgecompute.app@evil.com`": [
        (on_host("user@a.edgecompute.app"), OURS, OURS),
        (on_host("evil.com:80@a.edgecompute.app"), OURS, OURS),
        (on_host("a.edgecompute.app@evil.com"), THEIRS, THEIRS),
        (on_host("a.edgecompute.app:80@evil.com"), THEIRS, THEIRS),
    ],
    "`Host: evil.com/.edgecompute.app`, with `?`, `#`, `%`, a space, beyond ASCII": [
        (on_host(host), "400", HUNG_UP)
        for host in (
            "evil.com/.edgecompute.app",
            "a.edgecompute.app/get?",
            "a.edgecompute.app?x",
            "evil.com#.edgecompute.app",
            "evil.com\\.edgecompute.app",
            "a%2eedgecompute.app",
            "a .edgecompute.app",
            "\xe9.edgecompute.app",
        )
    ],
    "`get`, `BREW`, a method of 65 letters": [
        (on_line("get /get"), "400", OTHER),
        (on_line("BREW /get"), "400", OTHER),
        (on_line(f"{'G' * 65} /get"), "400", "501 The method is too long."),
        (on_line("G@T /get"), "400", "400"),
    ],
    "`TRACE`, `CONNECT`, `M-SEARCH`": [
        (on_line("TRACE /get"), OTHER, OTHER),
        (on_line("CONNECT /get"), OTHER, OTHER),
        (on_line("M-SEARCH /get"), OTHER, OTHER),
    ],
    "`X-HTTP-Method-Override: GET`, `?_method=GET`": [
        (
            body_of(
                "X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET", "Content-Length: 0", path="/get"
            ),
            OTHER,
            OTHER,
        ),
        (body_of("Content-Length: 0", path="/get?_method=GET"), OTHER, OTHER),
    ],
    "spaces and tabs in the request line": [
        (on_line("GET  /get"), ROUTE, "400"),
        (on_line(" GET /get"), "400", "400"),
        (on_line("GET\t/get"), "400", "400"),
        (on_line("GET /get?a b"), "400", "400"),
        (head_of(line="GET /get HTTP/1.1 x"), "400", "400"),
    ],
    "`GET http://evil.com/get`": [
        (on_line("GET http://evil.com/get"), ROUTE, ROUTE),
        (on_line("GET HTTPS://user@evil.com/get"), ROUTE, ROUTE),
        (head_of(line="GET http://a.edgecompute.app/host HTTP/1.1"), THEIRS, THEIRS),
        (head_of(line="GET http://evil.com/host HTTP/1.1", host="Host: a.edgecompute.app"), OURS, OURS),
        (on_line("GET http:///get"), "400", "400"),
        (on_line("GET mailto:get"), "400", HUNG_UP),
    ],
    "`//evil.com/get`, `/get/`, `/%2fget`, `/get;x`": [
        (on_line(f"GET {target}"), "200 origin ''", "200 origin ''")
        for target in ("//evil.com/get", "/get/", "/%2fget", "/get;x")
    ],
    "`/./get`, `/x/../get`, `/x/%2e%2e/get`, `/x\\..\\get`, `/..;/get`, `/get%00`": [
        (on_line(f"GET {target}"), "400 The path has a", "400 The path has a")
        for target in (
            *("/./get", "/x/../get", "/x/%2e%2e/get", "/x\\..\\get", "/get\\", "/..;/get", "/x/%2e.;a=b/get", "/get/%2E"),
            *("/x%2f..%2fget", "/get%00", "/get%0d%0a", "/get%7f", "/x%5c..%5cget", "http://evil.com/x/../get"),
        )
    ],
    "`\\get`, beyond ASCII, controls": [
        (on_line("GET \\get"), "400", "400"),
        (on_line("GET /\xe9"), "400", "400"),
        (on_line("GET /get\x7f"), "400", "400"),
    ],
    "a target of 20,000 and of 70,000 bytes": [
        (on_line(f"GET /get?{'a' * 20_000}"), "414 The URI is too long.", "414 The URI is too long."),
        (on_line(f"GET /get?{'a' * 70_000}"), "400", "414"),
    ],
    "a header of 70,000 bytes, a thousand headers": [
        (head_of(f"Content-Type: {'a' * 70_000}"), "400", "431 The header content-type is too long."),
        (head_of(*(f"X-{i}: a" for i in range(1000))), "400", "431"),
    ],
}
REQUESTS = [
    pytest.param(request.replace("PASS", kind), embedded, viceroy, id=f"{what}-{number}-{kind}")
    for what, requests in ROWS.items()
    for number, (request, embedded, viceroy) in enumerate(requests)
    for kind in (("handoff", "forward") if "PASS" in request else ("once",))
]


def exchanged(edge: Edge, request: bytes) -> bytes:
    """Returns all bytes that come back for the given ones."""
    got = b""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=ANSWER_TIMEOUT) as connection:
        try:
            connection.sendall(request)
            while data := connection.recv(65_536):
                got += data
        except ConnectionError:
            pass
    return got


class _Bytes:
    """Gives bytes to HTTPResponse, which reads from sockets."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._data)


def answer(data: bytes) -> HTTPResponse:
    """Returns the first answer in some bytes. Raises HTTPException."""
    response = HTTPResponse(cast(socket.socket, _Bytes(data)))
    response.begin()
    return response


def outcome_of(data: bytes) -> str:
    """Returns the status and the first line of an answer, or what the origin got if the answer is the origin's."""
    if not data:
        return HUNG_UP
    response = answer(data)
    text = response.read().decode("latin-1")
    try:
        body = json.loads(text)["body"]
    except (ValueError, TypeError):
        return f"{response.status} {text.partition(chr(10))[0]}"
    return f"{response.status} origin {base64.b64decode(body).decode()!r}"


def test_the_table_of_the_docs_is_what_is_asked() -> None:
    table = (REPOSITORY / "docs" / "security.md").read_text().partition("| request | embedded")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (\S.*?) \| ", table, re.MULTILINE)[1:] == list(ROWS)


@pytest.mark.parametrize(("request_", "embedded", "viceroy"), REQUESTS)
def test_a_hostile_request(hostile_edge: Edge, origin: Origin, request_: str, embedded: str, viceroy: str) -> None:
    got = outcome_of(exchanged(hostile_edge, request_.encode("latin-1")))
    expected = embedded if hostile_edge.name == "embedded" else viceroy
    assert (got[: len(expected)] if expected else got) == expected
    assert "/smuggled" not in origin.targets
