"""Reads published items as Pushpin does. Source: https://pushpin.org/docs/usage/#publishing, and its behaviour."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from fanroute.devserver.pushpin_json import (
    WrongType,
    content_bytes,
    header_pairs,
    integer,
    member,
    parse_json,
    strings,
    valid_text,
)

HTTP_STREAM, HTTP_RESPONSE, WS_MESSAGE = FORMATS = ("http-stream", "http-response", "ws-message")
ACTIONS = ("send", "close", "hint")
# The types of a ws-message, and the WebSocket-over-HTTP events that they become.
EVENTS: Mapping[str, Literal["TEXT", "BINARY", "PING", "PONG"]] = {
    "text": "TEXT",
    "binary": "BINARY",
    "ping": "PING",
    "pong": "PONG",
}
MAX_STATUS = 999
# Headers that the server sets itself on a published response.
_FRAMING = ("connection", "content-length", "transfer-encoding")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BadItem(ValueError):
    """Reports that a published item is invalid, in Pushpin's words."""


@dataclass(frozen=True, slots=True)
class Message:
    """Holds an item in one format.

    Args:
        content: what to send.
        action: `send`; `close` to end the connection; `hint` to say that there are newer items.
        type: the event that a ws-message is.
        code: the close code of a ws-message whose action is `close`.
        status: the status of an http-response.
        reason: the reason phrase of an http-response, or the close reason of a ws-message.
        headers: the headers of an http-response.
        patch: operations on the held answer's body, in place of `content`.
        filters: the content filters of the subscriptions that get the item, exactly these; None for any.
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
    """Holds an item for a channel: a message for each format, its id, the id of the item before it, and meta variables."""

    channel: str
    formats: Mapping[str, Message]
    id: str | None = None
    prev_id: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


def parse_publish(body: bytes) -> list[Item]:
    """Returns the items in the body of a publish request. Raises BadItem."""
    try:
        document = parse_json(body)
    except ValueError as error:
        raise BadItem("Body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise BadItem("Invalid format.")
    try:
        if "items" not in document:
            raise WrongType("object does not contain 'items'")
        return [_item(item) for item in member(document, "items", list, "object")]
    except WrongType as error:
        raise BadItem(f"Invalid format: {valid_text(str(error))}") from error


def _item(item: Any) -> Item:
    where = "publish item object"
    _check_object(item, where)
    channel, id_, prev_id = (member(item, key, str, where) for key in ("channel", "id", "prev-id"))
    if channel is None:
        raise WrongType(f"{where} does not contain 'channel'")
    formats = member(item, "formats", dict, where, {name: item[name] for name in FORMATS if name in item})
    if not formats:
        raise WrongType("no formats specified")
    messages = {name: _MESSAGES[name](formats[name], f"'{name}'") for name in _MESSAGES if name in formats}
    variables = member(item, "meta", dict, where, {})
    meta = {valid_text(name): member(variables, name, str, "'meta'") for name in variables}
    integer(item, "size", where, 0)
    member(item, "no-seq", bool, where)
    return Item(channel, messages, id_, prev_id, meta)


def _check_object(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise WrongType(f"{where} is not an object")


def _action(value: Any, where: str) -> str:
    _check_object(value, where)
    action: str = member(value, "action", str, where, "send")
    if action not in ACTIONS:
        raise WrongType(f"{where} contains 'action' with unknown value")
    return action


def _response(value: Any, where: str) -> Message:
    action = _action(value, where)
    if action != "send":
        return Message(action=action)
    status = integer(value, "code", where, 200, MAX_STATUS)
    reason, headers = member(value, "reason", str, where, ""), header_pairs(value, "headers", where)
    filters, content = strings(value, "content-filters", where), content_bytes(value, "body", where)
    patch = member(value, "body-patch", list, where) if content is None else None
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


def _stream(value: Any, where: str) -> Message:
    action = _action(value, where)
    if action != "send":
        return Message(action=action)
    filters, content = strings(value, "content-filters", where), content_bytes(value, "content", where)
    if content is None:
        raise WrongType(f"{where} does not contain 'content' or 'content-bin'")
    return Message(content, filters=filters)


def _ws_message(value: Any, where: str) -> Message:
    action = _action(value, where)
    if action == "close":
        code, reason = integer(value, "code", where, 1000), member(value, "reason", str, where, "")
        # Without a code there is no reason, either.
        return Message(action=action, code=code & 0xFFFF, reason=reason if "code" in value else "")
    if action != "send":
        return Message(action=action)
    type_ = member(value, "type", str, where, "binary" if "content-bin" in value else "text")
    if type_ not in EVENTS:
        raise WrongType(f"{where} contains 'type' with unknown value")
    filters, content = strings(value, "content-filters", where), content_bytes(value, "content", where)
    if content is None and type_ in ("text", "binary"):
        raise WrongType(f"{where} does not contain 'content' or 'content-bin'")
    return Message(content or b"", type=EVENTS[type_], filters=filters)


_MESSAGES = {HTTP_RESPONSE: _response, HTTP_STREAM: _stream, WS_MESSAGE: _ws_message}


def sendable_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns the headers of a published response that its client gets: no instructions, framing headers or malformed ones."""
    return [
        (name, value)
        for name, value in headers
        if is_valid_header(name, value) and not name.lower().startswith("grip-") and name.lower() not in _FRAMING
    ]


def hidden_headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Returns the names in a published Grip-Expose-Headers. Pushpin hides these headers, contrary to the name."""
    values = [value for name, value in headers if name.lower() == "grip-expose-headers"]
    return [name.strip() for value in values for name in value.split(",")]


def is_valid_header(name: str, value: str) -> bool:
    """Returns True if a name and a value make one valid header (RFC 9110, 5.1 and 5.5)."""
    return _TOKEN.fullmatch(name) is not None and _CONTROL.search(value) is None


def malformed_part(reason: str, headers: Iterable[tuple[str, str]]) -> str:
    """Returns the part of an answer's head with a character that HTTP does not allow there, or "" (RFC 9110, 5.5; RFC 9112, 4).

    Viceroy answers 502 if a backend or Fanout sends such a head.
    """
    if _CONTROL.search(reason):
        return "the reason phrase"
    return next((f"the header {name!a}" for name, value in headers if not is_valid_header(name, value)), "")


def sendable_reason(message: Message) -> str:
    """Returns the reason phrase of a published response: its own if that is valid, or else the usual one of its status."""
    return message.reason if message.reason and not _CONTROL.search(message.reason) else reason_phrase(message.status)


def reason_phrase(status: int) -> str:
    """Returns the usual reason phrase of a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Undefined Reason"
