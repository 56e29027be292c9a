"""Tests the WebSocket-over-HTTP codec, and the replies to events."""

from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.plan.request import RequestData
from fanroute_runtime.grip.instructions import MAX_VALUE
from fanroute_runtime.grip.websocket import (
    MAX_CLOSE_REASON,
    MAX_CONTROL,
    MESSAGE_PREFIX,
    Event,
    EventType,
    MalformedEvents,
    answer_events,
    decode,
    encode,
    keep_alive,
    reply,
    set_meta,
    subscribe,
)
from fanroute_runtime.messages import UPGRADE_REQUIRED, Refused
from fanroute_runtime.plan import Bound, Channel, WebSocket

EVENTS = st.builds(Event, st.sampled_from(get_args(EventType)), st.binary())


@given(st.lists(EVENTS, min_size=1))
def test_what_is_encoded_decodes(events: list[Event]) -> None:
    assert decode(encode(events)) == events


@given(st.binary())
def test_any_bytes_decode_or_are_refused(body: bytes) -> None:
    try:
        events = decode(body)
    except MalformedEvents:
        return
    assert decode(encode(events)) == events


@given(st.lists(EVENTS, min_size=1), st.data())
def test_a_cut_body_is_refused_or_ends_between_events(events: list[Event], data: st.DataObject) -> None:
    body = encode(events)
    cut = data.draw(st.integers(0, len(body) - 1))
    try:
        decoded = decode(body[:cut])
    except MalformedEvents:
        return
    assert decoded == events[: len(decoded)]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"OPEN\r\n", [Event("OPEN")]),
        (b"TEXT 0\r\n\r\n", [Event("TEXT")]),
        (b"TEXT\r\n", [Event("TEXT")]),
        (b"TEXT a\r\n0123456789\r\n", [Event("TEXT", b"0123456789")]),
        (b"TEXT A\r\n0123456789\r\n", [Event("TEXT", b"0123456789")]),
        (b"TEXT 00a\r\n0123456789\r\n", [Event("TEXT", b"0123456789")]),
        (b"BINARY 2\r\n\r\n\r\n", [Event("BINARY", b"\r\n")]),
        (b"OPEN\r\nPING 1\r\nx\r\n", [Event("OPEN"), Event("PING", b"x")]),
    ],
)
def test_events_decode(body: bytes, events: list[Event]) -> None:
    assert decode(body) == events


ECHO = WebSocket("self", (Channel(("test",)),), echo=True)


@given(st.lists(EVENTS, min_size=1))
def test_what_goes_to_the_client_has_the_prefix(events: list[Event]) -> None:
    """No message that a client sends can come back as a control message."""
    try:
        replies = reply(events, ECHO)
    except MalformedEvents:
        return
    assert all(event.content.startswith(MESSAGE_PREFIX) for event in replies if event.type in ("TEXT", "BINARY"))


def test_without_echo_messages_are_taken_silently() -> None:
    quiet = replace(ECHO, echo=False)
    assert reply([Event("TEXT", b"x"), Event("BINARY", b"y"), Event("PING", b"z")], quiet) == [Event("PONG", b"z")]


def test_nothing_follows_a_close() -> None:
    end = Event("CLOSE", b"\x03\xe8")
    assert reply([Event("TEXT", b"x"), end, Event("TEXT", b"y")], ECHO) == [Event("TEXT", b"m:x"), end]
    assert reply([Event("DISCONNECT"), Event("TEXT", b"y")], ECHO) == []


def test_control_messages_are_in_one_frame() -> None:
    """It is so for all values of a route or a client, because each value is limited and each escape has two characters."""
    filters = ("skip-self", "skip-users", "require-sub", "build-id", "var-subst")
    longest = "\\" * MAX_VALUE
    assert subscribe('a"b') == b'c:{"type":"subscribe","channel":"a\\"b"}'
    assert subscribe("a", filters[:2]) == b'c:{"type":"subscribe","channel":"a","filters":["skip-self","skip-users"]}'
    assert set_meta("user", "ann") == b'c:{"type":"set-meta","name":"user","value":"ann"}'
    for message in (subscribe(longest, filters), set_meta("x" * 63, longest), keep_alive("ping", 3600)):
        assert len(message) <= MAX_CONTROL


@dataclass
class Asked:
    """A request of Fanout with some events, and the client's Sec-WebSocket-Protocol."""

    content: bytes
    offered: bytes | None = None

    def method(self) -> str:
        return "POST"

    def uri(self) -> str:
        return "http://a/"

    def header(self, name: str) -> bytes | None:
        return {"content-type": b"application/websocket-events", "sec-websocket-protocol": self.offered}.get(name)

    def values(self, name: str) -> list[bytes]:
        value = self.header(name)
        return [] if value is None else [value]

    def names(self) -> list[str]:
        raise AssertionError("what Fanout asks goes nowhere")

    def body(self, limit: int) -> bytes:
        return self.content

    def client_address(self) -> str | None:
        return None

    def client_scheme(self) -> str:
        return "http"


def answered(action: WebSocket, content: bytes, offered: bytes | None = None, room: str | None = "a") -> tuple[Any, list[Event]]:
    """Returns the answer's headers without Content-Type, and its events."""
    answer = answer_events(action, Asked(content, offered), lambda bound: room)
    headers = dict(answer.headers)
    assert (answer.status, headers.pop("content-type")) == (200, b"application/websocket-events")
    return headers, decode(answer.body)


OPEN = b"OPEN\r\n"
EXTENDED = {"sec-websocket-extensions": b'grip; message-prefix="m:"'}


def test_an_open_connection_is_told_everything_in_order() -> None:
    action = WebSocket(
        "self",
        (Channel(("room-", Bound("path", "room")), ("skip-self",)), Channel(("all",))),
        meta=(("user", (Bound("path", "room"),)),),
        instructions=(keep_alive("ping", 25),),
    )
    assert answered(action, OPEN) == (
        EXTENDED,
        [
            Event("OPEN"),
            Event("TEXT", b'c:{"type":"set-meta","name":"user","value":"a"}'),
            Event("TEXT", b'c:{"type":"subscribe","channel":"room-a","filters":["skip-self"]}'),
            Event("TEXT", b'c:{"type":"subscribe","channel":"all"}'),
            Event("TEXT", b'c:{"type":"keep-alive","message-type":"ping","content":"keep-alive","timeout":25}'),
        ],
    )


TALKING = WebSocket("self", (), protocols=("chat.v2", "chat.v1"))


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (b"chat.v1", b"chat.v1"),
        (b"chat.v1, chat.v2", b"chat.v1"),
        (b"other ,\tchat.v2,chat.v1", b"chat.v2"),
        (b"chat.v1 , , x", b"chat.v1"),
    ],
)
def test_the_first_protocol_offered_is_chosen(offered: bytes, chosen: bytes) -> None:
    assert answered(TALKING, OPEN, offered) == (EXTENDED | {"sec-websocket-protocol": chosen}, [Event("OPEN")])


@pytest.mark.parametrize("offered", [None, b"", b",", b"CHAT.V1", b"chat", b"chat.v1x", b"chat.v1;chat.v2", b"\xe9"])
def test_without_a_protocol_in_common_the_open_is_refused(offered: bytes | None) -> None:
    with pytest.raises(Refused, match="none of the endpoint's protocols") as refused:
        answer_events(TALKING, Asked(OPEN, offered), lambda bound: None)
    assert refused.value.status == 400


def test_protocols_are_asked_for_once() -> None:
    assert answered(TALKING, b"PING\r\n") == ({}, [Event("PONG")])
    assert answered(WebSocket("self", ()), OPEN, b"chat.v1") == (EXTENDED, [Event("OPEN")])


@pytest.mark.parametrize(
    ("offered", "headers"),
    [(None, {}), (b"x,y", {"sec-websocket-protocol": b"x"}), (b"\xe9", {"sec-websocket-protocol": b"\xe9"})],
)
def test_a_refused_open_is_closed_with_a_code(offered: bytes | None, headers: Any) -> None:
    """The answer has a protocol that the client offered, because a browser accepts no other answer."""
    events = [Event("OPEN"), Event("CLOSE", b"\x11\x30The client offers none of the endpoint's protocols.")]
    assert answered(replace(TALKING, refuse_code=4400), OPEN + b"PING\r\n", offered) == (headers, events)


def test_an_open_without_a_channel_is_closed_with_a_code() -> None:
    action = WebSocket("self", (Channel((Bound("path", "room"),)),), refuse_code=1008)
    for room, fault in (("", b"is empty"), ("a,b", b"has the character ','"), (None, b"is not UTF-8")):
        reason = b"\x03\xf0The request gives no valid channel: {room} %b." % fault
        assert answered(action, OPEN, room=room) == ({}, [Event("OPEN"), Event("CLOSE", reason)])
    assert answered(action, b"CLOSE 2\r\n\x03\xf0\r\n", room="") == ({}, [Event("CLOSE", b"\x03\xf0")])


def test_the_reason_of_a_close_fits_into_its_frame() -> None:
    """The name of a query parameter may be long, and a character must not be cut in two (RFC 6455, 5.5.1)."""
    for end in ("", "é"):
        action = WebSocket("self", (Channel((Bound("query", f"{'é' * 60}{end}"),)),), refuse_code=1008)
        (_, closing) = answered(action, OPEN, room="")[1]
        assert len(closing.content) in (MAX_CLOSE_REASON + 1, MAX_CLOSE_REASON + 2)
        assert closing.content[2:].decode().startswith("The request gives no valid channel: {query.éé")


@pytest.mark.parametrize("body", [b"", b"OPEN\r\n"])
def test_other_requests_are_told_to_upgrade(body: bytes) -> None:
    assert answer_events(TALKING, RequestData("POST", "http://a/", (), body), lambda bound: None) == UPGRADE_REQUIRED


def test_an_idle_connection_is_closed() -> None:
    """After the interval in the answer to OPEN, Fanout sends a request without events."""
    action = WebSocket("self", (), idle_close=300)
    assert answered(action, OPEN) == (EXTENDED | {"keep-alive-interval": b"300"}, [Event("OPEN")])
    assert answered(action, b"PONG\r\n") == ({}, [])
    assert answered(action, b"") == ({}, [Event("CLOSE", b"\x03\xe9Idle.")])
    assert answered(WebSocket("self", ()), b"") == ({}, [])


def test_a_longer_message_closes() -> None:
    action = replace(ECHO, max_message=3)
    too_big = Event("CLOSE", b"\x03\xf1More than 3 bytes.")
    assert reply([Event("TEXT", b"abc"), Event("PING", b"abcd")], action) == [Event("TEXT", b"m:abc"), Event("PONG", b"abcd")]
    assert reply([Event("TEXT", b"ab"), Event("BINARY", b"abcd"), Event("TEXT", b"c")], action) == [
        Event("TEXT", b"m:ab"),
        too_big,
    ]
    assert reply([Event("TEXT", "éé".encode())], replace(action, echo=False)) == [too_big]
