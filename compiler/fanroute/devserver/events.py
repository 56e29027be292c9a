"""Defines what a local edge reports while it serves: events, as data that nothing changes.

docs/traffic.md describes them for programs, which read them as JSON.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

# What the component did with a request.
Outcome = Literal["answered", "forwarded", "handed off", "tunnelled", "failed"]
# Who sends a message on a held connection. Whoever publishes counts as the publisher, and so does Fanout with its keep-alives.
Sender = Literal["client", "backend", "publisher"]
# How a client's connection is held.
Connection = Literal["stream", "long-poll", "websocket", "tunnel"]
# What has become of a save.
SaveOutcome = Literal["wrong", "unchanged", "interpreted", "building", "component", "build failed", "not served"]


class Header(NamedTuple):
    """Holds a header of a message. Bytes of the value that are not ASCII are characters of Latin-1."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Represents one pass of a request through the component.

    Args:
        number: 1 for a request of a client, 2 for one of Fanout.
        method: the request's method.
        url: its absolute URL.
        headers: its headers, as they arrived.
        route: the route that was chosen, "" if there is none or if it is not known.
        action: the key of the route's action in routes.yaml, such as `sse`; "" without a route.
        outcome: what the component did. A request that was handed off has no status here, because Fanout answers it.
        backend: the backend that got the request, "" if none did.
        sent: the headers with which the backend got it.
        status: the status of the component's answer, or of the backend's that was forwarded.
        answer: the headers of that answer.
        reason: why the request was refused, or could not be served; "" if it was served.
        hint: what in routes.yaml would change that, and other advice.
        milliseconds: the time until the component answered or sent the request on.
    """

    number: int
    method: str
    url: str
    outcome: Outcome
    milliseconds: float
    headers: tuple[Header, ...] = ()
    route: str = ""
    action: str = ""
    backend: str = ""
    sent: tuple[Header, ...] = ()
    status: int | None = None
    answer: tuple[Header, ...] = ()
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Represents something that happened.

    Args:
        time: when, in seconds since 1970.
        request: the number of the client's request that it belongs to, or None. A held connection has the number of its request.
    """

    kind: ClassVar[str]

    time: float
    request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving(Event):
    """Reports that the edge listens: on `edge` for clients, and on `publish` for publishers."""

    kind = "serving"

    service: str
    edge: str
    publish: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """Reports that the answer to a client's request has begun, or that the client left before (`status` is None then).

    `passes` are those until then: one, or two if Fanout asked the service itself. `route`, `action` and `backend` are those of
    the first, `reason` and `hint` those of the last. `channels` are those to which the answer subscribes the client.
    """

    kind = "request"

    method: str
    host: str
    target: str
    status: int | None
    milliseconds: float
    route: str = ""
    action: str = ""
    backend: str = ""
    channels: tuple[str, ...] = ()
    passes: tuple[Pass, ...] = ()
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAgain(Event):
    """Reports a further pass after the answer to the client has begun: for a WebSocket's events, or for a stream's link."""

    kind = "pass"

    made: Pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Event):
    """Reports that a client's connection is held from now on."""

    kind = "opened"

    connection: Connection
    route: str
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed(Event):
    """Reports that a held connection is subscribed to a further channel, or no longer to one of its channels."""

    kind = "subscribed"

    channel: str
    subscribed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """Reports a message on a held connection.

    Args:
        sender: who sent it.
        type: `TEXT`, `BINARY`, `PING`, `PONG` or `CLOSE` on a WebSocket, otherwise the format that was published.
        size: the length of its content in bytes.
    """

    kind = "message"

    sender: Sender
    type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Event):
    """Reports that a held connection has ended, after so many seconds.

    Args:
        how: who or what ended it.
        code: the code of a WebSocket's CLOSE, or None without a CLOSE.
        reason: the reason in the CLOSE.
        hint: what in routes.yaml changes that.
    """

    kind = "closed"

    connection: Connection
    seconds: float
    how: str
    code: int | None = None
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published(Event):
    """Reports an item that was published. `receivers` counts the connections that got it, None if that is not known."""

    kind = "published"

    channel: str
    formats: tuple[str, ...]
    id: str | None
    receivers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRefused(Event):
    """Reports that a request to publish was refused."""

    kind = "publish-refused"

    status: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Represents an error: of a file that was saved, or of the build after the save.

    Args:
        message: what is wrong.
        shown: all that `fanroute check` or the terminal says about it, on several lines.
        file: the file with the error, "" if it is in none.
        line: its line there, from 1, or None.
        column: its column, from 1, or None.
        code: the code of the diagnostic, "" if it is none.
    """

    message: str
    shown: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Event):
    """Reports what has become of a save, so many milliseconds after it was noticed.

    Args:
        outcome: `wrong` if there are errors, so what was served before is still served; `unchanged` if errors are mended and
            what is served stays the same; `interpreted` if it is served while its component is being built; `component` if its
            component serves it; `build failed` if it stays interpreted.
        milliseconds: the time since the save was noticed.
        problems: the errors, if it is wrong or the build has failed.
    """

    kind = "saved"

    outcome: SaveOutcome
    milliseconds: float
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Reports something that a developer should know, such as an answer of a backend with bad instructions."""

    kind = "notice"

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Event):
    """Reports a line that a program has printed: Viceroy, Pushpin, or the command of `--with`."""

    kind = "output"

    program: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged(Event):
    """Reports a line that the component has written to a log endpoint (`logs` in routes.yaml)."""

    kind = "log"

    endpoint: str
    line: str


# Takes each event when it happens.
Emit = Callable[[Event], None]
# All kinds of events.
KINDS: tuple[type[Event], ...] = (
    Serving,
    Answered,
    AskedAgain,
    Opened,
    Subscribed,
    Message,
    Closed,
    Published,
    PublishRefused,
    Saved,
    Notice,
    Output,
    Logged,
)
