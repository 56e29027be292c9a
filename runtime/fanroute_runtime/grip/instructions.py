"""GRIP over HTTP: the answers that make Fanout hold a connection. Source: https://pushpin.org/docs/protocols/grip/"""

import re
from urllib.parse import quote, unquote_to_bytes

from fanroute_runtime.matching.paths import has_dot_segment
from fanroute_runtime.messages import Answer, Binding, Headers, Refused, Request
from fanroute_runtime.plan import Channel, Hold, Meta, Template

# Most channels of one connection; further ones are dropped by Fanout without a word.
MAX_CHANNELS = 20
# Shortest time that Fanout holds a response for, in seconds.
MIN_TIMEOUT = 5
# Longest channel, previous id and value of a meta variable that the edge makes of what a client sent, in characters.
MAX_VALUE = 256
# What separates channels, parameters and variables in Grip-Channel and Grip-Set-Meta, which know no escape.
SEPARATORS = ',;"'
# What is left of a text that was percent-encoded twice, after it has been decoded once.
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
# What ends the path of a location, and its segments. For browsers a backslash is a slash (https://url.spec.whatwg.org/#path-state).
_PATH_END, _SEGMENT_END = re.compile(r"[?#]"), re.compile(r"[/\\]")


def is_valid_value(text: str) -> bool:
    """Whether a text can stand in Grip-Channel and Grip-Set-Meta: printable ASCII, no separator, no space at an end."""
    printable = text.isascii() and text.isprintable()
    return bool(text) and printable and text == text.strip() and not any(c in text for c in SEPARATORS)


def is_percent_encoded(text: str) -> bool:
    """Whether something of a text is percent-encoded still: whoever decodes it again finds another one."""
    return _ENCODED.search(text) is not None


def expand_value(template: Template, bound: Binding, what: str) -> str:
    """The value that a template gives for a request. Raises Refused (400) where it gives none; `what` says of what kind."""
    if len(template) == 1 and isinstance(template[0], str):
        return template[0]  # the compiler has looked at it
    parts = [part if isinstance(part, str) else _decoded_or_empty(bound(part)) for part in template]
    text = "".join(parts)
    if not all(parts) or len(text) > MAX_VALUE or not is_valid_value(text):
        raise Refused(400, f"The request names no {what}.")
    return text


def _decoded_or_empty(text: str | None) -> str:
    """What a client chooses for a part of a value, "" where that is not taken."""
    return "" if text is None or is_percent_encoded(text) else text


def channel_name(channel: Channel, bound: Binding) -> str:
    """A channel's name for a request. Raises Refused (400)."""
    return expand_value(channel.name, bound, "channel")


def meta_values(meta: Meta, bound: Binding) -> list[tuple[str, str]]:
    """The meta variables of a connection. Raises Refused (400)."""
    return [(name, expand_value(template, bound, f"'{name}'")) for name, template in meta]


def expand_uri(template: Template, bound: Binding) -> bytes:
    """Returns a location or link. What is bound is percent-encoded in it, slashes too, so it keeps to its segment of the path.

    Raises Refused (400) if what is bound is no text, or leaves its segment of the path empty or makes it '.' or '..', also
    between slashes of its own: that would be another path, or with '//' at its beginning another host.
    """
    text = "".join(part if isinstance(part, str) else _quote(bound(part)) for part in template)
    for segment in _SEGMENT_END.split(_PATH_END.split(text, 1)[0]):
        if _BOUND in segment and changes_path(unquote_to_bytes(segment.replace(_BOUND, ""))):
            raise Refused(400, "The request makes a segment of the address empty, '.' or '..'.")
    return text.replace(_BOUND, "").encode()


# Stands before what is bound. No template has such a character.
_BOUND = "\0"


def _quote(text: str | None) -> str:
    if text is None:
        raise Refused(400, "The request is not UTF-8.")
    return _BOUND + quote(text, safe="")


def changes_path(segment: bytes) -> bool:
    """Returns True if a decoded segment is empty or has dots (RFC 3986, 5.2.4), also between slashes of its own."""
    return not segment or has_dot_segment(segment.replace(b"\\", b"/"))


def hold(action: Hold, request: Request, bound: Binding) -> Answer:
    """Tell Fanout to hold the client's connection.

    Nothing is held for a HEAD, which has no content (RFC 9110, 9.3.2), nor a response to which something has been published
    since its previous id: Fanout has found that out and asks again, with a Grip-Last.
    """
    told = action.instructions if action.instructions_are_complete else instructions(action, bound)
    if request.method() == "HEAD":
        return Answer(action.status, action.headers)
    if action.mode == "response" and request.header("grip-last") is not None:
        return Answer(action.status, action.headers, action.body)
    return Answer(action.status, action.headers + told, action.body)


def instructions(action: Hold, bound: Binding) -> Headers:
    """What a hold that is not ready says to Fanout. Raises Refused (400)."""
    channels = ", ".join([_subscription(channel, bound) for channel in action.channels])
    told = [("grip-hold", action.mode.encode()), ("grip-channel", channels.encode())]
    if action.meta:
        meta = ", ".join([f"{name}={text}" for name, text in meta_values(action.meta, bound)])
        told.append(("grip-set-meta", meta.encode()))
    if action.link:
        told.append(("grip-link", b"<%s>; rel=next" % expand_uri(action.link, bound)))
    return (*told, *action.instructions)


def _subscription(channel: Channel, bound: Binding) -> str:
    if not (channel.prev_id or channel.filters):
        return channel_name(channel, bound)
    prev_id = [f"prev-id={expand_value(channel.prev_id, bound, 'previous id')}"] if channel.prev_id else []
    return "; ".join([channel_name(channel, bound), *prev_id, *(f"filter={name}" for name in channel.filters)])


def timeout(seconds: int) -> tuple[str, bytes]:
    """The instruction to hold a response for some time."""
    return "grip-timeout", b"%d" % seconds


def keep_alive(content: str, seconds: int) -> tuple[str, bytes]:
    """The instruction to send something on a stream after some time without a message."""
    escaped = content.encode("unicode_escape").decode()
    return "grip-keep-alive", f"{escaped}; format=cstring; timeout={seconds}".encode()
