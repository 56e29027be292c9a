"""Defines the messages of the runtime: requests as it reads them, and the decisions that it can make about them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from fanroute_runtime.plan import Bound, HeaderRules, record

if TYPE_CHECKING:
    from fanroute_runtime.plan.caching import CachePolicy

Headers = tuple[tuple[str, bytes], ...]
# A client's request as data: its method, absolute URI and headers.
Sample = tuple[str, str, Headers]
# Returns the value that a Bound has in a request, or None if the value is not text. Raises Refused (403) for a claim that the
# token does not have.
Binding = Callable[[Bound], str | None]


class Refused(Exception):
    """Raised if a request is answered with an error of the edge.

    Args:
        status: HTTP status code of the answer.
        reason: one sentence, without a newline. The local log has it, and a client that may know it (`explain`).
        headers: further headers of the answer.
        told: the sentence that any other client gets, if that is not the reason.
    """

    def __init__(self, status: int, reason: str, headers: Headers = (), told: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers
        self.told = told or reason


class Request(Protocol):
    """Represents a request that arrived, from a client or from Fanout. Each method may call the host: use only those needed."""

    def method(self) -> str:
        """Returns the method, as it was sent."""

    def uri(self) -> str:
        """Returns the absolute URI: scheme, authority, raw path and query."""

    def header(self, name: str) -> bytes | None:
        """Returns the first value of a header, or None."""

    def values(self, name: str) -> list[bytes]:
        """Returns all values of a header, in order."""

    def names(self) -> list[str]:
        """Returns the names of the headers that the request has, in lower case."""

    def body(self, limit: int) -> bytes:
        """Returns the whole body, on each call. Raises Refused (413) if it has more than `limit` bytes."""

    def client_address(self) -> str | None:
        """Returns the IP address of the connection as text, or None if the host does not know one."""

    def client_scheme(self) -> str:
        """Returns `https` if the connection uses TLS, otherwise `http`."""

    def now(self) -> int:
        """Returns the time, in seconds since 1970-01-01T00:00:00Z."""

    def moment(self) -> int:
        """Returns the time, in nanoseconds since 1970-01-01T00:00:00Z. It is the same on each call."""

    def service_id(self) -> str:
        """Returns the id of the running Fastly service."""

    def config(self, store: str, name: str) -> str | None:
        """Returns the value of an entry of a config store, or None. Raises Refused (500) if the store cannot be read."""

    def secret(self, store: str, name: str) -> bytes | None:
        """Returns a secret of a secret store, or None. Raises Refused (500) if the store cannot be read."""


@record
class Answer:
    """Represents the decision to answer at the edge, and the answer."""

    status: int
    headers: Headers
    body: bytes = b""


@record
class ToFanout:
    """Represents the decision to hand the request off to `backend` through Fanout, with its headers changed by `headers`.

    If Fastly refuses the handoff, the edge's own answer gets `cors_headers`, which let a page of another origin read it.
    """

    backend: str
    headers: HeaderRules
    uri: str | None = None
    cors_headers: Headers = ()


@record
class ToBackend:
    """Represents the decision to send the request to `backend`, and the backend's answer to the client.

    `headers` changes the request's headers, `response_headers` those of the answer. With `through_fanout`, the answer goes to
    Fanout and keeps its GRIP headers. If the backend gives no answer, the edge's own answer gets `cors_headers`, which let a page
    of another origin read it. With `backend_answers`, the backend's answer gets them too. With `cache`, the host caches the
    backend's answer by that policy.
    """

    backend: str
    headers: HeaderRules
    response_headers: HeaderRules
    through_fanout: bool = False
    uri: str | None = None
    cors_headers: Headers = ()
    backend_answers: bool = False
    cache: "CachePolicy | None" = None


@record
class ToWebSocket:
    """Represents the decision to tunnel the client's WebSocket to `backend`, with the request's headers changed by `headers`."""

    backend: str
    headers: HeaderRules
    uri: str | None = None


@record
class Publication:
    """Represents the decision to publish messages on a channel, and to answer the request after that.

    `backend` gets a POST request to `uri` with `headers` for each of `bodies`, in order. `messages` says how many messages they
    have. If `claim` is not "", that claim of the client's token must list the channel. The client gets `published`, or one of
    `failures`, by status: 403 if its token does not allow it, 429 if it sends too many messages, 502 and 504 if they may not have
    been published.
    """

    backend: str
    uri: str
    headers: Headers
    bodies: tuple[bytes, ...]
    channel: str
    claim: str
    messages: int
    published: Answer
    failures: tuple[tuple[int, Answer], ...]

    def failure(self, status: int) -> Answer:
        """Returns the answer if the messages are not published."""
        return dict(self.failures)[status]


# A decision that sends the request on. Its `uri`, if it is not None, replaces the request's.
NextHop = ToFanout | ToBackend | ToWebSocket
Decision = Answer | NextHop | Publication


def text_answer(status: int, message: str) -> Answer:
    """Returns an answer with one line of plain text."""
    return Answer(status, (("content-type", b"text/plain; charset=utf-8"),), message.encode() + b"\n")


# The answer to a request that is not a WebSocket, on a route that only accepts those (RFC 9110, 15.5.22).
UPGRADE_REQUIRED = Answer(
    426,
    (("content-type", b"text/plain; charset=utf-8"), ("upgrade", b"websocket"), ("connection", b"upgrade")),
    b"This route accepts only WebSockets.\n",
)
UNREADABLE = "The edge could not read the request."
# The answer to a request that the host does not let the edge read or change.
FAILED = text_answer(500, UNREADABLE)
