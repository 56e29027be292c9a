"""Decodes and encodes the events of WebSocket-over-HTTP, and answers them.

Source: https://pushpin.org/docs/protocols/websocket-over-http/
"""

import json
from math import ceil
from typing import Literal, cast, get_args

from fanroute_runtime.grip.instructions import channel_name, meta_values
from fanroute_runtime.http.media_types import MAX_EVENTS, WEBSOCKET_EVENTS, is_websocket_events
from fanroute_runtime.messages import UPGRADE_REQUIRED, Answer, Binding, Headers, Refused, Request
from fanroute_runtime.plan import Bound, WebSocket, record

# The longest message of a client that Fanout carries, in bytes. A longer one breaks the connection.
MAX_MESSAGE = 199_999
# The largest control message that Fanout accepts, in bytes.
MAX_CONTROL = 16_384
# The prefix of every message for the client (GRIP's default). A message without it may be a control message.
MESSAGE_PREFIX = b"m:"
EXTENSION = b'grip; message-prefix="' + MESSAGE_PREFIX + b'"'

# Codes of a CLOSE (RFC 6455, 7.4.1, and IANA's registry).
GOING_AWAY, MESSAGE_TOO_BIG, UNAUTHORIZED = 1001, 1009, 3000
# The longest reason of a CLOSE, in bytes (RFC 6455, 5.5).
MAX_CLOSE_REASON = 123
# The shortest Keep-Alive-Interval, in seconds (Fanout raises a shorter one to this), and the longest that the edge sends.
MIN_KEEP_ALIVE_INTERVAL, MAX_KEEP_ALIVE_INTERVAL = 20, 3600
# The time at which the client's token expires (RFC 7519, 4.1.4).
EXPIRY = Bound("claim", "exp")

EventType = Literal["OPEN", "TEXT", "BINARY", "PING", "PONG", "CLOSE", "DISCONNECT"]
_TYPES = frozenset(get_args(EventType))
_HEX = frozenset(b"0123456789abcdefABCDEF")
# A length with more digits is larger than any body that is read.
_MAX_LENGTH_DIGITS = 8


class MalformedEvents(ValueError):
    """Raised for a body that does not have valid WebSocket-over-HTTP events."""


@record
class Event:
    """Represents an event. No content and empty content are the same."""

    type: EventType
    content: bytes = b""


def encode(events: list[Event]) -> bytes:
    """Encodes events as a body. Each is `TYPE` or `TYPE LENGTH` (hexadecimal, in bytes), CRLF, and the content with a CRLF."""
    return b"".join(
        b"%s %x\r\n%s\r\n" % (event.type.encode(), len(event.content), event.content)
        if event.content
        else b"%s\r\n" % event.type.encode()
        for event in events
    )


def decode(body: bytes) -> list[Event]:
    """Decodes the events of a body. Raises MalformedEvents."""
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
    end = begin + _parse_length(length)
    if body[end : end + 2] != b"\r\n":
        raise MalformedEvents("an event's content is cut short or too long")
    return Event(cast(EventType, type_), body[begin:end]), end + 2


def _parse_length(digits: bytes) -> int:
    if not 0 < len(digits) <= _MAX_LENGTH_DIGITS or not _HEX.issuperset(digits):
        raise MalformedEvents("an event's length is not a hexadecimal number")
    return int(digits, 16)


def close(code: int, reason: str = "") -> Event:
    """Returns the event that closes a connection. `reason` must have at most MAX_CLOSE_REASON bytes."""
    return Event("CLOSE", code.to_bytes(2) + reason.encode())


def subscribe(channel: str, filters: tuple[str, ...] = ()) -> bytes:
    """Returns the control message that subscribes the connection to a channel."""
    return _control_message("subscribe", channel=channel, **({"filters": filters} if filters else {}))


def set_meta(name: str, value: str) -> bytes:
    """Returns the control message that sets a meta variable of the connection."""
    return _control_message("set-meta", name=name, value=value)


def keep_alive(type_: Literal["ping", "pong"], seconds: int) -> bytes:
    """Returns the control message that makes Fanout send a frame after some time without one."""
    return _control_message("keep-alive", **{"message-type": type_}, content="keep-alive", timeout=seconds)


def _control_message(type_: str, **fields: object) -> bytes:
    """Returns a control message for Fanout."""
    return b"c:" + json.dumps({"type": type_} | fields, separators=(",", ":")).encode()


def answer_events(
    action: WebSocket,
    request: Request,
    value_of: Binding,
    said: list[Event] | None = None,
    controls: tuple[bytes, ...] = (),
) -> Answer:
    """Answers Fanout's events, and any other request with a 426.

    Raises Refused: 400 for malformed events, an invalid channel or an unknown protocol, 413 for too many bytes.

    Args:
        action: the action.
        request: the request.
        value_of: returns the values that the match has bound.
        said: gets the client's messages, up to one that is too long.
        controls: further control messages for a connection that is accepted.
    """
    if not is_websocket_events(request):
        return UPGRADE_REQUIRED
    try:
        events = decode(request.body(MAX_EVENTS))
        left = _seconds_left(action, request, value_of)
        if events and events[0].type == "OPEN":
            return _accept(action, request, value_of, events[1:], _keep_alive_interval(action, left), said, controls)
        if left is not None and left <= 0:
            return _events_answer([close(UNAUTHORIZED, "The token has expired.")])
        replies = reply(events, action, said) if events else _reply_to_no_events(action)
        return _events_answer(replies, () if left is None else _keep_alive_interval(action, left))
    except MalformedEvents as error:
        raise Refused(400, f"Malformed websocket-over-HTTP body: {error}.") from error


def _events_answer(replies: list[Event], headers: Headers = ()) -> Answer:
    return Answer(200, (("content-type", WEBSOCKET_EVENTS.encode()), *headers), encode(replies))


def _seconds_left(action: WebSocket, request: Request, value_of: Binding) -> float | None:
    """Returns the seconds until the client's token expires, or None if the connection may outlive it."""
    if action.expiry_leeway is None:
        return None
    return float(value_of(EXPIRY) or 0) + action.expiry_leeway - request.now()


def _keep_alive_interval(action: WebSocket, left: float | None) -> Headers:
    """Returns the header that makes Fanout send a request after some time without an event.

    By then the client is idle, or its token has expired.
    """
    times = [action.idle_close] if action.idle_close else []
    times += [] if left is None else [ceil(min(left, MAX_KEEP_ALIVE_INTERVAL))]
    return (("keep-alive-interval", b"%d" % min(times)),) if times else ()


def _reply_to_no_events(action: WebSocket) -> list[Event]:
    """Returns the events in reply to a request without events, which Fanout sends after a Keep-Alive-Interval."""
    return [close(GOING_AWAY, "Idle.")] if action.idle_close else []


def _accept(
    action: WebSocket,
    request: Request,
    value_of: Binding,
    events: list[Event],
    interval: Headers,
    said: list[Event] | None,
    further: tuple[bytes, ...],
) -> Answer:
    """Accepts the connection, and replies to the events that came with it. Raises Refused."""
    try:
        protocol = _choose_protocol(action, request)
        messages = action.instructions if action.instructions_are_complete else instructions(action, value_of)
    except Refused as refused:
        return _refuse(action.refuse_code, request, refused)
    headers: Headers = (("sec-websocket-extensions", EXTENSION), *interval)
    if protocol:
        headers += (("sec-websocket-protocol", protocol.encode()),)
    controls = [Event("TEXT", message) for message in (*further, *messages)]
    return _events_answer([Event("OPEN"), *controls, *reply(events, action, said)], headers)


def instructions(action: WebSocket, value_of: Binding) -> tuple[bytes, ...]:
    """Returns the control messages of a WebSocket whose instructions are not complete. Raises Refused."""
    variables = [set_meta(name, value) for name, value in meta_values(action.meta, value_of)]
    subscriptions = [subscribe(channel_name(channel, value_of), channel.filters) for channel in action.channels]
    return (*variables, *subscriptions, *action.instructions)


def _refuse(code: int, request: Request, refused: Refused) -> Answer:
    """Accepts the connection only to close it with a code, which a script in a browser can read.

    Raises Refused if the code is 0, or if the client's token is why it is refused.
    """
    if not code or refused.status != 400:
        raise refused
    # If a browser offers protocols, it does not accept an answer without one of them.
    headers = tuple(("sec-websocket-protocol", offered.encode("latin-1")) for offered in _offered_protocols(request)[:1])
    reason = refused.told.encode()[:MAX_CLOSE_REASON].decode(errors="ignore")
    return _events_answer([Event("OPEN"), close(code, reason)], headers)


def _choose_protocol(action: WebSocket, request: Request) -> str:
    """Returns the first protocol that the client offers and the route has, or "" if there is none.

    Raises Refused (400) if the route requires one.
    """
    if not (action.protocols or action.token_protocol):
        return ""
    offered = _offered_protocols(request)
    chosen = next((one for one in offered if one in action.protocols), "")
    if action.protocols and action.requires_protocol and not chosen:
        raise Refused(400, "The client offers none of the endpoint's protocols.")
    return chosen or (action.token_protocol if action.token_protocol in offered else "")


def _offered_protocols(request: Request) -> list[str]:
    """Returns the protocols that a client offers (RFC 6455, 4.1)."""
    value = (request.header("sec-websocket-protocol") or b"").decode("latin-1")
    return [offered.strip() for offered in value.split(",") if offered.strip()]


def reply(events: list[Event], action: WebSocket, said: list[Event] | None = None) -> list[Event]:
    """Returns the edge's events in reply to those of an open connection. `said` gets the client's messages.

    Raises MalformedEvents for an impossible sequence.
    """
    replies: list[Event] = []
    for event in events:
        match event.type:
            case "OPEN":
                raise MalformedEvents("OPEN is not the first event")
            case "TEXT" | "BINARY":
                if action.max_message and len(event.content) > action.max_message:
                    return [*replies, close(MESSAGE_TOO_BIG, f"More than {action.max_message} bytes.")]
                if said is not None:
                    said.append(event)
                if action.echo:
                    replies.append(Event(event.type, MESSAGE_PREFIX + event.content))
            case "PING":
                replies.append(Event("PONG", event.content))
            case "CLOSE":
                return [*replies, Event("CLOSE", _close_content(event.content))]
            case "DISCONNECT":
                return replies
    return replies


def _close_content(content: bytes) -> bytes:
    """Checks the content of a CLOSE, and returns it. It is empty, or two bytes of code (RFC 6455, 5.5.1) and a reason in UTF-8.

    Raises MalformedEvents.
    """
    try:
        reason = content[2:].decode()
    except UnicodeDecodeError:
        raise MalformedEvents("a CLOSE's reason is not UTF-8") from None
    if len(content) == 1 or len(reason.encode()) > MAX_CLOSE_REASON:
        raise MalformedEvents("a CLOSE's content is not a code and a reason")
    return content
