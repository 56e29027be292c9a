"""What the edge answers itself: the actions that need no origin."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fanroute.spec.base import Model
from fanroute.spec.channels import Channels, Link, Meta
from fanroute.spec.cors import Cors
from fanroute.spec.headers import AnswerHeaders, HeaderValue
from fanroute.spec.types import FilePath, KeepAlive, Line, Location, Text, Timeout, value_error

Status = Annotated[int, Field(ge=200, le=599)]


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


class Fallback(Model):
    """What the edge answers in place of a backend that cannot be reached."""

    status: Status | None = None
    """The answer's status; if not given, 502, or 504 where the backend did not answer in time."""
    content_type: HeaderValue = "text/plain; charset=utf-8"
    """The answer's media type."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Headers of the answer."""
    body: Text = ""
    """The answer's content."""


class Redirect(Model):
    """A redirection of the client."""

    location: Location
    """Where to: begins with `/`, `https://HOST/` or `http://HOST/`; may contain what the match binds, which is percent-encoded
    there."""
    status: Literal[301, 302, 303, 307, 308] = 302
    """The answer's status."""
