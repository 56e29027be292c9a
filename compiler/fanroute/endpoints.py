"""What the edge answers itself: the actions that need no origin."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fanroute.cors import Cors
from fanroute.headers import AnswerHeaders, HeaderValue
from fanroute.model import Model
from fanroute.values import Channel, FilePath, KeepAlive, Location, Text, Timeout, listed
from fanroute_runtime.grip import MAX_CHANNELS

Channels = Annotated[list[Channel], BeforeValidator(listed), Field(min_length=1, max_length=MAX_CHANNELS)]
Status = Annotated[int, Field(ge=200, le=599)]


class Stream(Model):
    """An open answer, to which each `http-stream` message published on its channels is appended."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    content_type: HeaderValue = "text/plain"
    """The answer's media type."""
    headers: AnswerHeaders = {}
    """Headers of the answer."""
    body: Text = ""
    """How the stream begins."""
    keep_alive: KeepAlive | None = None
    """After that time without a message a newline is sent."""
    cors: Cors | None = None
    """Which pages of other origins may read the answer."""


class Sse(Model):
    """A stream of server-sent events: a published message is `data: …` and an empty line."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    headers: AnswerHeaders = {}
    """Headers of the answer."""
    body: Text = ""
    """How the stream begins: the text of events."""
    keep_alive: KeepAlive | None = None
    """After that time without a message a comment is sent, which no listener sees."""
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
    content_type: HeaderValue = "text/plain"
    """The answer's media type."""
    headers: AnswerHeaders = {}
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
    echo: bool = False
    """Whether a client's messages come back to it."""


class Respond(Model):
    """This answer, without Fanout."""

    status: Status
    """The answer's status."""
    content_type: HeaderValue | None = None
    """The answer's media type; if not given, plain text, or what the file's name says."""
    headers: AnswerHeaders = {}
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
    """Where to: begins with `/` or with `https://HOST/`; may contain what the match binds, which is percent-encoded there."""
    status: Literal[301, 302, 303, 307, 308] = 302
    """The answer's status."""
