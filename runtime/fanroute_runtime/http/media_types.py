"""Reads the media types of messages: whether a body is for Fanout, or from it."""

from collections.abc import Iterable

from fanroute_runtime.http.headers import list_items
from fanroute_runtime.messages import Request

# The media type of WebSocket-over-HTTP, which Fanout alone may send, and that of a body of instructions for Fanout.
WEBSOCKET_EVENTS = "application/websocket-events"
INSTRUCT = "application/grip-instruct"
# Largest body of events that is read, in bytes.
MAX_EVENTS = 1 << 20


def media_types(content_types: Iterable[bytes]) -> set[str]:
    """The media types that the values of Content-Type name, in small letters: one, as a rule."""
    return {item.partition(";")[0].strip() for item in list_items(content_types)}


def is_websocket_events(request: Request) -> bool:
    """Returns True if one of a request's Content-Types is that of WebSocket-over-HTTP, parameters and case aside.

    Any of them counts, because another reader may take another one than the first.
    """
    return WEBSOCKET_EVENTS in media_types(request.values("content-type"))


def opens_websocket(request: Request) -> bool:
    """Whether WebSocket-over-HTTP's events may open a connection: those that begin otherwise do not. Raises Refused."""
    return request.body(MAX_EVENTS).startswith(b"OPEN")


def is_for_fanout(content_types: list[bytes]) -> bool:
    """Whether an answer with some Content-Types says something to Fanout in its body."""
    return not {WEBSOCKET_EVENTS, INSTRUCT}.isdisjoint(media_types(content_types))
