"""Headers in which a client pretends to be the platform, on both passes and for each kind of action.

The table of docs/security.md has the result of each, row by row.
"""

import json
import re
import threading
from collections.abc import Sequence

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import REPOSITORY
from tests.e2e.conftest import ANSWER_TIMEOUT, FROM_FANOUT, Edge, open_websocket, wait_until
from tests.e2e.origin import Origin, seen, values

Headers = Sequence[tuple[str, str]]

SITE = "www.example.com"
EVENTS = ("Content-Type", "application/websocket-events")
GRIP = ("Sec-WebSocket-Extensions", "permessage-deflate, grip")
# Each row of the table, by its first cell: a client's headers, and those of them that a backend of the first pass gets.
CLAIMS: dict[str, list[tuple[str, str, list[str]]]] = {
    "`Grip-Hold`, `Grip-Channel`, `Grip-Link` …": [
        ("Grip-Hold", "stream", []),
        ("Grip-Channel", "secret", []),
        ("Grip-Link", "</secret>; rel=next", []),
        ("Grip-Status", "200", []),
        ("Grip-Set-Meta", "user=root", []),
        ("Grip-Timeout", "5", []),
        ("Grip-Yet-Unknown", "1", []),
    ],
    "`Grip-Last`": [("Grip-Last", "polled; last-id=1", [])],
    "`Grip-Feature`": [("Grip-Feature", "claimed", [])],
    "`Meta-*`": [("Meta-User", "root", []), ("META-x", "1", [])],
    "`Connection-Id`": [("Connection-Id", "1", [])],
    "`X-Forwarded-For`, `-Host`, `-Proto`": [
        ("X-Forwarded-For", "203.0.113.9", ["127.0.0.1"]),
        ("X-Forwarded-Host", "inner.example.com", [SITE]),
        ("X-Forwarded-Proto", "https", ["http"]),
    ],
    "`X-Forwarded-Port`, `-Server`, `-Prefix` …": [
        ("X-Forwarded-Port", "1", []),
        ("X-Forwarded-Server", "claimed", []),
        ("X-Forwarded-Prefix", "/claimed", []),
        ("X-Forwarded-Protocol", "https", []),
        ("X-Forwarded-User", "root", []),
    ],
    "`Forwarded`": [("Forwarded", "for=203.0.113.9;host=inner.example.com;proto=https", [])],
    "`Grip_Sig`, `X_Forwarded_For`, `Meta_User` …": [
        ("Grip_Sig", "claimed", []),
        ("X_Forwarded_For", "203.0.113.9", []),
        ("X-Forwarded_Host", "inner.example.com", []),
        ("Meta_User", "root", []),
        ("Connection_Id", "1", []),
        ("Pushpin_Route", "self", []),
    ],
}
# The headers that Fanout may send.
FANOUTS_WORDS = [(name, value) for claims in CLAIMS.values() for name, value, _ in claims]
# Only the edge may send a pin.
CLAIMS["`Fanroute-Pin`"] = [("Fanroute-Pin", "1;0;sse-0;c2dd25cd", []), ("Fanroute_Pin", "1;0;sse-0;c2dd25cd", [])]
# It has a secret.
CLAIMS["`Fanroute-Debug`"] = [("Fanroute-Debug", "secret", []), ("Fanroute_Debug", "secret", [])]
ALL = [(name, value) for claims in CLAIMS.values() for name, value, _ in claims]
# The rows that have their own tests.
OTHERS = [
    "`Grip-Sig`",
    "`Fanroute-Id`",
    "`Pushpin-Route`",
    "`Sec-WebSocket-Extensions: grip`",
    "`Content-Type: application/websocket-events`",
    "`Connection: X-Forwarded-Host`",
    "`Upgrade: h2c`, `Upgrade: websocket`",
]
# Fanout's own values of some headers.
FANOUTS = {"grip-feature": "status, "}


def test_the_table_of_the_docs_is_what_is_asked() -> None:
    table = (REPOSITORY / "docs" / "security.md").read_text().partition("| header |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE)) == sorted([*CLAIMS, *OTHERS])


def clients(request: Headers, name: str) -> list[str]:
    """Returns the values of a header, without Fanout's own."""
    return [value for key, value in request if key == name and not value.startswith(FANOUTS.get(name, "\0"))]


@pytest.mark.parametrize("path", ["/handoff/x", "/forward/x"])
@pytest.mark.parametrize(("name", "value", "left"), [claim for claims in CLAIMS.values() for claim in claims])
def test_a_claim_reaches_no_backend(hostile_edge: Edge, path: str, name: str, value: str, left: list[str]) -> None:
    """Each header alone, and twice. Headers that are not the platform's are forwarded."""
    claimed = [(name, value), ("X-Other", "1"), (name.swapcase(), value)]
    request = seen(hostile_edge.request("GET", path, SITE, claimed))
    assert clients(request["headers"], name.lower()) == left
    assert values(request, "x-other") == ["1"]


def test_no_claim_is_tunnelled(hostile_edge: Edge) -> None:
    with open_websocket(hostile_edge, "/tunnel/echo", additional_headers=[*ALL, ("X-Other", "1")]) as client:
        client.send("seen")
        request = json.loads(client.recv(timeout=ANSWER_TIMEOUT))
    own = {
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-host": [f"127.0.0.1:{hostile_edge.port}"],
        "x-forwarded-proto": ["http"],
    }
    found = {name: clients(request, name.lower()) for name, _ in ALL}
    assert {name.lower(): left for name, left in found.items() if left} == own
    assert ["x-other", "1"] in request


def test_no_claim_reaches_an_origins_socket(hostile_edge: Edge, origin: Origin) -> None:
    """The origin gets what Fanout adds: a signature, the connection's id, its extension and its media type."""
    url = f"ws://127.0.0.1:{hostile_edge.port}/origin/socket"
    headers = [*ALL, GRIP, ("Content-Type", "text/plain")]
    with open_websocket(hostile_edge, "/origin/socket", additional_headers=headers) as client:
        assert client.response is not None, url
    found = {name.lower(): clients(origin.opened, name.lower()) for name, _ in ALL}
    (connection_id,) = found.pop("connection-id")
    assert len(connection_id) > len("1")
    assert {name for name, left in found.items() if left} == {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
    fanouts = sorted((name, value) for name, value in origin.opened if name in ("content-type", "sec-websocket-extensions"))
    assert fanouts == [("content-type", EVENTS[1]), ("sec-websocket-extensions", "grip")]
    assert len([name for name, _ in origin.opened if name == "grip-sig"]) == 1


def test_no_claim_changes_what_the_edge_answers(hostile_edge: Edge) -> None:
    plain, claimed = hostile_edge.request("GET", "/respond"), hostile_edge.request("GET", "/respond", headers=[*ALL, GRIP])
    assert (claimed.status_code, claimed.text) == (plain.status_code, plain.text) == (200, "answered\n")
    for headers in ([], ALL):
        with hostile_edge.client.stream("GET", "/events", headers=[("Host", SITE), *headers]) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "data: outer"
            hostile_edge.publish("secret", http_stream={"content": "data: secret\n\n"})
            hostile_edge.publish("outer", http_stream={"content": "data: own\n\n"})
            assert [next(lines), next(lines)] == ["", "data: own"]


def test_a_claimed_last_id_ends_no_poll(hostile_edge: Edge) -> None:
    """Fanout's own Grip-Last does end it, because something was published since."""
    answers: list[httpx.Response] = []
    headers = [("Grip-Last", "polled; last-id=1"), ("Grip_Last", "polled; last-id=1")]
    poll = threading.Thread(target=lambda: answers.append(hostile_edge.request("GET", "/poll", SITE, headers)))
    poll.start()
    while poll.is_alive():
        hostile_edge.publish("polled", http_response={"body": "published\n"})
        poll.join(0.2)
    assert answers[0].text == "published\n"
    assert (
        hostile_edge.request("GET", "/poll", SITE, [*FROM_FANOUT, *hostile_edge.pin("/poll", SITE), *headers]).text == "nothing\n"
    )


@pytest.mark.parametrize("path", ["/handoff/x", "/ruled", "/events", "/socket"])
def test_nobody_chooses_pushpins_route(hostile_edge: Edge, path: str) -> None:
    handshake = [("Upgrade", "websocket"), ("Connection", "Upgrade")] if path == "/socket" else []
    answer = hostile_edge.request("GET", path, SITE, [("Pushpin-Route", "self"), *handshake])
    assert (answer.status_code, answer.text) == (400, "A client must not send the header Pushpin-Route.\n")


def test_pushpins_route_elsewhere(hostile_edge: Edge) -> None:
    """A tunnel would keep the header, so the edge refuses it there too. A forward drops it, and an answer goes to no backend."""
    route = [("Pushpin-Route", "self")]
    with pytest.raises(InvalidStatus, match="400"), open_websocket(hostile_edge, "/tunnel/echo", additional_headers=route):
        pass
    assert values(seen(hostile_edge.request("GET", "/forward/x", SITE, route)), "pushpin-route") == []
    assert hostile_edge.request("GET", "/respond", SITE, route).text == "answered\n"


@pytest.mark.parametrize("path", ["/handoff/x", "/forward/x"])
def test_an_extension_reaches_no_backend(hostile_edge: Edge, path: str) -> None:
    assert values(seen(hostile_edge.request("GET", path, SITE, [GRIP])), GRIP[0].lower()) == []


@pytest.mark.parametrize(("offer", "kept"), [(GRIP[1], []), ("x-webkit-deflate-frame, permessage-bzip2", None)])
def test_a_tunnel_keeps_extensions_but_fanouts(hostile_edge: Edge, offer: str, kept: list[str] | None) -> None:
    headers = [("Sec-WebSocket-Extensions", offer)]
    with open_websocket(hostile_edge, "/tunnel/echo", additional_headers=headers, compression=None) as client:
        client.send("seen")
        request = json.loads(client.recv(timeout=ANSWER_TIMEOUT))
    found = [value for name, value in request if name == "sec-websocket-extensions"]
    assert found == ([offer] if kept is None else kept)


@pytest.mark.parametrize("path", ["/handoff/x", "/forward/x", "/tunnel/echo", "/respond", "/events", "/socket"])
@pytest.mark.parametrize(
    "types",
    [
        ["application/websocket-events"],
        ["Application/WebSocket-Events ; charset=utf-8"],
        ["text/plain", "application/websocket-events"],
        ["application/websocket-events", "text/plain"],
        ["text/plain, application/websocket-events"],
    ],
)
def test_a_client_sends_no_events(hostile_edge: Edge, path: str, types: list[str]) -> None:
    headers = [("Content-Type", value) for value in types]
    answer = hostile_edge.request("POST", path, SITE, headers, content=b"OPEN\r\n")
    if hostile_edge.name == "embedded" and len(types) > 1:
        assert answer.status_code == 400  # docs/differences.md: its server takes no second Content-Type
        return
    assert (answer.status_code, answer.text) == (403, "Only Fanout may send WebSocket events.\n")


def test_a_handshakes_own_type_hides_no_events(hostile_edge: Edge) -> None:
    with open_websocket(hostile_edge, "/socket", additional_headers=[("Content-Type", "text/plain")]) as client:
        assert client.response is not None
        assert client.response.status_code == 101


@pytest.mark.parametrize("named", ["X-Forwarded-Host", "close, x-forwarded-proto", "X-FORWARDED-FOR"])
@pytest.mark.parametrize("path", ["/handoff/x", "/events", "/poll"])
def test_a_connection_undoes_nothing(hostile_edge: Edge, path: str, named: str) -> None:
    """A proxy that followed it would drop the headers of the first pass, and the second pass would see another host."""
    answer = hostile_edge.request("GET", path, "inner.example.com", [("Connection", named)])
    assert (answer.status_code, answer.text) == (400, "The header Connection must not name a header that the edge sets.\n")


def test_a_connection_undoes_no_rule(hostile_edge: Edge) -> None:
    assert hostile_edge.request("GET", "/ruled", SITE, [("Connection", "X-Edge")]).status_code == 400
    request = seen(hostile_edge.request("GET", "/ruled", SITE, [("Connection", "keep-alive, X-Other"), ("X-Edge", "claimed")]))
    assert values(request, "x-edge") == ["secret"]
    connection = [("Connection", "X-Forwarded-For")]
    with pytest.raises(InvalidStatus, match="400"), open_websocket(hostile_edge, "/tunnel/echo", additional_headers=connection):
        pass


@pytest.mark.parametrize("upgrades", [["h2c", "websocket"], ["websocket", "h2c"]])
def test_a_second_upgrade_hides_no_socket(hostile_edge: Edge, upgrades: list[str]) -> None:
    """Pushpin accepts any of several Upgrade values, so the route for WebSockets must take the request."""
    handshake = [("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    headers = [*(("Upgrade", value) for value in upgrades), *handshake]
    answer = hostile_edge.request("GET", "/no-socket", SITE, headers)
    assert (answer.status_code, answer.text) == (403, "No sockets\n")


def test_what_fanout_says_reaches_a_forward(hostile_edge: Edge) -> None:
    """On the second pass the same headers are Fanout's. A backend that speaks GRIP needs them."""
    told = [(name, value) for name, value in FANOUTS_WORDS if "_" not in name and not name.isupper()]
    told += [("Sec-WebSocket-Extensions", "grip"), ("Accept", EVENTS[1])]
    request = seen(hostile_edge.request("GET", "/forward/x", headers=[*FROM_FANOUT, *told]))
    assert {name: values(request, name.lower()) for name, _ in told} == {name: [value] for name, value in told}
    assert len(values(request, "grip-sig")) == 1


def test_what_fanout_says_chooses_no_channel(hostile_edge: Edge) -> None:
    """The edge's own answer on the second pass follows the route, whatever else the request has."""
    told = [(name, value) for name, value in FANOUTS_WORDS if not name.startswith("X")]
    answer = hostile_edge.request("GET", "/events", SITE, [*FROM_FANOUT, *hostile_edge.pin("/events", SITE), *told])
    assert (answer.headers["grip-hold"], answer.headers["grip-channel"]) == ("stream", "outer")
    assert not {"grip-set-meta", "grip-link", "grip-status"} & set(answer.headers)


def test_a_sockets_headers_are_fanouts_each_time(hostile_edge: Edge, origin: Origin) -> None:
    before = origin.opened
    with open_websocket(hostile_edge, "/origin/socket"):
        wait_until(lambda: origin.opened != before)
    assert [value for name, value in origin.opened if name == "connection-id"] != [
        value for name, value in before if name == "connection-id"
    ]
