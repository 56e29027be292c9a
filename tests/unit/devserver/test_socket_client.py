"""The control messages of an origin: as in Pushpin, they are followed or ignored, and none ends the connection."""

import json
from typing import Any

import pytest
from aiohttp import web

from fanroute.devserver.pubsub import Channels, Subscriber
from fanroute.devserver.socket_client import SocketClient
from fanroute.devserver.visits import Reporter


def client() -> tuple[SocketClient, Subscriber]:
    subscriber = Subscriber(Channels(lambda line: None), is_long_poll=False, max_waiting=0)
    visit = Reporter(lambda event: None).begin("GET", "a", "/")
    return SocketClient(web.WebSocketResponse(), None, subscriber, visit), subscriber


def after(*messages: dict[str, Any] | bytes) -> Subscriber:
    """Returns the subscriber of a connection that has got these control messages."""
    connection, subscriber = client()
    for message in messages:
        connection.follow_control(message if isinstance(message, bytes) else json.dumps(message).encode())
    return subscriber


DEPTH = 50_000
SET = {"type": "set-meta", "name": "user", "value": "ann"}


def test_control_messages_do_what_they_say() -> None:
    subscriber = after(
        {"type": "subscribe", "channel": "a", "filters": ["skip-self"]}, {"type": "subscribe", "channel": "b"}, SET
    )
    assert {name: channel.filters for name, channel in subscriber.channels.items()} == {"a": ("skip-self",), "b": ()}
    assert subscriber.meta == {"user": "ann"}
    assert not after({"type": "subscribe", "channel": "a"}, {"type": "unsubscribe", "channel": "a"}).channels
    assert after(SET, {"type": "set-meta", "name": "user"}).meta == {}
    assert after(SET, {"type": "set-meta", "name": "user", "value": ""}).meta == {"user": ""}


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"subscribe","channel":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
        b"[" * DEPTH + b"]" * DEPTH,
        b'{"type":"subscribe","channel":"a","filters":' + b'{"x":' * DEPTH + b"1" + b"}" * DEPTH + b"}",
        b"[" * DEPTH,
    ],
)
def test_a_deep_control_message_is_ignored(message: bytes) -> None:
    subscriber = after(message, {"type": "subscribe", "channel": "next"})
    assert list(subscriber.channels) == ["next"]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"[]",
        b"1",
        {"channel": "a"},
        {"type": ["subscribe"], "channel": "a"},
        {"type": "subscribe"},
        {"type": "subscribe", "channel": ""},
        {"type": "subscribe", "channel": 1},
        {"type": "subscribe", "channel": ["a"]},
        {"type": "subscribe", "channel": "a", "filters": "skip-self"},
        {"type": "subscribe", "channel": "a", "filters": [1]},
        {"type": "unsubscribe", "channel": ["a"]},
        {"type": "set-meta", "name": "user", "value": 1},
        {"type": "set-meta", "name": "user", "value": ["ann"]},
        {"type": "set-meta", "name": "user", "value": None},
        {"type": "set-meta", "name": ["user"], "value": "bob"},
        {"type": "set-meta", "name": "", "value": "bob"},
        {"type": "keep-alive", "content": 1},
        {"type": "keep-alive", "content": "x", "message-type": 1},
        {"type": "keep-alive", "content": "x", "timeout": ["nan"]},
    ],
)
def test_a_control_message_that_makes_no_sense_is_ignored(message: dict[str, Any] | bytes) -> None:
    subscriber = after(SET, message)
    assert (subscriber.channels, subscriber.meta) == ({}, {"user": "ann"})
