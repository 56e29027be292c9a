"""Who shows the secret of `debug` is told the route and the reason, on both passes. Nobody else is, and no backend sees it.

The embedded edge tells everybody, so only its log shows if the secret was accepted.
"""

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, edge_of, open_websocket, wait_until
from tests.e2e.origin import seen, values

SECRET = "a secret that nobody would guess"
MANIFEST = f"""\
manifest_version = 3
[local_server.secret_stores]
edge = [{{ key = "debug", data = "{SECRET}\\n" }}, {{ key = "login", data = "{SECRET[::-1]}" }}]
"""
debug_edge = edge_of("debug", {"fastly.toml": MANIFEST.encode()})
HOST = "www.example.com"
SHOWN = ("Fanroute-Debug", SECRET)


def told(headers: httpx.Headers) -> tuple[str | None, str | None]:
    """Returns the route and the reason, each of which an answer has at most once."""
    assert max(len(headers.get_list(name)) for name in ("fanroute-route", "fanroute-reason")) <= 1
    return headers.get("fanroute-route"), headers.get("fanroute-reason")


@pytest.mark.parametrize(
    ("target", "status", "route", "reason"),
    [
        ("/hello", 200, "hello", None),
        ("/nothing", 404, None, "No route matches this request."),
        ("/a/%2e%2e/b", 400, None, "The path has a segment '.' or '..'."),
        ("/guarded", 401, "guarded", "This request needs a token."),
        ("/forward/x", 200, "forwarded", None),
        ("/events/a%252Cb", 400, "events", "The request gives no valid channel: {room} is still percent-encoded."),
    ],
)
def test_who_shows_the_secret_is_told(debug_edge: Edge, target: str, status: int, route: str | None, reason: str | None) -> None:
    """The last of these is refused on the second pass."""
    answer = debug_edge.request("GET", target, HOST, [SHOWN])
    assert (answer.status_code, *told(answer.headers)) == (status, route, reason)
    assert answer.headers["cache-control"] == "no-store"


def test_a_backend_that_fails_is_named(debug_edge: Edge) -> None:
    answer = debug_edge.request("GET", "/gone", HOST, [SHOWN])
    assert (answer.text, answer.headers["fanroute-route"]) == ("later\n", "gone")
    # The embedded edge knows more about it.
    assert answer.headers["fanroute-reason"].startswith("The backend 'gone' ")


def test_a_stream_has_its_route(debug_edge: Edge) -> None:
    headers = {"Host": HOST, "Origin": "https://page.example.com", **dict([SHOWN])}
    with debug_edge.client.stream("GET", "/events/blue", headers=headers) as answer:
        assert told(answer.headers) == ("events", None)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-expose-headers"] == "Fanroute-Route, Fanroute-Reason, Fanroute-Limit"


def test_a_websocket_has_its_route(debug_edge: Edge) -> None:
    with open_websocket(debug_edge, "/socket", additional_headers=[SHOWN], subprotocols=["chat"]) as client:
        assert client.response is not None and client.response.headers["fanroute-route"] == "socket"
    with pytest.raises(InvalidStatus) as refused, open_websocket(debug_edge, "/socket", additional_headers=[SHOWN]):
        pass
    headers = refused.value.response.headers
    assert (headers["fanroute-route"], headers["fanroute-reason"]) == (
        "socket",
        "The client offers none of the endpoint's protocols.",
    )


@pytest.mark.parametrize("headers", [[], [("Fanroute-Debug", SECRET[:-1])], [SHOWN, SHOWN], [("Fanroute-Debug", "")]])
@pytest.mark.parametrize("target", ["/hello", "/nothing", "/guarded", "/forward/x", "/gone"])
def test_nobody_else_is_told(debug_edge: Edge, target: str, headers: list[tuple[str, str]]) -> None:
    answer = debug_edge.request("GET", target, HOST, headers)
    assert answer.headers.get("cache-control") is None
    if debug_edge.name == "viceroy":
        assert told(answer.headers) == (None, None)


@pytest.mark.parametrize("target", ["/forward/x", "/handoff/x"])
@pytest.mark.parametrize("name", ["Fanroute-Debug", "Fanroute_Debug"])
def test_no_backend_sees_the_secret(debug_edge: Edge, target: str, name: str) -> None:
    request = seen(debug_edge.request("GET", target, HOST, [(name, SECRET), ("X-Other", "1")]))
    assert not values(request, name.lower()) and values(request, "x-other") == ["1"]
    assert SECRET not in json.dumps(request["headers"])


def test_no_origin_of_a_tunnel_sees_the_secret(debug_edge: Edge) -> None:
    with open_websocket(debug_edge, "/tunnel/echo", additional_headers=[SHOWN]) as client:
        client.send("seen")
        assert SECRET not in str(client.recv(timeout=ANSWER_TIMEOUT))


def test_the_log_says_why_the_secret_is_ignored(debug_edge: Edge) -> None:
    """On the embedded edge, and without the secret."""
    before = len(debug_edge.output)
    debug_edge.request("GET", "/hello", HOST, [SHOWN])
    for headers in ([("Fanroute-Debug", "wr0ng")], [SHOWN, SHOWN]):
        debug_edge.request("GET", "/hello", HOST, headers)
    if debug_edge.name == "embedded":
        reasons = ("it is not the secret 'debug' of the store 'edge'", "the request has it more than once")
        wait_until(lambda: all(any(reason in line for line in debug_edge.output[before:]) for reason in reasons))
        assert sum("Fanroute-Debug is ignored" in line for line in debug_edge.output[before:]) == len(reasons)
    printed = "\n".join(debug_edge.output)
    assert SECRET not in printed and "wr0ng" not in printed
