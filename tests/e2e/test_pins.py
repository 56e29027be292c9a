"""The pin: proxies between the two passes change requests, and the second pass still serves the route of the first."""

import json

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import GRIP_SIG
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

FROM_FANOUT = ("Grip-Sig", GRIP_SIG)


def first_line(edge: Edge, method: str, target: str, headers: list[tuple[str, str]], content: bytes = b"") -> str:
    with edge.client.stream(method, target, headers=headers, content=content) as answer:
        return next(answer.iter_lines())


@pytest.mark.parametrize("value", ["", "1"])
def test_the_first_pass_chooses(patterns_edge: Edge, value: str) -> None:
    """Pushpin 1.36 drops a header without a value. Without a pin, the bucket would then choose the channel."""
    with patterns_edge.client.stream("GET", "/forward/instructions", headers={"X-Live": value}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: live"
        patterns_edge.publish("live", http_stream={"content": "data: published\n\n"})
        assert "data: published" in (next(lines), next(lines))


def test_what_fanout_changes_can_be_matched(patterns_edge: Edge) -> None:
    """Fanout drops Accept-Encoding and Content-Encoding."""
    assert first_line(patterns_edge, "GET", "/packed", [("Accept-Encoding", "gzip, br")]) == "data: packed"
    headers = [("Content-Type", "application/json"), ("Accept", "text/event-stream"), ("Content-Encoding", "x-none")]
    assert first_line(patterns_edge, "POST", "/typed", headers, b"{}") == "data: typed"


@pytest.mark.parametrize("named", ["X-Live", "close, x-live", "keep-alive, X-LIVE"])
def test_what_connection_names_chooses_no_route(patterns_edge: Edge, named: str) -> None:
    """The header can be gone on the second pass, so it counts as absent on the first."""
    answer = patterns_edge.request("GET", "/forward/instructions", headers=[("Connection", named), ("X-Live", "1")])
    assert answer.text == "not held\n"
    assert [name for name in answer.headers if name.startswith("grip-")] == []


@pytest.mark.parametrize("tenant", ["", "acme"])
def test_a_socket_keeps_what_its_handshake_had(patterns_edge: Edge, tenant: str) -> None:
    """Each event has the channel and the route of the handshake."""
    url = patterns_edge.url.replace("http", "ws", 1)
    if not tenant:
        answer = patterns_edge.request("GET", "/rooms/blue", headers={"X-Tenant": "ACME"})
        assert json.loads(answer.text)["target"] == "/rooms/blue"
        return
    with connect(f"{url}/rooms/blue", additional_headers={"X-Tenant": tenant}, proxy=None) as client:
        for _ in range(3):
            client.send("hello")
            assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"
        patterns_edge.publish(f"of{tenant}-blue", ws_message={"content": "published"})
        assert client.recv(timeout=ANSWER_TIMEOUT) == "published"


def test_a_link_needs_no_pin(patterns_edge: Edge) -> None:
    with patterns_edge.client.stream("GET", "/linked") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "ready"
        item = {"channel": "linked", "id": "2", "prev-id": "1", "formats": {"http-stream": {"content": "two\n"}}}
        patterns_edge.publish_items(item)
        assert next(lines) == "missed"


def refused(edge: Edge, method: str, target: str, *headers: tuple[str, str], content: bytes = b"") -> httpx.Response:
    answer = edge.request(method, target, headers=[FROM_FANOUT, *headers], content=content)
    assert answer.status_code == 403 and not [name for name in answer.headers if name.startswith("grip-")]
    return answer


def test_without_a_pin_there_is_what_a_link_may_get(patterns_edge: Edge) -> None:
    assert patterns_edge.request("GET", "/missed", headers=[FROM_FANOUT]).text == "missed\n"
    assert refused(patterns_edge, "GET", "/forward/instructions", ("X-Live", "1")).text.startswith(
        "Fanout sent a request without a pin"
    )
    for target in ("/handoff", "/rooms/blue"):
        refused(patterns_edge, "GET", target, ("X-Tenant", "acme"))
    refused(patterns_edge, "POST", "/missed", content=b"x")
    refused(patterns_edge, "GET", "/missed", content=b"x")
    refused(patterns_edge, "GET", "/missed", ("Cookie", "a=b"))


def test_a_pin_that_is_none_is_refused(patterns_edge: Edge) -> None:
    (pin,) = patterns_edge.pin("/forward/x", "", ("X-Live", "1"))
    assert patterns_edge.request("GET", "/handoff", headers=[FROM_FANOUT, pin]).headers["grip-channel"] == "live"
    for pins in (
        [pin, pin],
        [(pin[0], pin[1][:-1])],
        [(pin[0], pin[1].upper())],
        [(pin[0], f"{pin[1]}, {pin[1]}")],
        [(pin[0], "")],
    ):
        refused(patterns_edge, "GET", "/missed", *pins)
    refused(patterns_edge, "POST", "/rooms/blue", pin, ("Content-Type", "application/websocket-events"), content=b"OPEN\r\n")


def test_a_clients_pin_does_not_count(patterns_edge: Edge) -> None:
    """The first pass adds its own."""
    (pin,) = patterns_edge.pin("/packed", "", ("Accept-Encoding", "br"))
    assert first_line(patterns_edge, "GET", "/forward/x", [pin, ("X-Live", "1")]) == "data: live"
    seen = json.loads(patterns_edge.request("GET", "/handoff", headers=[pin, ("Fanroute_Pin", pin[1])]).text)
    assert [name for name, _ in seen["headers"] if "pin" in name] == []
    headers = [("Connection", "Fanroute-Pin"), ("X-Live", "1")]
    assert patterns_edge.request("GET", "/forward/x", headers=headers).status_code == 400


def test_what_a_route_takes_has_an_end(patterns_edge: Edge) -> None:
    assert patterns_edge.request("GET", f"/rooms/{'a' * 2100}", headers=SOCKET).status_code == 431


SOCKET = [
    ("X-Tenant", "acme"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
