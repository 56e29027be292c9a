"""Fuzzes WebSocket-over-HTTP: a second, naive decoder reads the same events, and the edge's answers are well-formed."""

import re

from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute_runtime.grip.websocket import MalformedEvents, answer_events, decode, encode
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, WebSocket
from tests.conftest import INPUTS
from tests.fuzz.target import Target

HEAD = re.compile(rb"(OPEN|TEXT|BINARY|PING|PONG|CLOSE|DISCONNECT)(?: ([0-9A-Fa-f]{1,8}))?\r\n")

ROUTES = b"""
version: 1
service: {name: events}
backends: {self: {loopback: true}}
routes:
  - websocket: {channel: [a, {name: b, filters: require-sub}], echo: true, meta: {user: x}, keep_alive: 20s}
  - websocket: {channel: a, echo: true, max_message: 3B, idle_close: 20s}
  - websocket: {channel: a, protocols: [v2, v1], refuse_code: 4000}
"""
ACTIONS = [route.action for route in compile_routes(ROUTES, INPUTS).plan.routes]
HEADERS = (("content-type", b"application/websocket-events"), ("sec-websocket-protocol", b"v1"))

Pairs = list[tuple[str, bytes]]


def read(body: bytes) -> Pairs | None:
    """Returns the events of a body, or None if the body is malformed."""
    events: Pairs = []
    while body:
        head = HEAD.match(body)
        if head is None:
            return None
        body, content = body[head.end() :], b""
        if head[2] is not None:
            size = int(head[2], 16)
            if body[size : size + 2] != b"\r\n":
                return None
            content, body = body[:size], body[size + 2 :]
        events.append((head[1].decode(), content))
    return events


def check_codec(body: bytes) -> None:
    expected = read(body)
    try:
        events = decode(body)
    except MalformedEvents:
        assert expected is None
        return
    assert [(event.type, event.content) for event in events] == expected
    coded = encode(events)
    assert decode(coded) == events
    assert read(coded) == expected
    assert len(coded) <= len(body)  # no spelling is shorter


def check_answers(body: bytes) -> None:
    for action in ACTIONS:
        assert isinstance(action, WebSocket)
        check_answer(action, body)


def check_answer(action: WebSocket, body: bytes) -> None:
    asked = read(body)
    try:
        answer = answer_events(action, RequestData("POST", "http://a/", HEADERS, body), no_binding)
    except Refused as refused:
        assert refused.status == 400
        # A well-formed body is refused only if its events do not fit the conversation.
        assert asked is None or {"OPEN", "CLOSE"} & {type_ for type_, _ in asked}
        return
    reply = read(answer.body)
    assert asked is not None and reply is not None
    assert (answer.status, answer.headers[0]) == (200, HEADERS[0])
    opened = asked[:1] == [("OPEN", asked[0][1])] if asked else False
    assert [type_ for type_, _ in reply].count("OPEN") == (reply[:1] == [("OPEN", b"")]) == opened
    messages = [content for type_, content in reply if type_ in ("TEXT", "BINARY")]
    # The client's own messages never come back as control messages.
    beginning = (
        decode(answer_events(action, RequestData("POST", "http://a/", HEADERS, b"OPEN\r\n"), no_binding).body) if opened else []
    )
    assert [m for m in messages if not m.startswith(b"m:")] == [event.content for event in beginning if event.type == "TEXT"]
    echoed = [content for content in messages if content.startswith(b"m:")]
    sent = [b"m:" + content for type_, content in asked if type_ in ("TEXT", "BINARY")]
    assert echoed == (sent[: len(echoed)] if action.echo else [])
    assert not action.max_message or max(map(len, echoed), default=0) <= action.max_message + 2
    check_end(asked, reply)


def check_end(asked: Pairs, reply: Pairs) -> None:
    """Checks that pings are answered, and that a CLOSE comes last and fits a frame (RFC 6455, 5.5.1)."""
    pings = [content for type_, content in asked if type_ == "PING"]
    pongs = [content for type_, content in reply if type_ == "PONG"]
    assert pongs == pings[: len(pongs)]
    ends = [content for type_, content in reply if type_ == "CLOSE"]
    assert len(ends) <= 1 and "CLOSE" not in [type_ for type_, _ in reply[:-1]]
    for content in ends:
        assert len(content) != 1 and len(content[2:].decode().encode()) <= 123
    if not ends and not {"DISCONNECT", "CLOSE"} & {type_ for type_, _ in asked}:
        assert pongs == pings


def no_binding(bound: Bound) -> str | None:
    raise AssertionError("nothing is bound here")


SEEDS = [
    b"OPEN\r\n",
    b"OPEN\r\nTEXT 5\r\nhello\r\nPING\r\n",
    b"TEXT 3\r\nc:{\r\nBINARY 4\r\n\r\n\r\n\r\nPONG 1\r\nx\r\n",
    b"CLOSE 6\r\n\x03\xe8done\r\nDISCONNECT\r\n",
    b"TEXT 0000000A\r\n0123456789\r\nTEXT 0\r\n\r\nTEXT\r\n",
    b"OPEN\r\nTEXT 2\r\nhi\r\nCLOSE\r\n",
]
WORDS = [
    *(b"%s\r\n" % name for name in b"OPEN TEXT BINARY PING PONG CLOSE DISCONNECT".split()),
    *(b"%s 1\r\na\r\n" % name for name in b"OPEN TEXT BINARY PING PONG CLOSE DISCONNECT".split()),
    *[b"\r\n", b"\n", b" ", b"0", b"+1", b"-1", b"0x1", b"1_0", b"00000001", b"000000001", b"FFFFFFFF", b"\xc2\xb2", b"open"],
    *[b"m:", b"c:", b'c:{"type":"subscribe","channel":"x"}', b"CLOSE 2\r\n\x03\xe8\r\n", b"CLOSE 3\r\n\x03\xe8\xff\r\n"],
]
TARGETS = [Target("events", check_codec, SEEDS, WORDS), Target("conversations", check_answers, SEEDS, WORDS)]
