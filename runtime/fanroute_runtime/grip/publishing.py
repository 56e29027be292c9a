"""Publishes what clients send: the bodies of their requests, and the messages of their WebSockets.

Source: https://www.fastly.com/documentation/reference/api/publishing/
"""

import json
from dataclasses import replace
from hmac import digest

from fanroute_runtime.grip.instructions import expand_value, is_valid_value, meta_values
from fanroute_runtime.grip.items import JSON, Message, as_json, item_of, message_of, needs_text
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
from fanroute_runtime.http.secret import header_secret
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.messages import Answer, Binding, Headers, Publication, Refused, Request, text_answer
from fanroute_runtime.plan import StoreEntry, WebSocket
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
    batches.add(item_of(action, channel, message, id_, request, value_of, meta_values(action.meta, value_of)))
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
            batches.add(item_of(publishing, channel, message, f"{id_}-{number:02x}", request, value_of, meta))
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
    return message_of(request.body(action.max_message), type_, action)


def _message_of_event(publishing: Publish, event: Event) -> Message:
    """Returns the message in an event of a WebSocket. Raises Refused."""
    if len(event.content) > publishing.max_message:
        raise Refused(413, TOO_LONG)
    if event.type == "BINARY":
        if needs_text(publishing):
            raise Refused(415, "Only text can be published here.")
        return Message(event.content, None, False, "application/octet-stream")
    return message_of(event.content, publishing.content_types[0], publishing)


def _new_id(request: Request) -> str:
    """Returns an id that no other request has: the time in nanoseconds, and a digest of all that tells the request from others.

    Ids of later requests are greater if they are compared as texts.
    """
    known = [b"%s=%s" % (name.encode(), value) for name in request.names() for value in request.values(name)]
    known += [request.uri().encode(), str(request.client_address()).encode()]
    moment = request.moment()
    told_apart = digest(b"%d" % moment, b"\0".join(known), "sha256").hex()[:12]
    return f"{moment:016x}-{told_apart}"


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
    try:
        return header_secret(entry, request)
    except ValueError:
        raise Refused(500, "The edge has no token with which it can publish.") from None


def _with_failure(answer: Answer, publishing: Publish, refused: Refused, closed: bool) -> Answer:
    """Returns the answer to events of which a message is not published. `closed` says if the answer closes the connection."""
    if publishing.failure == "ignore" or closed:
        return answer
    if publishing.failure == "close":
        code = _CLOSE_CODES.get(refused.status, _INTERNAL_ERROR)
        return replace(answer, body=answer.body + encode([close(code, refused.told)]))
    told = as_json({"error": {"status": refused.status, "reason": refused.told}}).encode()
    return replace(answer, body=answer.body + encode([Event("TEXT", MESSAGE_PREFIX + told)]))
