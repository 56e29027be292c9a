"""Writes what a client sends as an item of a publish request: content in each format, and never framing.

A message cannot end an event or begin another message.

Sources: https://www.fastly.com/documentation/reference/api/publishing/, https://pushpin.org/docs/usage/#publishing,
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from typing import Any

from fanroute_runtime.grip.instructions import expand_value
from fanroute_runtime.jose.jwt import MAX_DEPTH, nests_too_deep
from fanroute_runtime.messages import Binding, Refused, Request
from fanroute_runtime.plan import Template, record
from fanroute_runtime.plan.publishing import Publish

JSON = "application/json"
_LINE_END = re.compile(r"\r\n|\r|\n")
# Pushpin leaves it out at the beginning of a text, unless it is escaped.
_BYTE_ORDER_MARK = {0xFEFF: "\\ufeff"}
# The characters with which JSON may be written, and which some readers of lines take for the end of one.
_OTHER_LINE_ENDS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}


@record
class Message:
    """Represents a message of a client. `text` is None if it is binary, and `is_json` says that the text is JSON.

    `type` is its media type, with parameters.
    """

    content: bytes
    text: str | None
    is_json: bool
    type: str


def needs_text(publishing: Publish) -> bool:
    """Returns True if a format of the subscribers cannot hold binary messages."""
    return bool(publishing.envelope) or not {"sse", "stream"}.isdisjoint(publishing.subscribers)


def message_of(content: bytes, type_: str, publishing: Publish) -> Message:
    """Returns a message of some media type. Raises Refused (400) if its content does not fit the type."""
    is_json = type_ == JSON or type_.endswith("+json")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        if is_json or needs_text(publishing) or type_.startswith("text/"):
            raise Refused(400, "The message is not UTF-8.") from None
        return Message(content, None, False, type_)
    if is_json:
        _require_json(text)
        # In JSON, a line end is never part of a value.
        text = _LINE_END.sub(" ", text).translate(_OTHER_LINE_ENDS)
    return Message(text.encode(), text, is_json, f"{type_}; charset=utf-8" if type_.startswith("text/") else type_)


def _require_json(text: str) -> None:
    """Raises Refused (400) if a text is not JSON (RFC 8259), or nests so deep that reading it would use up the stack."""
    if nests_too_deep(text.encode()):
        raise Refused(400, f"The message nests deeper than {MAX_DEPTH} levels.")
    try:
        json.loads(text, parse_constant=_no_constant)
    except ValueError:
        raise Refused(400, "The message is not JSON.") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def item_of(
    publishing: Publish,
    channel: str,
    message: Message,
    id_: str,
    request: Request,
    value_of: Binding,
    meta: Iterable[tuple[str, str]],
) -> bytes:
    """Returns a message as an item of a publish request, in JSON. Raises Refused (400)."""
    if publishing.envelope:
        members = (
            f"{as_json(name)}:{_part(kind, template, message, id_, request, value_of)}"
            for name, kind, template in publishing.envelope
        )
        text = f"{{{','.join(members)}}}".translate(_OTHER_LINE_ENDS)
        message = Message(text.encode(), text, True, JSON)
    formats: dict[str, dict[str, Any]] = {}
    for kind in publishing.subscribers:
        formats |= _FORMATS[kind](publishing, message, id_)
    item: dict[str, Any] = {"channel": channel, "id": id_, "formats": formats}
    if publishing.prev_id:
        item["prev-id"] = expand_value(publishing.prev_id, value_of, "previous id")
    variables = dict(meta)
    if variables:
        item["meta"] = variables
    return as_json(item).translate(_BYTE_ORDER_MARK).encode()


def _part(kind: str, template: Template, message: Message, id_: str, request: Request, value_of: Binding) -> str:
    """Returns a member of an envelope, as JSON."""
    match kind:
        case "body":
            return message.text or "null" if message.is_json else as_json(message.text)
        case "id":
            return as_json(id_)
        case "now":
            return str(request.moment() // 1_000_000)
    values = [part if isinstance(part, str) else value_of(part) for part in template]
    return as_json(values[0] if len(values) == 1 else "".join(value or "" for value in values))


def as_json(value: Any) -> str:
    """Returns a value as JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _content(key: str, publishing: Publish, message: Message) -> dict[str, str]:
    """Returns a message's content under a key of a format, or under the key for binary content."""
    return _text(key, publishing, message.text) if message.text is not None else {f"{key}-bin": _binary(publishing, message)}


def _text(key: str, publishing: Publish, text: str) -> dict[str, str]:
    return {key: text.replace("%", "%%") if publishing.escapes else text}


def _binary(publishing: Publish, message: Message) -> str:
    content = message.content.replace(b"%", b"%%") if publishing.escapes else message.content
    return b2a_base64(content, newline=False).decode()


def _sse(publishing: Publish, message: Message, id_: str) -> dict[str, dict[str, Any]]:
    """Returns a message as a server-sent event."""
    lines = [f"event: {publishing.event}"] if publishing.event else []
    lines += [f"id: {id_}", *(f"data: {line}" for line in _LINE_END.split(message.text or "")), "", ""]
    return {"http-stream": _text("content", publishing, "\n".join(lines))}


def _stream(publishing: Publish, message: Message, id_: str) -> dict[str, dict[str, Any]]:
    """Returns a message as a line of a stream. It is JSON, which has no line end."""
    return {"http-stream": _text("content", publishing, f"{message.text}\n")}


def _long_poll(publishing: Publish, message: Message, id_: str) -> dict[str, dict[str, Any]]:
    """Returns a message as the answer to a long-poll."""
    return {"http-response": {"headers": {"Content-Type": message.type}, **_content("body", publishing, message)}}


def _websocket(publishing: Publish, message: Message, id_: str) -> dict[str, dict[str, Any]]:
    """Returns a message as one of a WebSocket."""
    return {"ws-message": _content("content", publishing, message)}


_FORMATS: dict[str, Callable[[Publish, Message, str], dict[str, dict[str, Any]]]] = {
    "sse": _sse,
    "stream": _stream,
    "long_poll": _long_poll,
    "websocket": _websocket,
}
