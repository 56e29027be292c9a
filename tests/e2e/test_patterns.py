"""Patterns on the wire: of parameters, headers and the query, on both passes."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import GRIP_SIG
from tests.e2e.conftest import Edge

FROM_FANOUT = [("Grip-Sig", GRIP_SIG)]
ACME = [("X-Tenant", "acme")]


def test_a_room_that_fits_is_held(patterns_edge: Edge) -> None:
    with patterns_edge.client.stream("GET", "/rooms/blue%2D1/events") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for channel in ("room-blue", "room-blue-1"):
            patterns_edge.publish(channel, http_stream={"content": f"data: {channel}\n"})
        assert next(answer.iter_lines()) == "data: room-blue-1"


def test_a_header_and_a_query_that_fit_are_held(patterns_edge: Edge) -> None:
    with patterns_edge.client.stream("GET", "/user?id=ann", headers=ACME) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "hello"
        patterns_edge.publish("acme-ann", http_stream={"content": "hi ann\n"})
        assert next(lines) == "hi ann"


def test_a_socket_that_fits_opens(patterns_edge: Edge) -> None:
    url = patterns_edge.url.replace("http", "ws", 1)
    with connect(f"{url}/sockets/42", proxy=None) as socket:
        socket.send("hi")
        assert socket.recv(timeout=10) == "hi"
    with pytest.raises(InvalidStatus):
        connect(f"{url}/sockets/x", proxy=None)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/rooms/Blue/events", []),
        ("/rooms/blue%20/events", []),
        ("/user?id=1%0A", ACME),
        ("/rooms/%C3%A9/events", []),
        ("/rooms/ninechars/events", []),
        ("/user?id=", ACME),
        ("/user?id=a1", ACME),
        ("/user?id=%FF", ACME),
        ("/user?id=1&id=a", ACME),
        ("/user?x=a", ACME),
        ("/user?id=ann", []),
        ("/user?id=ann", [("X-Tenant", "acmes")]),
        ("/user?id=ann", [("X-Tenant", "ACME")]),
    ],
)
def test_near_misses_go_on_to_the_next_route(patterns_edge: Edge, target: str, headers: list[tuple[str, str]]) -> None:
    answer = patterns_edge.request("GET", target, headers=headers)
    assert (answer.status_code, json.loads(answer.text)["target"]) == (200, target)


@pytest.mark.parametrize(
    ("target", "channel"),
    [("/rooms/blue/events", "room-blue"), ("/rooms/Blue/events", None), ("/user?id=ann", "acme-ann"), ("/user?id=Ann", None)],
)
def test_fanout_is_answered_by_patterns_too(patterns_edge: Edge, target: str, channel: str | None) -> None:
    """A value that does not match the pattern would lead to the origin, which must not get Fanout's request."""
    answer = patterns_edge.request("GET", target, headers=[*FROM_FANOUT, *ACME, *patterns_edge.pin(target, "", *ACME)])
    assert (answer.status_code, answer.headers.get("grip-channel")) == (200 if channel else 403, channel)
