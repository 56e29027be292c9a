"""Values of a request in an answer's headers: they make no further header, and no other target."""

import pytest

from tests.conftest import GRIP_SIG
from tests.e2e.conftest import Edge
from tests.e2e.test_smuggling import answer, exchanged

EVIL = "%0D%0ASet-Cookie:%20evil=1%0D%0A%0D%0A%3Cscript%3E"


def headers(edge: Edge, target: str, *fields: bytes, method: str = "GET", body: bytes = b"") -> dict[str, str]:
    """Returns the headers of an answer, by their names in small letters."""
    begin = f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n".encode()
    response = answer(exchanged(edge, b"\r\n".join([begin.rstrip(), *fields, b"", b""]) + body))
    return {name.lower(): value for name, value in response.getheaders()}


@pytest.mark.parametrize(
    ("old", "location"),
    [
        (EVIL, None),
        ("%0Aevil", None),
        ("%E5%98%8A%E5%98%8DSet-Cookie:evil=1", "%E5%98%8A%E5%98%8DSet-Cookie%3Aevil%3D1"),
        ("%5C%5Cevil.com", None),
        ("@evil.com", "%40evil.com"),
        ("a%3F%23", "a%3F%23"),
        ("a%250D%250A", "a%250D%250A"),
        ("%00", None),
    ],
)
def test_a_location_is_split_by_nothing(hostile_edge: Edge, old: str, location: str | None) -> None:
    told = headers(hostile_edge, f"/old/{old}")
    assert told.get("location") == (f"/new/{location}" if location else None)
    assert "set-cookie" not in told


@pytest.mark.parametrize(
    ("page", "location"),
    [
        (EVIL, "%0D%0ASet-Cookie%3A%20evil%3D1%0D%0A%0D%0A%3Cscript%3E"),
        ("%0Aevil", "%0Aevil"),
        ("%5C%5Cevil.com", "%5C%5Cevil.com"),
        ("%00", "%00"),
    ],
)
def test_a_location_is_split_by_nothing_of_a_query(hostile_edge: Edge, page: str, location: str) -> None:
    told = headers(hostile_edge, f"/language?lang=en&page={page}")
    assert told["location"] == f"/en/{location}"
    assert "set-cookie" not in told


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("lang=en&page=home", "/en/home"),
        ("lang=en&page=//evil.com", "/en/%2F%2Fevil.com"),
        ("lang=&page=evil.com", None),
        ("lang=&page=", None),
        ("lang=en&page=", None),
        ("lang=.&page=evil.com", None),
        ("lang=%2E%2E&page=x", None),
        ("lang=en&page=..%3Bx", None),
        ("lang=en&page=..%2Fx", None),
        ("lang=en&page=x%5C..", None),
        ("lang=%2F&page=evil.com", "/%2F/evil.com"),
    ],
)
def test_a_location_leads_where_the_route_says(hostile_edge: Edge, query: str, location: str | None) -> None:
    response = answer(exchanged(hostile_edge, f"GET /language?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()))
    assert (response.status, response.getheader("location")) == ((302, location) if location else (400, None))


@pytest.mark.parametrize(("page", "location"), [(b"x", "https://www.example.com/a/.x/b"), (b".", None), (b";", None)])
def test_a_headers_value_leads_nowhere_else(hostile_edge: Edge, page: bytes, location: str | None) -> None:
    assert headers(hostile_edge, "/partner", b"X-Page: " + page).get("location") == location


@pytest.mark.parametrize("room", ["", ".", "%2e%2e", "..;a", "a%2F..%2Fb"])
def test_a_link_leads_nowhere_else(hostile_edge: Edge, room: str) -> None:
    """Nothing is held with a link by which Fanout would ask for another path."""
    refused = hostile_edge.request("GET", f"/reliable?room={room}", "a")
    assert (refused.status_code, refused.text) == (400, "The request would make a segment of the address empty, '.' or '..'.\n")
    told = headers(hostile_edge, "/reliable?room=x", f"Grip-Sig: {GRIP_SIG}".encode())
    assert told["grip-link"] == "</missed/x>; rel=next"


@pytest.mark.parametrize(
    ("page", "allowed"),
    [
        (b"https://a.example.com", "https://a.example.com"),
        (b"https://x.example.org", "https://x.example.org"),
        (b"https://a.example.com.evil.com", None),
        (b"https://evil.com/.example.org", None),
        (b"https://evil.com?.example.org", None),
        (b"https://evil.com#.example.org", None),
        (b"https://evil.com\\.example.org", None),
        (b"https://user@x.example.org", None),
        (b"https://x.example.org:80", None),
        (b"https://.example.org", None),
        (b"https://example.org", None),
        (b"http://x.example.org", None),
        (b"HTTPS://A.EXAMPLE.COM", None),
        (b"https://a.example.com, https://evil.com", None),
        (b"https://a.example.com\tX-Evil: 1", None),
        (b"https://\xe9.example.org", None),
        (b"null", None),
        (b"*", None),
        (b"", None),
        (b"https://evil.com\r\nOrigin: https://a.example.com", None),
        (b"https://a.example.com\r\nOrigin: https://evil.com", "https://a.example.com"),
    ],
)
def test_an_origin_is_one_of_the_routes_or_not_said(hostile_edge: Edge, page: bytes, allowed: str | None) -> None:
    """Of two Origin headers the first counts; no browser sends two."""
    told = headers(hostile_edge, "/shared", b"Origin: " + page)
    assert told.get("access-control-allow-origin") == allowed
    assert told["vary"] == "Origin"


@pytest.mark.parametrize("offered", [b"evil", b"<script>", b'a; b="c"', b"a\tX-Evil: 1", b"x" * 8000])
def test_a_protocol_makes_no_other_header(hostile_edge: Edge, offered: bytes) -> None:
    """The refusal of a WebSocket has the offered protocol as one value, on the second pass."""
    fields = (
        f"Grip-Sig: {GRIP_SIG}".encode(),
        b"Content-Type: application/websocket-events",
        *(f"{name}: {value}".encode() for name, value in hostile_edge.pin("/protocols", websocket=True)),
        b"Sec-WebSocket-Protocol: " + offered,
    )
    told = headers(hostile_edge, "/protocols", *fields, method="POST", body=b"OPEN\r\n")
    assert told["sec-websocket-protocol"].encode("latin-1") == offered
    assert "x-evil" not in told
