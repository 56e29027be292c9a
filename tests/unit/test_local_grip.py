"""GRIP instructions as the embedded edge's proxy reads them, and what is published on it."""

import json
from typing import Any

import pytest

from fanroute.local.channels import BadItem, Message, parse_publish
from fanroute.local.grip import DEFAULT_TIMEOUT, MIN_TIMEOUT, Hold, parse_hold


@pytest.mark.parametrize(
    ("headers", "hold"),
    [
        ({}, None),
        ({"grip-hold": "other"}, None),
        ({"grip-hold": "stream", "grip-channel": "a"}, Hold("stream", ("a",))),
        ({"grip-hold": "stream", "grip-channel": "a; prev-id=1, b,,"}, Hold("stream", ("a", "b"))),
        ({"grip-hold": "response", "grip-channel": "a", "grip-timeout": "20"}, Hold("response", ("a",), 20.0)),
        ({"grip-hold": "response", "grip-channel": "a", "grip-timeout": "1"}, Hold("response", ("a",), MIN_TIMEOUT)),
        ({"grip-hold": "response", "grip-channel": "a", "grip-timeout": "x"}, Hold("response", ("a",), DEFAULT_TIMEOUT)),
        ({"grip-hold": "stream", "grip-keep-alive": "x; timeout=5"}, Hold("stream", (), keep_alive=b"x", keep_alive_timeout=5.0)),
        (
            {"grip-hold": "stream", "grip-keep-alive": ":\\n\\n; format=cstring; timeout=20"},
            Hold("stream", (), keep_alive=b":\n\n", keep_alive_timeout=20.0),
        ),
        (
            {"grip-hold": "stream", "grip-keep-alive": "AAE=; format=base64"},
            Hold("stream", (), keep_alive=b"\0\1", keep_alive_timeout=55.0),
        ),
    ],
)
def test_a_hold_is_read(headers: dict[str, str], hold: Hold | None) -> None:
    assert parse_hold(headers) == hold


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"formats": {"http-stream": {"content": "é"}}}, Message("http-stream", "é".encode())),
        ({"http-stream": {"content": "x"}}, Message("http-stream", b"x")),
        ({"formats": {"http-stream": {"action": "close"}}}, Message("http-stream", close=True)),
        ({"formats": {"ws-message": {"content-bin": "AAE="}}}, Message("ws-message", b"\0\1", binary=True)),
        ({"formats": {"ws-message": {"action": "close", "code": 4000}}}, Message("ws-message", close=True, code=4000)),
        (
            {"formats": {"http-response": {"code": 201, "headers": [["A", "b"]], "body": "x"}}},
            Message("http-response", b"x", status=201, headers=(("A", "b"),)),
        ),
    ],
)
def test_an_item_is_read(item: dict[str, Any], message: Message) -> None:
    assert parse_publish(json.dumps({"items": [{"channel": "a"} | item]}).encode()) == [("a", [message])]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"items": 1}',
        b'{"items": [{}]}',
        b'{"items": [{"channel": 1, "http-stream": {"content": "x"}}]}',
        b'{"items": [{"channel": "a"}]}',
        b'{"items": [{"channel": "a", "formats": {"other": {}}}]}',
        b'{"items": [{"channel": "a", "formats": {"ws-message": {"content-bin": "?"}}}]}',
        b'{"items": [{"channel": "a", "formats": {"http-stream": {"content": 1}}}]}',
        b"\xff",
    ],
)
def test_other_items_are_refused(body: bytes) -> None:
    with pytest.raises(BadItem):
        parse_publish(body)
