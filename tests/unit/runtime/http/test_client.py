"""Tests the client's request as it is read on both passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.plan import request
from fanroute_runtime.http.client import ClientRequest
from tests.unit.runtime.test_decide import Asked


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "1"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=b", {"": "b"}),
        ("&&a=1&", {"a": "1"}),
        ("a=b=c", {"a": "b=c"}),
        ("a+b=c+d", {"a b": "c d"}),
        ("%61=%C3%A9", {"a": "é"}),
        ("a=%2B%26", {"a": "+&"}),
        ("a=%2561", {"a": "%61"}),
        ("a=%FF&a=1", {"a": None}),
        ("%FF=1", {}),
        ("a=%zz", {"a": "%zz"}),
        ("a;b=1", {"a;b": "1"}),
    ],
)
def test_the_query(query: str, values: dict[str, str | None]) -> None:
    assert ClientRequest(Asked(f"http://a/?{query}"), through_fanout=False).query == values


@given(st.text())
def test_any_query_is_read(query: str) -> None:
    assert all(isinstance(name, str) for name in ClientRequest(Asked(f"http://a/?{query}"), through_fanout=False).query)


def test_the_first_pass_believes_the_connection() -> None:
    claimed = {"x-forwarded-host": b"evil", "x-forwarded-proto": b"http", "content-type": b"application/websocket-events"}
    client = ClientRequest(Asked("http://A.example.com:80/", claimed), through_fanout=False)
    assert (client.host, client.scheme, client.method, client.websocket) == ("a.example.com", "https", "GET", False)


def test_the_second_pass_believes_the_first() -> None:
    told = {"x-forwarded-host": b"Chat.example.com:8080", "x-forwarded-proto": b"http"}
    client = ClientRequest(Asked("http://self/", told, verb="PUT"), through_fanout=True)
    assert (client.host, client.scheme, client.method, client.websocket) == ("chat.example.com", "http", "PUT", False)
    events = told | {"content-type": b"application/websocket-events"}
    client = ClientRequest(Asked("http://self/", events, verb="POST"), through_fanout=True)
    assert (client.method, client.websocket) == ("GET", True)


@pytest.mark.parametrize(
    ("lines", "cookie"),
    [
        ([], None),
        ([b"a=b"], "a=b"),
        ([b"a=b", b"c=d; e=f", b"a=g"], "a=b; c=d; e=f; a=g"),
        ([b"a=b", b"", b"c=\xe9"], "a=b; c=é"),
        ([b""], ""),
        ([b"", b""], ""),
    ],
)
def test_lines_of_cookies_are_one_header(lines: list[bytes], cookie: str | None) -> None:
    asked = request.RequestData("GET", "http://a/", tuple(("cookie", line) for line in lines))
    for through_fanout in (False, True):
        assert ClientRequest(asked, through_fanout).header("cookie") == cookie


def test_a_header_is_its_first_value() -> None:
    client = ClientRequest(Asked(headers={"a": b"\xe9"}), through_fanout=False)
    assert (client.header("a"), client.header("b")) == ("é", None)


@pytest.mark.parametrize(
    ("verb", "upgrade", "asks"),
    [
        ("GET", b"WebSocket", True),
        ("POST", b"websocket", False),
        ("GET", b"h2c", False),
        # As Pushpin 1.36 sees it: one line of several, but not an item of a list.
        ("GET", b"h2c\nwebsocket", True),
        ("GET", b"h2c, websocket", False),
    ],
)
def test_a_websocket_begins_with_a_get(verb: str, upgrade: bytes, asks: bool) -> None:
    assert ClientRequest(Asked("http://a/", {"upgrade": upgrade}, verb=verb), through_fanout=False).websocket is asks
