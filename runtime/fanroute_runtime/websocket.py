"""WebSocket-over-HTTP: events, their coding, and the edge's answers to them.

Source: https://pushpin.org/docs/protocols/websocket-over-http/
"""

import json
from dataclasses import dataclass
from typing import Literal, cast, get_args

from fanroute_runtime.exchange import Answer, Binding, Refused, Request, text
from fanroute_runtime.grip import WEBSOCKET_EVENTS, channel_name, is_websocket_events
from fanroute_runtime.plan import WebSocket

# Largest body asked of Fanout in one request, in bytes.
MAX_BODY = 1 << 20
# Largest control message Fanout takes, in bytes.
MAX_CONTROL = 16_384
# What begins every message meant for the client (GRIP's default); only what begins otherwise can be a control message.
MESSAGE_PREFIX = b"m:"
EXTENSION = b'grip; message-prefix="' + MESSAGE_PREFIX + b'"'

EventType = Literal["OPEN", "TEXT", "BINARY", "PING", "PONG", "CLOSE", "DISCONNECT"]
_TYPES = frozenset(get_args(EventType))
_HEX = frozenset(b"0123456789abcdefABCDEF")
# A length of more digits is beyond any body we read.
_MAX_LENGTH_DIGITS = 8


class MalformedEvents(ValueError):
    """The bytes are not WebSocket-over-HTTP events."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; no content and empty content are the same."""

    type: EventType
    content: bytes = b""


def encode(events: list[Event]) -> bytes:
    """Events as a body: `TYPE` or `TYPE LENGTH` (hexadecimal, in bytes), CRLF, and the content with a CRLF."""
    return b"".join(
        b"%s %x\r\n%s\r\n" % (event.type.encode(), len(event.content), event.content)
        if event.content
        else b"%s\r\n" % event.type.encode()
        for event in events
    )


def decode(body: bytes) -> list[Event]:
    """The events of a body, at least one. Raises MalformedEvents."""
    if not body:
        raise MalformedEvents("no events")
    events = []
    position = 0
    while position < len(body):
        event, position = _decode_one(body, position)
        events.append(event)
    return events


def _decode_one(body: bytes, start: int) -> tuple[Event, int]:
    line_end = body.find(b"\r\n", start)
    if line_end < 0:
        raise MalformedEvents("an event's first line has no end")
    name, has_length, length = body[start:line_end].partition(b" ")
    type_ = name.decode("latin-1")
    if type_ not in _TYPES:
        raise MalformedEvents("unknown event type")
    begin = line_end + 2
    if not has_length:
        return Event(cast(EventType, type_)), begin
    end = begin + _length(length)
    if body[end : end + 2] != b"\r\n":
        raise MalformedEvents("an event's content is cut short or too long")
    return Event(cast(EventType, type_), body[begin:end]), end + 2


def _length(digits: bytes) -> int:
    if not 0 < len(digits) <= _MAX_LENGTH_DIGITS or not _HEX.issuperset(digits):
        raise MalformedEvents("an event's length is not a hexadecimal number")
    return int(digits, 16)


def subscribe(channel: str) -> Event:
    """The control message that subscribes the connection to a channel."""
    message = json.dumps({"type": "subscribe", "channel": channel}, separators=(",", ":"))
    return Event("TEXT", b"c:" + message.encode())


def converse(action: WebSocket, request: Request, bound: Binding) -> Answer:
    """Answer Fanout's events. Raises Refused: 400 for what is not well-formed events or no channel, 413 for too many bytes."""
    if not is_websocket_events(request):
        return text(400, "Not a websocket-over-HTTP request.")
    channels = [channel_name(channel, bound) for channel in action.channels]
    try:
        replies = reply(decode(request.body(MAX_BODY)), channels, action.echo)
    except MalformedEvents as error:
        raise Refused(400, f"Malformed websocket-over-HTTP body: {error}.") from error
    headers = [("content-type", WEBSOCKET_EVENTS.encode())]
    if replies and replies[0].type == "OPEN":
        headers.append(("sec-websocket-extensions", EXTENSION))
    return Answer(200, tuple(headers), encode(replies))


def reply(events: list[Event], channels: list[str], echo: bool) -> list[Event]:
    """The edge's events in reply to the client's: subscriptions to `channels` on OPEN and, with `echo`, its messages.

    Raises MalformedEvents for events that make no sense together.
    """
    replies: list[Event] = []
    for index, event in enumerate(events):
        match event.type:
            case "OPEN":
                if index:
                    raise MalformedEvents("OPEN is not the first event")
                replies += [Event("OPEN"), *map(subscribe, channels)]
            case "TEXT" | "BINARY":
                if echo:
                    replies.append(Event(event.type, MESSAGE_PREFIX + event.content))
            case "PING":
                replies.append(Event("PONG", event.content))
            case "CLOSE":
                return [*replies, Event("CLOSE", _close_content(event.content))]
            case "DISCONNECT":
                return replies
    return replies


def _close_content(content: bytes) -> bytes:
    """A CLOSE's content: nothing, or two bytes of code (RFC 6455, 5.5.1) and a reason in UTF-8."""
    try:
        reason = content[2:].decode()
    except UnicodeDecodeError:
        raise MalformedEvents("a CLOSE's reason is not UTF-8") from None
    if len(content) == 1 or len(reason.encode()) > 123:
        raise MalformedEvents("a CLOSE's content is not a code and a reason")
    return content
