"""Writes GRIP over HTTP: the answers that make Fanout hold a connection. Source: https://pushpin.org/docs/protocols/grip/"""

import re
from urllib.parse import quote, unquote_to_bytes

from fanroute_runtime.matching.paths import has_dot_segment
from fanroute_runtime.messages import Answer, Binding, Headers, Refused, Request
from fanroute_runtime.plan import Bound, Channel, Hold, Meta, Template

# The most channels of one connection. Fanout ignores further ones without an error.
MAX_CHANNELS = 20
# The shortest time for which Fanout holds a response, in seconds.
MIN_TIMEOUT = 5
# The longest channel, previous id or meta value that the edge makes from a client's request, in characters.
MAX_VALUE = 256
# The characters that separate channels, parameters and variables in Grip-Channel and Grip-Set-Meta. They cannot be escaped.
SEPARATORS = ',;"'
# Occurs in a text that was percent-encoded twice and has been decoded once.
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
# The ends of a location's path, and of its segments. Browsers read a backslash as a slash
# (https://url.spec.whatwg.org/#path-state).
_PATH_END, _SEGMENT_END = re.compile(r"[?#]"), re.compile(r"[/\\]")


def is_valid_value(text: str) -> bool:
    """Returns True if a text may be a value in Grip-Channel and Grip-Set-Meta.

    Such a value is printable ASCII, has no separator, no space at its ends, and is not empty.
    """
    printable = text.isascii() and text.isprintable()
    return bool(text) and printable and text == text.strip() and not any(c in text for c in SEPARATORS)


def is_percent_encoded(text: str) -> bool:
    """Returns True if a text is still percent-encoded somewhere. Another program might decode it again, and find another text."""
    return _ENCODED.search(text) is not None


def expand_value(template: Template, value_of: Binding, what: str) -> str:
    """Expands a template to a value of a channel, previous id or meta variable; `what` names it for the client.

    Raises Refused (400) if the result is not a valid value.
    """
    if len(template) == 1 and isinstance(template[0], str):
        return template[0]  # the compiler has checked it
    parts = [part if isinstance(part, str) else _decoded_or_empty(value_of(part)) for part in template]
    text = "".join(parts)
    if not all(parts) or len(text) > MAX_VALUE or not is_valid_value(text):
        raise Refused(400, f"The request gives no valid {what}: {_fault(template, value_of)}.")
    return text


def _fault(template: Template, value_of: Binding) -> str:
    """Says why a template gives no valid value for a request.

    It names the reference, but does not tell its value: that can come from a header which a proxy has added.
    """
    for part in template:
        if not isinstance(part, str) and (fault := _fault_of_value(value_of(part))):
            return f"{_reference(part)} {fault}"
    text = "".join(part if isinstance(part, str) else value_of(part) or "" for part in template)
    return "it begins or ends with a space" if text != text.strip() else f"it has more than {MAX_VALUE} characters"


def _fault_of_value(text: str | None) -> str:
    """Says why no value can contain a text, or returns "" if one can."""
    if text is None:
        return "is not UTF-8"
    if not text:
        return "is empty"
    if is_percent_encoded(text):
        return "is still percent-encoded"
    if not (text.isascii() and text.isprintable()):
        return "has a character that is not printable ASCII"
    return next((f"has the character '{separator}'" for separator in SEPARATORS if separator in text), "")


def _reference(bound: Bound) -> str:
    """Returns a value of the request as routes.yaml refers to it, such as {room} or {query.id}."""
    return "{%s}" % (bound.name if bound.source == "path" else f"{bound.source}.{bound.name}")


def _decoded_or_empty(text: str | None) -> str:
    """Returns the text, or "" if it is None or still percent-encoded. `expand_value` refuses an empty part."""
    return "" if text is None or is_percent_encoded(text) else text


def channel_name(channel: Channel, value_of: Binding) -> str:
    """Returns a channel's name for a request. Raises Refused (400)."""
    return expand_value(channel.name, value_of, "channel")


def meta_values(meta: Meta, value_of: Binding) -> list[tuple[str, str]]:
    """Returns the meta variables of a connection, by name. Raises Refused (400)."""
    return [(name, expand_value(template, value_of, f"'{name}'")) for name, template in meta]


def expand_uri(template: Template, value_of: Binding) -> bytes:
    """Expands a template to a location or link. Values of the request are percent-encoded, so each stays in its path segment.

    Raises Refused (400) if a value is not text. Also raises it if a value would make its segment empty, '.' or '..', or if one of
    the parts between the slashes in it would be '.' or '..'. That would be another path, or with '//' at its beginning another
    host. The rest of a path keeps its slashes, and may have empty segments, of which none is the first.
    """
    text = "".join(part if isinstance(part, str) else _quote(part, value_of(part)) for part in template)
    for segment in _SEGMENT_END.split(_PATH_END.split(text, 1)[0]):
        unmarked = _without_marks(segment)
        if segment != unmarked and (unmarked or _BOUND in segment) and changes_path(unquote_to_bytes(unmarked)):
            raise Refused(400, "The request would make a segment of the address empty, '.' or '..'.")
    return _without_marks(text).encode()


# Mark the values in an expanded template, and the further segments of a value. No template has these characters.
_BOUND, _FURTHER = "\0", "\1"


def _without_marks(text: str) -> str:
    return text.replace(_BOUND, "").replace(_FURTHER, "")


def _quote(bound: Bound, text: str | None) -> str:
    if text is None:
        raise Refused(400, "A value in the request is not UTF-8.")
    if bound.source == "path":  # only the rest of a path has slashes, and they separate its segments
        return _BOUND + quote(text).replace("/", f"/{_FURTHER}")
    return _BOUND + quote(text, safe="")


def changes_path(segment: bytes) -> bool:
    """Returns True if a decoded segment is empty, or has a part '.' or '..' if it is split at slashes (RFC 3986, 5.2.4)."""
    return not segment or has_dot_segment(segment.replace(b"\\", b"/"))


def hold(action: Hold, request: Request, value_of: Binding) -> Answer:
    """Returns the answer that makes Fanout hold the client's connection.

    It holds nothing for HEAD, because the answer has no content (RFC 9110, 9.3.2). It does not hold a response if a message was
    published since the previous id: Fanout noticed that, and repeats the request with a Grip-Last.
    """
    headers = action.instructions if action.instructions_are_complete else instructions(action, value_of)
    if request.method() == "HEAD":
        return Answer(action.status, action.headers)
    if action.mode == "response" and request.header("grip-last") is not None:
        return Answer(action.status, action.headers, action.body)
    return Answer(action.status, action.headers + headers, action.body)


def instructions(action: Hold, value_of: Binding) -> Headers:
    """Returns the GRIP headers of a hold whose instructions are not complete. Raises Refused (400)."""
    channels = ", ".join([_subscription(channel, value_of) for channel in action.channels])
    headers = [("grip-hold", action.mode.encode()), ("grip-channel", channels.encode())]
    if action.meta:
        meta = ", ".join([f"{name}={text}" for name, text in meta_values(action.meta, value_of)])
        headers.append(("grip-set-meta", meta.encode()))
    if action.link:
        headers.append(("grip-link", b"<%s>; rel=next" % expand_uri(action.link, value_of)))
    return (*headers, *action.instructions)


def _subscription(channel: Channel, value_of: Binding) -> str:
    if not (channel.prev_id or channel.filters):
        return channel_name(channel, value_of)
    prev_id = [f"prev-id={expand_value(channel.prev_id, value_of, 'previous id')}"] if channel.prev_id else []
    return "; ".join([channel_name(channel, value_of), *prev_id, *(f"filter={name}" for name in channel.filters)])


def timeout(seconds: int) -> tuple[str, bytes]:
    """Returns the instruction to hold a response for some time."""
    return "grip-timeout", b"%d" % seconds


def keep_alive(content: str, seconds: int) -> tuple[str, bytes]:
    """Returns the instruction to send `content` on a stream after some time without a message."""
    escaped = content.encode("unicode_escape").decode()
    return "grip-keep-alive", f"{escaped}; format=cstring; timeout={seconds}".encode()
