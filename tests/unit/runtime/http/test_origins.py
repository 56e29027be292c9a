"""Tests which pages may open a WebSocket. Source: RFC 6455, 4.1 and 10.2, and RFC 6454"""

import pytest

from fanroute.pipeline import compile_routes
from fanroute.plan import describe
from fanroute.plan.request import RequestData
from fanroute.plan.trace import through_fanout, trace
from fanroute_runtime.decide import FORBIDDEN_ORIGIN
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.messages import Answer, Decision, Headers, ToFanout, ToWebSocket
from tests.conftest import GRIP_SIG, INPUTS

COMPILED = compile_routes(
    b"""
version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - match: {path: /socket}
    websocket: {channel: test, refuse_code: 4403}
    origins: [https://chat.example.com, "https://*.example.org", "http://localhost:3000", "http://127.0.0.1:*"]
    response_headers: {set: {X-Edge: fanroute}}
  - match: {path: /tunnel}
    tunnel: origin
    origins: https://chat.example.com
  - match: {path: /handoff}
    handoff: origin
    origins: https://chat.example.com
  - match: {path: /any}
    websocket: {channel: test}
    origins: "*"
""",
    INPUTS,
)
CHAT = b"https://chat.example.com"
FROM_FANOUT: Headers = (("grip-sig", GRIP_SIG.encode()), ("content-type", b"application/websocket-events"))
SOCKET = RequestData("GET", "https://edge.example.com/socket", (("upgrade", b"websocket"),))
PINNED = tuple(header for header in through_fanout(COMPILED.plan, SOCKET).headers if header[0] == PIN)


def decided(*origins: bytes, url: str = "https://edge.example.com/socket", upgrade: bytes = b"websocket") -> Decision:
    headers = (("upgrade", upgrade), *(("origin", origin) for origin in origins))
    return trace(COMPILED.plan, "self", RequestData("GET", url, headers)).decision


def second_pass(origin: bytes | None, body: bytes = b"OPEN\r\n", **forwarded: bytes) -> Decision:
    connection = {"host": b"edge.example.com", "proto": b"https"} | forwarded
    headers = (*FROM_FANOUT, *PINNED, *((f"x-forwarded-{name}", value) for name, value in connection.items()))
    headers += () if origin is None else (("origin", origin),)
    return trace(COMPILED.plan, "self", RequestData("POST", "http://self.example.com/socket", headers, body)).decision


@pytest.mark.parametrize(
    "origin",
    [
        CHAT,
        b"https://a.example.org",
        b"https://a.b-1.example.org",
        b"http://localhost:3000",
        b"http://127.0.0.1",
        b"http://127.0.0.1:1",
        b"http://127.0.0.1:65535",
        b"https://edge.example.com",
    ],
)
def test_a_page_of_an_origin_connects(origin: bytes) -> None:
    assert isinstance(decided(origin), ToFanout)
    answer = second_pass(origin)
    assert isinstance(answer, Answer) and (answer.status, answer.body[:4]) == (200, b"OPEN")


def test_what_is_no_browser_connects() -> None:
    assert isinstance(decided(), ToFanout)
    answer = second_pass(None)
    assert isinstance(answer, Answer) and answer.status == 200


FOREIGN = [
    b"",
    b"null",
    b"https://evil.example",
    b"http://chat.example.com",
    b"https://chat.example.com:8443",
    b"https://chat.example.com:443",
    b"https://chat.example.com.",
    b"https://chat.example.com/",
    b"https://chat.example.com.evil.com",
    b"https://evil-chat.example.com",
    b"https://chat.example.com@evil.com",
    b"https://evil.com@chat.example.com",
    b"https://Chat.example.com",
    b"HTTPS://chat.example.com",
    b"wss://chat.example.com",
    b"chat.example.com",
    b"https://chat.example.com https://evil.com",
    b"https://chat.example.com,https://evil.com",
    b"https://example.org",
    b"https://.example.org",
    b"https://evilexample.org",
    b"https://a.example.org.evil.com",
    b"https://evil.com/.example.org",
    b"https://evil.com#.example.org",
    b"https://*.example.org",
    b"https://a.example.org:8443",
    b"https://\xc3\xa9.example.org",
    b"*",
    b"http://edge.example.com",
    b"https://edge.example.com:443",
    b"https://edge.example.com.evil.com",
    b"https://sub.edge.example.com",
    CHAT + b"x" * 60_000,
    b"https://" + b"a." * 30_000 + b"example.org.evil.com",
]


@pytest.mark.parametrize("origin", FOREIGN, ids=[origin[:40].decode("latin-1") for origin in FOREIGN])
def test_any_other_page_is_refused(origin: bytes) -> None:
    """It is refused on both passes and at each event, with a 403 instead of `refuse_code`."""
    assert decided(origin) == Answer(403, (*FORBIDDEN_ORIGIN.headers, ("x-edge", b"fanroute")), FORBIDDEN_ORIGIN.body)
    for body in (b"OPEN\r\n", b"TEXT 2\r\nhi\r\n", b""):
        answer = second_pass(origin, body)
        assert isinstance(answer, Answer) and (answer.status, answer.body) == (403, FORBIDDEN_ORIGIN.body)


@pytest.mark.parametrize("path", ["tunnel", "handoff"])
def test_so_it_is_with_a_socket_of_the_backends(path: str) -> None:
    url = f"https://edge.example.com/{path}"
    assert isinstance(decided(CHAT, url=url), ToWebSocket if path == "tunnel" else ToFanout)
    assert decided(b"https://evil.example", url=url) == FORBIDDEN_ORIGIN


@pytest.mark.parametrize("upgrade", [b"", b"h2c", b"websockets"])
def test_other_requests_are_not_asked_where_they_come_from(upgrade: bytes) -> None:
    assert isinstance(decided(b"https://evil.example", url="https://edge.example.com/handoff", upgrade=upgrade), ToFanout)
    answer = decided(b"https://evil.example", upgrade=upgrade)
    assert isinstance(answer, Answer) and answer.status == 426  # no WebSocket, and so nothing to hold


def test_any_page_may_where_the_route_says_so() -> None:
    assert isinstance(decided(b"null", url="https://edge.example.com/any"), ToFanout)


def test_of_two_origins_the_first_counts() -> None:
    """The first value counts for any header. No browser sends two."""
    assert isinstance(decided(CHAT, b"https://evil.example"), ToFanout)
    assert isinstance(decided(b"https://evil.example", CHAT), Answer)


@pytest.mark.parametrize(
    ("url", "origin", "is_own"),
    [
        ("http://a.example.com/socket", b"http://a.example.com", True),
        ("http://A.Example.com:8080/socket", b"http://a.example.com:8080", True),
        ("http://a.example.com./socket", b"http://a.example.com.", True),
        ("http://[::1]:80/socket", b"http://[::1]:80", True),
        ("http://a.example.com/socket", b"https://a.example.com", False),
        ("http://a.example.com:8080/socket", b"http://a.example.com", False),
        ("http://a.example.com/socket", b"http://a.example.com.", False),
        ("http://u@a.example.com/socket", b"http://a.example.com", False),
    ],
)
def test_a_page_of_the_services_own_connects(url: str, origin: bytes, is_own: bool) -> None:
    """The origin must equal the request's authority exactly, because browsers write both in the same way."""
    assert isinstance(decided(origin, url=url), ToFanout) == is_own


def test_the_services_own_is_the_clients_host_on_the_second_pass() -> None:
    own = second_pass(b"http://chat.example.net", host=b"Chat.example.net", proto=b"http")
    other = second_pass(b"http://self.example.com", host=b"Chat.example.net", proto=b"http")
    assert isinstance(own, Answer) and own.status == 200
    assert isinstance(other, Answer) and other.status == 403


def test_the_listing_tells_of_it() -> None:
    assert [row[3].endswith(", origins") for row in describe.route_rows(COMPILED.plan)] == [True, True, True, False]
