"""What the edge answers itself: the actions that need no origin."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fanroute.spec.channels import Channels, Link, Meta
from fanroute.spec.cors import Cors
from fanroute.spec.headers import AnswerHeaders, HeaderValue
from fanroute.spec.types import (
    DURATION,
    MAX_SECONDS,
    SIZE,
    TOKEN,
    BackendName,
    Duration,
    FilePath,
    KeepAlive,
    Kind,
    Line,
    Location,
    Model,
    Size,
    Text,
    Timeout,
    as_list,
    at_least,
    no_duplicates,
    value_error,
)
from fanroute_runtime.websocket import MAX_MESSAGE, MIN_KEEP_ALIVE_INTERVAL

Status = Annotated[int, Field(ge=200, le=599)]


# The actions that this service answers itself, asked by Fanout.
STREAM_ACTIONS = ("stream", "sse")
EDGE_ANSWERED = (*STREAM_ACTIONS, "long_poll", "websocket")
# The actions that a backend of the user's answers.
BACKEND_ANSWERED = ("handoff", "forward", "tunnel")
# Those whose answers the edge does not see, and why.
UNSEEN_ANSWERS = {"handoff": "Fanout gives it to the client", "tunnel": "the backend gives it to the client"}
# Those that carry a WebSocket.
WEBSOCKET_ACTIONS = ("handoff", "tunnel", "websocket")
ACTIONS = (*BACKEND_ANSWERED, *EDGE_ANSWERED, "respond", "redirect")


# Codes that an endpoint may send in a CLOSE (RFC 6455, 7.4, and IANA's registry).
CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))


def _protocol(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{value!r} is not a subprotocol", "use letters, digits, '.' and '-', as in 'chat.v1'")
    return value


def _message(value: int) -> int:
    if not 0 < value <= MAX_MESSAGE:
        raise value_error("the size is out of range", f"it is 1B at least and {MAX_MESSAGE}B at most")
    return value


def _code(value: int) -> int:
    if value not in CLOSE_CODES:
        raise value_error(f"{value} is not a close code that may be sent", "choose one of your own, from 4000 to 4999")
    return value


Protocol = Annotated[Text, AfterValidator(_protocol), Kind("a subprotocol", TOKEN.pattern)]
IdleClose = Annotated[
    Duration,
    AfterValidator(at_least(MIN_KEEP_ALIVE_INTERVAL, MAX_SECONDS)),
    Kind(f"a duration from {MIN_KEEP_ALIVE_INTERVAL}s to {MAX_SECONDS // 60}m", DURATION.pattern),
]
MaxMessage = Annotated[Size, AfterValidator(_message), Kind(f"a size from 1B to {MAX_MESSAGE}B", SIZE.pattern)]


class Handoff(Model):
    """A backend's answer, through Fanout."""

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    cors: Cors | None = None
    """Which pages of other origins may send requests, and read the edge's own answers, such as a 401. The backend sets CORS
    headers for its answers itself."""


class Forward(Model):
    """A backend's answer, without Fanout."""

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    cors: Cors | None = None
    """Which pages of other origins may send requests, and read the edge's own answers, such as a 401 or 502."""


def _named(value: Any) -> Any:
    return value if isinstance(value, dict) else {"backend": value}


HandoffTo = Annotated[Handoff, BeforeValidator(_named, json_schema_input_type=BackendName | Handoff)]
ForwardTo = Annotated[Forward, BeforeValidator(_named, json_schema_input_type=BackendName | Forward)]


class Stream(Model):
    """An open answer, to which each `http-stream` message published on its channels is appended."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection, by name, for the channels' filters; may contain what the match binds."""
    content_type: HeaderValue = "text/plain"
    """The answer's media type."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Headers of the answer."""
    body: Text = ""
    """How the stream begins."""
    keep_alive: KeepAlive | None = None
    """After that time without a message a newline is sent."""
    link: Link | None = None
    """With `prev_id`: the path where Fanout asks for what the stream has missed; may contain what the match binds."""
    cors: Cors | None = None
    """Which pages of other origins may read the answer."""


class Event(Model):
    """A server-sent event."""

    event: Line | None = None
    """Its type; a listener for `message` gets one without."""
    id: Line | None = None
    """What the client sends as `Last-Event-ID` when it connects again."""
    data: Text | None = None
    """Its content, of one line or several. Without it, the id is set and no listener called."""

    @model_validator(mode="after")
    def _dispatched(self) -> "Event":
        if self.event is not None and self.data is None:
            raise value_error("an event without data reaches no listener", "add 'data:', which may be empty")
        return self


class Sse(Model):
    """A stream of server-sent events: a published message is `data: …` and an empty line."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection, by name, for the channels' filters; may contain what the match binds."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Headers of the answer."""
    retry: KeepAlive | None = None
    """How long a client waits before it connects again."""
    initial: Event = Event()
    """The event that the stream begins with."""
    keep_alive: KeepAlive | None = None
    """After that time without a message a comment is sent, which no listener sees."""
    link: Link | None = None
    """With `prev_id`: the path where Fanout asks for what the stream has missed; may contain what the match binds."""
    cors: Cors | None = None
    """Which pages of other origins may read the answer."""


class OnTimeout(Model):
    """What a long-poll gets in the end, if nothing was published."""

    status: Status = 200
    """The answer's status."""
    body: Text = ""
    """The answer's content."""


class LongPoll(Model):
    """Nothing, until an `http-response` message is published on a channel, or the time is over."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection, by name, for the channels' filters; may contain what the match binds."""
    content_type: HeaderValue = "text/plain"
    """The answer's media type."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Headers of the answer."""
    timeout: Timeout | None = None
    """How long it is held; 55 s if not given, 5 s at least."""
    on_timeout: OnTimeout = OnTimeout()
    """What it gets then, instead of an empty 200."""
    cors: Cors | None = None
    """Which pages of other origins may read the answer."""


class WebSocket(Model):
    """A WebSocket that gets each `ws-message` published on its channels."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection, by name, for the channels' filters; may contain what the match binds."""
    echo: bool = False
    """Whether a client's messages come back to it."""
    protocols: Annotated[list[Protocol], BeforeValidator(as_list), AfterValidator(no_duplicates)] = Field(default_factory=list)
    """Subprotocols, of which a client has to offer one: the first it offers that is here is taken."""
    keep_alive: KeepAlive | None = None
    """After that time without a message a ping is sent; with `idle_close` a pong, which no client answers."""
    idle_close: IdleClose | None = None
    """After that time without anything from the client it is closed with code 1001. What is published does not count."""
    max_message: MaxMessage | None = None
    """A client that sends a longer message is closed with code 1009. At one above 200,000 bytes Fanout breaks the connection."""
    refuse_code: Annotated[int, AfterValidator(_code)] | None = None
    """A client without a channel or protocol is accepted and closed with this code, which a browser's script can see, instead
    of an HTTP error, which it cannot."""


class Respond(Model):
    """The edge's own answer, without Fanout."""

    status: Status
    """The answer's status."""
    content_type: HeaderValue | None = None
    """The answer's media type; if not given, plain text, or what the file's name says."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Headers of the answer."""
    body: Text = ""
    """The answer's content."""
    file: FilePath | None = None
    """A file that is the answer's content, by its path from the folder of routes.yaml; read when building."""
    cors: Cors | None = None
    """Which pages of other origins may read the answer."""


class Redirect(Model):
    """A redirection of the client."""

    location: Location
    """Where to: begins with `/`, `https://HOST/` or `http://HOST/`; may contain what the match binds, which is percent-encoded
    there."""
    status: Literal[301, 302, 303, 307, 308] = 302
    """The answer's status."""
