"""Reads the media types of messages. They show if a body is for Fanout, or comes from it."""

from collections.abc import Iterable

from fanroute_runtime.http.headers import list_items
from fanroute_runtime.messages import Request

# The media types of WebSocket-over-HTTP, which only Fanout may send, and of a body with instructions for Fanout.
WEBSOCKET_EVENTS = "application/websocket-events"
INSTRUCT = "application/grip-instruct"
# The largest body of events that is read, in bytes.
MAX_EVENTS = 1 << 20


def media_types(content_types: Iterable[bytes]) -> set[str]:
    """Returns the media types that the values of Content-Type name, in lower case. Usually there is one."""
    return {item.partition(";")[0].strip() for item in list_items(content_types)}


def is_websocket_events(request: Request) -> bool:
    """Returns True if one of a request's Content-Types is WebSocket-over-HTTP. Parameters and case do not matter.

    Each of them counts, because another reader may use another one than the first.
    """
    return WEBSOCKET_EVENTS in media_types(request.values("content-type"))


def opens_websocket(request: Request) -> bool:
    """Returns True if the request's events may open a WebSocket, because they begin with OPEN. Raises Refused."""
    return request.body(MAX_EVENTS).startswith(b"OPEN")


def is_for_fanout(content_types: list[bytes]) -> bool:
    """Returns True if an answer with these Content-Types has a body for Fanout."""
    return not {WEBSOCKET_EVENTS, INSTRUCT}.isdisjoint(media_types(content_types))
