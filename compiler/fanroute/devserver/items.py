"""Reads published items as Pushpin does. Source: https://pushpin.org/docs/usage/#publishing, and its behaviour."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from fanroute.devserver.pushpin_json import WrongType, clean, integer, member, pairs, parse, strings

HTTP_STREAM, HTTP_RESPONSE, WS_MESSAGE = FORMATS = ("http-stream", "http-response", "ws-message")
ACTIONS = ("send", "close", "hint")
# The types of a ws-message, and the events that they are.
EVENTS: Mapping[str, Literal["TEXT", "BINARY", "PING", "PONG"]] = {
    "text": "TEXT",
    "binary": "BINARY",
    "ping": "PING",
    "pong": "PONG",
}
MAX_STATUS = 999
# Of a published response, the server's own to say.
_FRAMING = ("connection", "content-length", "transfer-encoding")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


class BadItem(ValueError):
    """Reports that a published item is invalid, in Pushpin's words."""


@dataclass(frozen=True, slots=True)
class Message:
    """Holds the content of an item in one format.

    The action `close` ends the connection, `hint` tells that there are newer items. `status`, `reason`, `headers` and
    `patch` (of the held answer's body, in place of `content`) are an http-response's; `type`, and `code` and `reason` of a
    close, a ws-message's. `filters` are those that a connection's channel must have.
    """

    content: bytes = b""
    action: str = "send"
    type: Literal["TEXT", "BINARY", "PING", "PONG"] = "TEXT"
    code: int = 1000
    status: int = 200
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    patch: tuple[Any, ...] | None = None
    filters: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Holds an item for a channel: a message per format, its id and its predecessor's, and variables for filters."""

    channel: str
    formats: Mapping[str, Message]
    id: str | None = None
    prev_id: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


def parse_publish(body: bytes) -> list[Item]:
    """Returns a publish request's items. Raises BadItem."""
    try:
        document = parse(body)
    except ValueError as error:
        raise BadItem("Body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise BadItem("Invalid format.")
    try:
        if "items" not in document:
            raise WrongType("object does not contain 'items'")
        return [_item(item) for item in member(document, "items", list, "object")]
    except WrongType as wrong:
        raise BadItem(f"Invalid format: {clean(str(wrong))}") from wrong


def _item(item: Any) -> Item:
    where = "publish item object"
    _need_object(item, where)
    channel, id_, prev_id = (member(item, key, str, where) for key in ("channel", "id", "prev-id"))
    if channel is None:
        raise WrongType(f"{where} does not contain 'channel'")
    formats = member(item, "formats", dict, where, {name: item[name] for name in FORMATS if name in item})
    if not formats:
        raise WrongType("no formats specified")
    messages = {name: _MESSAGES[name](formats[name], f"'{name}'") for name in _MESSAGES if name in formats}
    variables = member(item, "meta", dict, where, {})
    meta = {clean(name): member(variables, name, str, "'meta'") for name in variables}
    integer(item, "size", where, 0)
    member(item, "no-seq", bool, where)
    return Item(channel, messages, id_, prev_id, meta)


def _need_object(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise WrongType(f"{where} is not an object")


def _action(given: Any, where: str) -> str:
    _need_object(given, where)
    action: str = member(given, "action", str, where, "send")
    if action not in ACTIONS:
        raise WrongType(f"{where} contains 'action' with unknown value")
    return action


def _response(given: Any, where: str) -> Message:
    action = _action(given, where)
    if action != "send":
        return Message(action=action)
    status = integer(given, "code", where, 200, MAX_STATUS)
    reason, headers = member(given, "reason", str, where, ""), pairs(given, "headers", where)
    filters, content = strings(given, "content-filters", where), content_of(given, "body", where)
    patch = member(given, "body-patch", list, where) if content is None else None
    if content is None and patch is None:
        raise WrongType(f"{where} does not contain 'body', 'body-bin', or 'body-patch'")
    return Message(
        content or b"",
        status=status,
        reason=reason,
        headers=headers,
        patch=None if patch is None else tuple(patch),
        filters=filters,
    )


def _stream(given: Any, where: str) -> Message:
    action = _action(given, where)
    if action != "send":
        return Message(action=action)
    filters, content = strings(given, "content-filters", where), content_of(given, "content", where)
    if content is None:
        raise WrongType(f"{where} does not contain 'content' or 'content-bin'")
    return Message(content, filters=filters)


def _ws_message(given: Any, where: str) -> Message:
    action = _action(given, where)
    if action == "close":
        code, reason = integer(given, "code", where, 1000), member(given, "reason", str, where, "")
        # Without a code there is no reason, either.
        return Message(action=action, code=code & 0xFFFF, reason=reason if "code" in given else "")
    if action != "send":
        return Message(action=action)
    type_ = member(given, "type", str, where, "binary" if "content-bin" in given else "text")
    if type_ not in EVENTS:
        raise WrongType(f"{where} contains 'type' with unknown value")
    filters, content = strings(given, "content-filters", where), content_of(given, "content", where)
    if content is None and type_ in ("text", "binary"):
        raise WrongType(f"{where} does not contain 'content' or 'content-bin'")
    return Message(content or b"", type=EVENTS[type_], filters=filters)


_MESSAGES = {HTTP_RESPONSE: _response, HTTP_STREAM: _stream, WS_MESSAGE: _ws_message}


def content_of(given: dict[str, Any], key: str, where: str) -> bytes | None:
    """Returns the bytes of `content` or `content-bin` (or `body`), or None if both are missing."""
    binary = member(given, f"{key}-bin", str, where)
    if binary is not None:
        return decoded(binary)
    text = member(given, key, str, where)
    return None if text is None else text.encode()


def decoded(binary: str) -> bytes:
    """Decodes base64. Ignores other characters, and a last group of one character."""
    digits = _NOT_BASE64.sub(b"", binary.encode())
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def sendable_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns the headers of a published response for its client, without instructions, framing headers and malformed ones."""
    return [
        (name, value)
        for name, value in headers
        if is_header(name, value) and not name.lower().startswith("grip-") and name.lower() not in _FRAMING
    ]


def hidden_headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Returns the headers that a published Grip-Expose-Headers removes. In Pushpin it hides the headers that it names."""
    values = [value for name, value in headers if name.lower() == "grip-expose-headers"]
    return [name.strip() for value in values for name in value.split(",")]


def is_header(name: str, value: str) -> bool:
    """Returns True if the name and value make one valid header (RFC 9110, 5.1 and 5.5)."""
    return _TOKEN.fullmatch(name) is not None and _CONTROL.search(value) is None


def sendable_reason(message: Message) -> str:
    """Returns the reason phrase of a published response: its own, or that of its status."""
    return message.reason if message.reason and not _CONTROL.search(message.reason) else reason_of(message.status)


def reason_of(status: int) -> str:
    """Returns the reason phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Undefined Reason"
