"""The WebSocket-over-HTTP codec, and the replies to events."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute_runtime.websocket import (
    MAX_CONTROL,
    MESSAGE_PREFIX,
    Event,
    EventType,
    MalformedEvents,
    decode,
    encode,
    reply,
    subscribe,
)

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
    assert events
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


@given(st.lists(EVENTS, min_size=1))
def test_what_goes_to_the_client_has_the_prefix(events: list[Event]) -> None:
    """Nothing that a client sends can come back as a control message."""
    try:
        replies = reply(events, ["test"], echo=True)
    except MalformedEvents:
        return
    messages = [event for event in replies if event.type in ("TEXT", "BINARY")]
    control = [event for event in messages if not event.content.startswith(MESSAGE_PREFIX)]
    assert control == ([subscribe("test")] if events[0].type == "OPEN" else [])


def test_without_echo_messages_are_taken_silently() -> None:
    assert reply([Event("TEXT", b"x"), Event("BINARY", b"y"), Event("PING", b"z")], ["test"], echo=False) == [Event("PONG", b"z")]


def test_nothing_follows_a_close() -> None:
    close = Event("CLOSE", b"\x03\xe8")
    assert reply([Event("TEXT", b"x"), close, Event("TEXT", b"y")], ["test"], echo=True) == [Event("TEXT", b"m:x"), close]
    assert reply([Event("DISCONNECT"), Event("TEXT", b"y")], ["test"], echo=True) == []


def test_a_subscription_is_a_control_message() -> None:
    assert subscribe('a"b').content == b'c:{"type":"subscribe","channel":"a\\"b"}'
    assert len(subscribe("x" * 1000).content) <= MAX_CONTROL
