"""GRIP over HTTP: the answers that make Fanout hold a connection. Source: https://pushpin.org/docs/protocols/grip/"""

from typing import Literal

from fanroute_runtime.exchange import Answer, Headers, Request
from fanroute_runtime.plan import Hold

# The media type of WebSocket-over-HTTP, which Fanout alone may send.
WEBSOCKET_EVENTS = "application/websocket-events"

HoldMode = Literal["stream", "response"]

# Grip-Channel separates channels and their parameters with these, and knows no escape.
CHANNEL_SEPARATORS = ',;"'


def is_channel(name: str) -> bool:
    """Whether a name can stand in Grip-Channel: printable ASCII, no separator, no space at an end."""
    printable = name.isascii() and name.isprintable()
    return bool(name) and printable and name == name.strip() and not any(c in name for c in CHANNEL_SEPARATORS)


def hold_headers(mode: HoldMode, channel: str, content_type: str) -> Headers:
    """The headers of an answer that Fanout holds open on one channel."""
    return (
        ("content-type", content_type.encode()),
        ("grip-hold", mode.encode()),
        ("grip-channel", channel.encode()),
    )


def hold(action: Hold, request: Request) -> Answer:
    """Tell Fanout to hold the client's connection."""
    return Answer(200, action.headers)


def is_websocket_events(request: Request) -> bool:
    """Whether a request's Content-Type is WebSocket-over-HTTP's, parameters and case aside."""
    content_type = request.header("content-type") or b""
    return content_type.partition(b";")[0].strip().lower() == WEBSOCKET_EVENTS.encode()
