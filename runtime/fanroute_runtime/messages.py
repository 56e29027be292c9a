"""What a request is to the runtime, and what can be decided about it."""

from collections.abc import Callable
from typing import Protocol

from fanroute_runtime.plan import Bound, HeaderRules, record

Headers = tuple[tuple[str, bytes], ...]
# A client's request as data: its method, absolute URI and headers.
Sample = tuple[str, str, Headers]
# Gives a value that the request has; None where that is no text. Raises Refused (403) for a claim that the token has not.
Binding = Callable[[Bound], str | None]


class Refused(Exception):
    """The request cannot be served as it is.

    Args:
        status: HTTP status code of the answer.
        reason: one sentence for the client, without a newline.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, reason: str, headers: Headers = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class Request(Protocol):
    """A client's request, or Fanout's; each method asks the host, so it is asked only for what is needed."""

    def method(self) -> str:
        """The method, as sent."""

    def uri(self) -> str:
        """Absolute URI: scheme, authority, raw path and query."""

    def header(self, name: str) -> bytes | None:
        """First value of a header, or None."""

    def values(self, name: str) -> list[bytes]:
        """All values of a header, in order."""

    def names(self) -> list[str]:
        """The names of the headers that are there, in small letters."""

    def body(self, limit: int) -> bytes:
        """The whole body, each time. Raises Refused (413) when it has more than `limit` bytes."""

    def client_address(self) -> str | None:
        """The connection's IP address as text, or None where it has none."""

    def client_scheme(self) -> str:
        """`https` if the connection is TLS, otherwise `http`."""

    def now(self) -> int:
        """The time, in seconds since 1970-01-01T00:00:00Z."""

    def service_id(self) -> str:
        """The id of the Fastly service that runs."""

    def config(self, store: str, name: str) -> str | None:
        """The value of an entry of a config store, or None. Raises Refused (500) where the store cannot be read."""

    def secret(self, store: str, name: str) -> bytes | None:
        """A secret of a secret store, or None. Raises Refused (500) where the store cannot be read."""


@record
class Answer:
    """Answer the request here."""

    status: int
    headers: Headers
    body: bytes = b""


@record
class ToFanout:
    """Hand the request off to `backend` through Fanout, after `headers`.

    If Fastly refuses the handoff, the edge's own answer gets `cors_headers`, which let a page of another origin read it.
    """

    backend: str
    headers: HeaderRules
    uri: str | None = None
    cors_headers: Headers = ()


@record
class ToBackend:
    """Send the request to `backend` after `headers`, and its answer to the client after `response_headers`.

    With `through_fanout` it is Fanout that gets the answer, and the backend's instructions for it. If the backend
    gives no answer, the edge's own gets `cors_headers`, which let a page of another origin read it; with
    `backend_answers`, the backend's answer gets them too.
    """

    backend: str
    headers: HeaderRules
    response_headers: HeaderRules
    through_fanout: bool = False
    uri: str | None = None
    cors_headers: Headers = ()
    backend_answers: bool = False


@record
class ToWebSocket:
    """Join the client's WebSocket to `backend`, after `headers`."""

    backend: str
    headers: HeaderRules
    uri: str | None = None


# `uri`, where there is one, takes the place of the request's.
NextHop = ToFanout | ToBackend | ToWebSocket
Decision = Answer | NextHop


def text_answer(status: int, message: str) -> Answer:
    """An answer of one line of plain text."""
    return Answer(status, (("content-type", b"text/plain; charset=utf-8"),), message.encode() + b"\n")
