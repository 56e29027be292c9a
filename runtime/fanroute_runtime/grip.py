"""GRIP over HTTP: the answers that make Fanout hold a connection. Source: https://pushpin.org/docs/protocols/grip/"""

from fanroute_runtime.exchange import Answer, Binding, Refused, Request
from fanroute_runtime.plan import Hold, Template

# The media type of WebSocket-over-HTTP, which Fanout alone may send.
WEBSOCKET_EVENTS = "application/websocket-events"

# Longest channel that the edge makes of what a client sent, in characters.
MAX_CHANNEL = 256
# Grip-Channel separates channels and their parameters with these, and knows no escape.
CHANNEL_SEPARATORS = ',;"'


def is_channel(name: str) -> bool:
    """Whether a name can stand in Grip-Channel: printable ASCII, no separator, no space at an end."""
    printable = name.isascii() and name.isprintable()
    return bool(name) and printable and name == name.strip() and not any(c in name for c in CHANNEL_SEPARATORS)


def channel_name(template: Template, bound: Binding) -> str:
    """The channel that a template gives for a request. Raises Refused (400) where it gives none."""
    parts = [part if isinstance(part, str) else bound(part) for part in template]
    texts = [part for part in parts if part]
    name = "".join(texts)
    if len(texts) < len(parts) or len(name) > MAX_CHANNEL or not is_channel(name):
        raise Refused(400, "The request names no channel.")
    return name


def hold(action: Hold, request: Request, bound: Binding) -> Answer:
    """Tell Fanout to hold the client's connection; nothing is held for a HEAD, which has no content (RFC 9110, 9.3.2)."""
    content_type = ("content-type", action.content_type.encode())
    channel = ("grip-channel", channel_name(action.channel, bound).encode())
    if request.method() == "HEAD":
        return Answer(200, (content_type,))
    return Answer(200, (content_type, ("grip-hold", action.mode.encode()), channel))


def is_websocket_events(request: Request) -> bool:
    """Whether a request's Content-Type is WebSocket-over-HTTP's, parameters and case aside."""
    content_type = request.header("content-type") or b""
    return content_type.partition(b";")[0].strip().lower() == WEBSOCKET_EVENTS.encode()
