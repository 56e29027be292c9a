"""Defines the actions of routes, and groups them by who answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fanroute.diagnostics.printable import quoted
from fanroute.spec.caching import CacheOrPass
from fanroute.spec.channels import Channels, Link, Meta
from fanroute.spec.cors import Cors
from fanroute.spec.headers import AnswerHeaders, HeaderValue
from fanroute.spec.publishing import PublishFromSocket
from fanroute.spec.rewriting import Rewrite
from fanroute.spec.types import (
    DURATION,
    MAX_SECONDS,
    SIZE,
    TOKEN,
    AddressPath,
    BackendName,
    FilePath,
    KeepAlive,
    Line,
    Location,
    Model,
    Size,
    TargetHost,
    Text,
    TextFormat,
    Timeout,
    as_list,
    duration_between,
    no_duplicates,
    value_error,
    with_example,
)
from fanroute_runtime.grip.websocket import MAX_MESSAGE, MIN_KEEP_ALIVE_INTERVAL

STREAM_ACTIONS = ("stream", "sse")
# Fanout asks this service to answer these.
EDGE_ANSWERED = (*STREAM_ACTIONS, "long_poll", "websocket")
# A backend of the user's answers these.
BACKEND_ANSWERED = ("handoff", "forward", "tunnel")
# The edge does not see the answers of these, for the reason given.
UNSEEN_ANSWERS = {"handoff": "Fanout gives it to the client", "tunnel": "the backend gives it to the client"}
# A WebSocket can be opened by these.
WEBSOCKET_ACTIONS = ("handoff", "tunnel", "websocket")
ACTIONS = (*BACKEND_ANSWERED, *EDGE_ANSWERED, "publish", "respond", "redirect")

# Close codes that an endpoint may send (RFC 6455, 7.4, and IANA's registry).
CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))


def _check_protocol(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{quoted(value)} is not a subprotocol", "use letters, digits, '.' and '-', such as 'chat.v1'")
    return value


def _check_message_size(value: int) -> int:
    if not 0 < value <= MAX_MESSAGE:
        raise value_error("the size is out of range", f"write at least 1B and at most {MAX_MESSAGE}B")
    return value


def _check_close_code(value: int) -> int:
    if value not in CLOSE_CODES:
        raise value_error(f"{value} is not a close code that may be sent", "choose one of your own, from 4000 to 4999")
    return value


# Media types that editors propose.
MEDIA_TYPES = ("text/plain", "application/json", "text/html; charset=utf-8")

Status = Annotated[int, Field(ge=200, le=599, examples=[200, 204, 404, 503])]
Protocol = Annotated[Text, AfterValidator(_check_protocol), TextFormat("a subprotocol", TOKEN.pattern, ("chat.v1",))]
IdleClose = Annotated[
    int,
    duration_between(MIN_KEEP_ALIVE_INTERVAL, MAX_SECONDS),
    TextFormat(f"a duration from {MIN_KEEP_ALIVE_INTERVAL}s to {MAX_SECONDS // 60}m", DURATION.pattern, ("5m",)),
]
MaxMessage = Annotated[
    Size, AfterValidator(_check_message_size), TextFormat(f"a size from 1B to {MAX_MESSAGE}B", SIZE.pattern, ("16KiB", "512B"))
]


class Handoff(Model):
    """Sends the request to a backend through Fanout, which gives the backend's answer to the client."""

    model_config = with_example({"backend": "origin", "cors": {"origins": "https://www.example.com"}})

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    cors: Cors | None = None
    """Lets pages of other origins send requests, and read the edge's own answers, such as a 401. The backend sets CORS headers
    for its answers itself."""
    rewrite: Rewrite | None = None
    """Changes the path and query with which the backend gets the request."""


class Forward(Model):
    """Sends the request to a backend without Fanout, and the backend's answer to the client."""

    model_config = with_example({"backend": "origin", "cors": {"origins": "https://www.example.com"}})

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    cors: Cors | None = None
    """Lets pages of other origins send requests, and read the edge's own answers, such as a 401 or 502."""
    cache: CacheOrPass | None = None
    """`pass` if Fastly caches no answer, or for how long it caches them. If not given, the answer's `Cache-Control` says it."""
    rewrite: Rewrite | None = None
    """Changes the path and query with which the backend gets the request."""


class Tunnel(Model):
    """Connects the client to a WebSocket of a backend, without Fanout."""

    model_config = with_example({"backend": "origin", "rewrite": {"strip_prefix": "/api"}})

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    rewrite: Rewrite | None = None
    """Changes the path and query with which the backend gets the request."""


def _with_backend(value: Any) -> Any:
    return value if isinstance(value, dict) else {"backend": value}


HandoffTo = Annotated[Handoff, BeforeValidator(_with_backend, json_schema_input_type=BackendName | Handoff)]
ForwardTo = Annotated[Forward, BeforeValidator(_with_backend, json_schema_input_type=BackendName | Forward)]
TunnelTo = Annotated[Tunnel, BeforeValidator(_with_backend, json_schema_input_type=BackendName | Tunnel)]


class Stream(Model):
    """An answer that stays open. Each `http-stream` message published on its channels is appended to it."""

    model_config = with_example({"channel": "room-{room}", "content_type": "application/json", "keep_alive": "25s"})

    channel: Channels
    """One channel or up to 20. They can contain what the match binds, such as `{room}`."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection for the channels' filters, by name. Values can contain what the match binds."""
    content_type: HeaderValue = Field("text/plain", examples=list(MEDIA_TYPES))
    """The answer's media type."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Further headers of the answer."""
    body: Text = ""
    """The beginning of the stream."""
    keep_alive: KeepAlive | None = None
    """After how long without a message a newline is sent."""
    link: Link | None = None
    """With `prev_id`: the path where Fanout asks for messages that the stream has missed. It can contain what the match binds."""
    cors: Cors | None = None
    """Lets pages of other origins read the answer."""


class Event(Model):
    """A server-sent event."""

    model_config = with_example({"event": "welcome", "data": "You are connected."})

    event: Line | None = None
    """The event's type. Listeners for `message` get an event without a type."""
    id: Line | None = None
    """The event's id. The client sends it as `Last-Event-ID` when it reconnects."""
    data: Text | None = None
    """The event's content, on one line or several. Without it, the client keeps the id and calls no listener."""

    @model_validator(mode="after")
    def _has_data(self) -> "Event":
        if self.event is not None and self.data is None:
            raise value_error("an event without data reaches no listener", "add 'data:', which may be empty")
        return self


class Sse(Model):
    """A stream of server-sent events. A message to publish is `data: …` and an empty line."""

    model_config = with_example({"channel": "room-{room}", "retry": "2s", "keep_alive": "25s"})

    channel: Channels
    """One channel or up to 20. They can contain what the match binds, such as `{room}`."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection for the channels' filters, by name. Values can contain what the match binds."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Further headers of the answer."""
    retry: KeepAlive | None = None
    """Tells a client how long to wait before it reconnects."""
    initial: Event = Event()
    """The event that begins the stream."""
    keep_alive: KeepAlive | None = None
    """After how long without a message a comment is sent, which no listener sees."""
    link: Link | None = None
    """With `prev_id`: the path where Fanout asks for messages that the stream has missed. It can contain what the match binds."""
    cors: Cors | None = None
    """Lets pages of other origins read the answer."""


class OnTimeout(Model):
    """The answer if nothing was published in time."""

    model_config = with_example({"status": 204})

    status: Status = 200
    """The answer's status."""
    body: Text = ""
    """The answer's content."""


class LongPoll(Model):
    """Holds the request until an `http-response` message is published on one of its channels, or until a time-out."""

    model_config = with_example({"channel": "room-{room}", "timeout": "25s", "on_timeout": {"status": 204}})

    channel: Channels
    """One channel or up to 20. They can contain what the match binds, such as `{room}`."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection for the channels' filters, by name. Values can contain what the match binds."""
    content_type: HeaderValue = Field("text/plain", examples=list(MEDIA_TYPES))
    """The media type of the answer after the time-out."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Further headers of the answer after the time-out."""
    timeout: Timeout | None = None
    """Limits how long the request is held. 55 s if not given, 5 s at least."""
    on_timeout: OnTimeout = OnTimeout()
    """The answer after the time-out. If not given, an empty 200."""
    cors: Cors | None = None
    """Lets pages of other origins read the answer."""


class WebSocket(Model):
    """A WebSocket that gets each `ws-message` published on its channels."""

    model_config = with_example({"channel": "room-{room}", "protocols": "chat.v1", "keep_alive": "25s"})

    channel: Channels
    """One channel or up to 20. They can contain what the match binds, such as `{room}`."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection for the channels' filters, by name. Values can contain what the match binds."""
    echo: bool = False
    """Sends a client its own messages back."""
    publish: PublishFromSocket | None = None
    """Publishes what a client sends."""
    protocols: Annotated[list[Protocol], BeforeValidator(as_list), AfterValidator(no_duplicates)] = Field(default_factory=list)
    """Subprotocols, of which a client must offer at least one. The first offered one that is in this list is used."""
    require_protocol: bool = True
    """`false` also lets in clients that offer none of `protocols`. No protocol is chosen for them."""
    keep_alive: KeepAlive | None = None
    """After how long without a message a ping is sent. With `idle_close` it is a pong, which no client answers."""
    idle_close: IdleClose | None = None
    """After how long without anything from the client the WebSocket is closed with code 1001. Published messages do not count."""
    max_message: MaxMessage | None = None
    """The longest message that a client may send. After a longer one, the connection is closed with code 1009. Fanout breaks the
    connection at a message above 200,000 bytes."""
    refuse_code: Annotated[int, AfterValidator(_check_close_code)] | None = Field(None, examples=[4401])
    """A client without a channel or subprotocol is accepted and closed with this code, which a browser's script can see. If not
    given, the client gets an HTTP error, which a script cannot see."""

    @model_validator(mode="after")
    def _requires_one_of_its_protocols(self) -> "WebSocket":
        if "require_protocol" in self.model_fields_set and not self.protocols:
            raise value_error("'require_protocol' has no effect without 'protocols'", "name them, or remove it")
        return self


class Respond(Model):
    """An answer of the edge's own, without Fanout."""

    model_config = with_example({"status": 200, "content_type": "application/json", "body": '{"ok": true}'})

    status: Status
    """The answer's status."""
    content_type: HeaderValue | None = Field(None, examples=list(MEDIA_TYPES))
    """The answer's media type. If not given, plain text, or the type that the file's name indicates."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Further headers of the answer."""
    body: Text = ""
    """The answer's content."""
    file: FilePath | None = None
    """A file with the answer's content, by its path from the folder of routes.yaml. It is read when building."""
    cors: Cors | None = None
    """Lets pages of other origins read the answer."""


class Redirect(Model):
    """Redirects the client: to `location`, or to another `host`, where what is not given stays as the client sent it."""

    model_config = with_example(
        {"host": "www.example.com", "status": 308},
        oneOf=[{"required": ["location"]}, {"required": ["host"]}],
        dependentRequired={"scheme": ["host"], "path": ["host"]},
    )

    location: Location | None = None
    """Sends the client to this address, which begins with `/`, `https://HOST/` or `http://HOST/`. It can contain values that the
    match binds, which are percent-encoded there. The action can also be just this address."""
    host: TargetHost | None = None
    """Sends the client to this host. Its first label can be the one that the match binds: `{tenant}.example.com`."""
    scheme: Literal["https", "http"] | None = None
    """The scheme at `host`. `https` if not given."""
    path: AddressPath | None = None
    """The path at `host`. It can contain values that the match binds, which are percent-encoded there. If not given, the path of
    the request."""
    keep_query: bool | None = None
    """Adds the query of the request to the address. `true` if not given for a `host`, `false` for a `location`."""
    status: Literal[301, 302, 303, 307, 308] = 302
    """The answer's status."""


def _with_location(value: Any) -> Any:
    return {"location": value} if isinstance(value, str) else value


RedirectTo = Annotated[Redirect, BeforeValidator(_with_location, json_schema_input_type=Location | Redirect)]
