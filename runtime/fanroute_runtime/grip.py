"""GRIP over HTTP: the answers that make Fanout hold a connection. Source: https://pushpin.org/docs/protocols/grip/"""

from fanroute_runtime.exchange import Answer, Binding, Refused, Request
from fanroute_runtime.plan import Hold, Template

# The media type of WebSocket-over-HTTP, which Fanout alone may send.
WEBSOCKET_EVENTS = "application/websocket-events"

# Most channels of one connection; further ones are dropped by Fanout without a word.
MAX_CHANNELS = 20
# Shortest time that Fanout holds a response for, in seconds.
MIN_TIMEOUT = 5
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
    channels = ", ".join(channel_name(channel, bound) for channel in action.channels)
    if request.method() == "HEAD":
        return Answer(action.status, action.headers)
    instructions = (("grip-hold", action.mode.encode()), ("grip-channel", channels.encode()), *action.instructions)
    return Answer(action.status, action.headers + instructions, action.body)


def timeout(seconds: int) -> tuple[str, bytes]:
    """The instruction to hold a response for some time."""
    return "grip-timeout", b"%d" % seconds


def keep_alive(content: str, seconds: int) -> tuple[str, bytes]:
    """The instruction to send something on a stream after some time without a message."""
    escaped = content.encode("unicode_escape").decode()
    return "grip-keep-alive", f"{escaped}; format=cstring; timeout={seconds}".encode()


def is_websocket_events(request: Request) -> bool:
    """Whether a request's Content-Type is WebSocket-over-HTTP's, parameters and case aside."""
    content_type = request.header("content-type") or b""
    return content_type.partition(b";")[0].strip().lower() == WEBSOCKET_EVENTS.encode()
