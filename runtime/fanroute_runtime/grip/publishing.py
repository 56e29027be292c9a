"""Publishes what clients send: the bodies of their requests, and the messages of their WebSockets.

A message is content in each format, and never framing: it cannot end an event or begin another message.

Sources: https://www.fastly.com/documentation/reference/api/publishing/, https://pushpin.org/docs/usage/#publishing,
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from dataclasses import replace
from hmac import digest
from typing import Any

from fanroute_runtime.grip.instructions import expand_value, is_valid_value, meta_values
from fanroute_runtime.grip.websocket import (
    MESSAGE_PREFIX,
    Event,
    answer_events,
    close,
    decode,
    encode,
    set_meta,
)
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import list_items
from fanroute_runtime.http.origins import ANY, is_own_origin, matches_origin
from fanroute_runtime.jose.jwt import MAX_DEPTH, nests_too_deep
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.messages import Answer, Binding, Headers, Publication, Refused, Request, text_answer
from fanroute_runtime.plan import StoreEntry, Template, WebSocket, record
from fanroute_runtime.plan.publishing import Publish

# The backend to which publish requests go, by its name in fastly.toml, and its URL in production.
BACKEND = "fanroute-publish"
API = "https://api.fastly.com"
# The longest body of a publish request, in bytes: Fastly's limit.
MAX_PUBLISH = 65_536
_BEGIN, _SEPARATOR, _END = b'{"items":[', b",", b"]}"
# How long the items of a publish request can be, with the separators between them.
_ROOM = MAX_PUBLISH - len(_BEGIN) - len(_END)
# How many messages and publish requests a request of Fanout can lead to. Fastly lets an execution take 50 ms of processor time,
# and send 32 requests, or 10 on trial accounts.
MAX_MESSAGES, MAX_REQUESTS = 100, 8

# Codes of a CLOSE (RFC 6455, 7.4.1, and IANA's registry) for the statuses with which a request would be refused.
_CLOSE_CODES = {400: 1007, 403: 1008, 413: 1009, 415: 1003, 429: 1013}
_INTERNAL_ERROR = 1011
TOO_LONG = "The message is too long to be published."
TOO_MANY = "Too many messages."
# What can keep messages from being published. 502 and 504 leave open whether they are.
_FAILURES = (
    Refused(403, "The token does not allow this, because of the channel."),
    Refused(429, TOO_MANY),
    Refused(502, "The message may not have been published: the publish endpoint refuses it."),
    Refused(504, "The message may not have been published: the publish endpoint does not answer in time."),
)
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


def publish(action: Publish, request: Request, value_of: Binding) -> Publication:
    """Returns the decision to publish the body of a request.

    Raises Refused: 400 for a body that does not fit its type, a channel or an id that is invalid, 403 for a page of another
    origin, 413 for a body that is too long, 415 for a type that the route does not have, 500 without the API's token.
    """
    client = ClientRequest(request, through_fanout=False)
    origin = client.header("origin")
    if (
        origin is not None
        and action.origins != ANY
        and not (is_own_origin(client, origin) or matches_origin(origin, action.origins))
    ):
        raise Refused(403, "Pages of this origin must not publish here.")
    channel = expand_value(action.channel, value_of, "channel")
    message = _message_of_request(action, request)
    id_ = expand_value(action.id, value_of, "id") if action.id else _new_id(request)
    batches = _Batches()
    batches.add(_item(action, channel, message, id_, request, value_of, meta_values(action.meta, value_of)))
    headers = (("content-type", JSON.encode()), ("cache-control", b"no-store"))
    published = Answer(202, headers, json.dumps({"id": id_}).encode() + b"\n")
    failures = tuple((refused.status, text_answer(refused.status, refused.told)) for refused in _FAILURES)
    return _publication(action, channel, batches, request, published, failures)


def answer_and_publish(action: WebSocket, request: Request, value_of: Binding) -> Answer | Publication:
    """Answers Fanout's events as `answer_events` does. If there are messages, they are published before.

    Raises Refused as `answer_events` does, and 500 without the API's token.
    """
    publishing = action.publish
    if publishing is None:
        return answer_events(action, request, value_of)
    variables: tuple[bytes, ...] = ()
    meta: list[tuple[str, str]] = []
    if publishing.skips_sender:
        connection = _connection_id(request)
        variables, meta = (set_meta("user", connection),), [("sender", connection)]
    said: list[Event] = []
    answer = answer_events(action, request, value_of, said, variables)
    if not said:
        return answer
    meta += meta_values(publishing.meta, value_of)
    channel = expand_value(publishing.channel, value_of, "channel")
    closed = any(event.type == "CLOSE" for event in decode(answer.body))
    batches, id_ = _Batches(), _new_id(request)
    for number, event in enumerate(said):
        try:
            if number == MAX_MESSAGES:
                raise Refused(429, TOO_MANY)
            message = _message_of_event(publishing, event)
            batches.add(_item(publishing, channel, message, f"{id_}-{number:02x}", request, value_of, meta))
        except Refused as refused:
            answer = _with_failure(answer, publishing, refused, closed)
            closed = closed or publishing.failure == "close"
            if publishing.failure == "close" or refused.status == 429:
                break  # after too many messages, all others are too many
    if not batches.count:
        return answer
    unpublished = tuple((each.status, _with_failure(answer, publishing, each, closed)) for each in _FAILURES)
    return _publication(publishing, channel, batches, request, answer, unpublished)


def _connection_id(request: Request) -> str:
    """Returns the id of the WebSocket to which events belong, which Fanout sends. Raises Refused (400)."""
    values = [value.decode("latin-1") for value in request.values("connection-id")]
    if len(values) != 1 or not is_valid_value(values[0]):
        raise Refused(400, "The Connection-Id is missing or malformed.")
    return values[0]


def _message_of_request(action: Publish, request: Request) -> Message:
    """Returns the message in a request's body. Raises Refused."""
    given = list_items(request.values("content-type"))
    type_, *parameters = [part.strip() for part in given.pop().split(";")] if len(given) == 1 else [""]
    charsets = {part.partition("=")[2].strip(' "') for part in parameters if part.startswith("charset=")}
    encodings = list_items(request.values("content-encoding")) - {"identity"}
    if type_ not in action.content_types or charsets - {"utf-8"} or encodings:
        raise Refused(415, f"The Content-Type must be {' or '.join(action.content_types)}, in UTF-8 and not compressed.")
    return _message(request.body(action.max_message), type_, action)


def _message_of_event(publishing: Publish, event: Event) -> Message:
    """Returns the message in an event of a WebSocket. Raises Refused."""
    if len(event.content) > publishing.max_message:
        raise Refused(413, TOO_LONG)
    if event.type == "BINARY":
        if _needs_text(publishing):
            raise Refused(415, "Only text can be published here.")
        return Message(event.content, None, False, "application/octet-stream")
    return _message(event.content, publishing.content_types[0], publishing)


def _needs_text(publishing: Publish) -> bool:
    return bool(publishing.envelope) or not {"sse", "stream"}.isdisjoint(publishing.subscribers)


def _message(content: bytes, type_: str, publishing: Publish) -> Message:
    """Returns a message of some media type. Raises Refused (400) if its content does not fit the type."""
    is_json = type_ == JSON or type_.endswith("+json")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        if is_json or _needs_text(publishing) or type_.startswith("text/"):
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


def _new_id(request: Request) -> str:
    """Returns an id that no other request has: the time in nanoseconds, and a digest of all that tells the request from others.

    Ids of later requests are greater if they are compared as texts.
    """
    known = [b"%s=%s" % (name.encode(), value) for name in request.names() for value in request.values(name)]
    known += [request.uri().encode(), str(request.client_address()).encode()]
    moment = request.moment()
    told_apart = digest(b"%d" % moment, b"\0".join(known), "sha256").hex()[:12]
    return f"{moment:016x}-{told_apart}"


def _item(
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
            f"{_json(name)}:{_part(kind, template, message, id_, request, value_of)}"
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
    return _json(item).translate(_BYTE_ORDER_MARK).encode()


def _part(kind: str, template: Template, message: Message, id_: str, request: Request, value_of: Binding) -> str:
    """Returns a member of an envelope, as JSON."""
    match kind:
        case "body":
            return message.text or "null" if message.is_json else _json(message.text)
        case "id":
            return _json(id_)
        case "now":
            return str(request.moment() // 1_000_000)
    values = [part if isinstance(part, str) else value_of(part) for part in template]
    return _json(values[0] if len(values) == 1 else "".join(value or "" for value in values))


def _json(value: Any) -> str:
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


class _Batches:
    """Distributes items to as few publish requests as possible, in order.

    Attributes:
        count: how many items there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._batches: list[list[bytes]] = [[]]
        self._room = _ROOM

    def add(self, item: bytes) -> None:
        """Adds an item. Raises Refused: 413 if it fits into no publish request, 429 if it would need one too many."""
        if len(item) > _ROOM:
            raise Refused(413, TOO_LONG)
        if len(item) >= self._room and self._batches[-1]:
            if len(self._batches) == MAX_REQUESTS:
                raise Refused(429, TOO_MANY)
            self._batches.append([])
            self._room = _ROOM
        self._batches[-1].append(item)
        self._room -= len(item) + len(_SEPARATOR)
        self.count += 1

    def bodies(self) -> tuple[bytes, ...]:
        """Returns the bodies of the publish requests."""
        return tuple(_BEGIN + _SEPARATOR.join(items) + _END for items in self._batches)


def _publication(
    publishing: Publish,
    channel: str,
    batches: _Batches,
    request: Request,
    published: Answer,
    failures: tuple[tuple[int, Answer], ...],
) -> Publication:
    """Returns the decision to publish items. Raises Refused (500) if there is no token."""
    service = request.service_id()
    headers: Headers = (("content-type", JSON.encode()),)
    path = "/publish/"  # Pushpin's
    if service != LOCAL_SERVICE:
        headers += (("fastly-key", _token(publishing.token, request)),)
        path = f"/service/{service}/publish/"
    return Publication(
        BACKEND, f"{API}{path}", headers, batches.bodies(), channel, publishing.claim, batches.count, published, failures
    )


def _token(entry: StoreEntry, request: Request) -> bytes:
    """Returns the token for Fastly's API. Raises Refused (500) without telling the client which store should have it."""
    token = (request.secret(entry.store, entry.name) or b"").strip()
    if not token or not all(0x20 < byte < 0x7F for byte in token):
        raise Refused(500, "The edge has no token with which it can publish.")
    return token


def _with_failure(answer: Answer, publishing: Publish, refused: Refused, closed: bool) -> Answer:
    """Returns the answer to events of which a message is not published. `closed` says if the answer closes the connection."""
    if publishing.failure == "ignore" or closed:
        return answer
    if publishing.failure == "close":
        code = _CLOSE_CODES.get(refused.status, _INTERNAL_ERROR)
        return replace(answer, body=answer.body + encode([close(code, refused.told)]))
    told = _json({"error": {"status": refused.status, "reason": refused.told}}).encode()
    return replace(answer, body=answer.body + encode([Event("TEXT", MESSAGE_PREFIX + told)]))
