"""Headers as a user may match, set and remove them, and those that are not the user's: in one table, with the reason each."""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fanroute.spec.types import HeaderName, Kind, Model, Text, value_error
from fanroute_runtime.headers import HOP_BY_HOP, PIN, is_platforms

# Where a header may be named: in a match, in rules for requests or for responses, among those of an answer of the edge's own.
Place = Literal["match", "request", "response", "answer"]

_EVERYWHERE: tuple[Place, ...] = ("match", "request", "response", "answer")
_CONNECTION = dict.fromkeys(_EVERYWHERE, "it belongs to one connection")
_HANDSHAKE = dict.fromkeys(_EVERYWHERE, "it belongs to a WebSocket's handshake")
_FANOUTS = dict.fromkeys(_EVERYWHERE, "it is between Fanout and who answers it")
_FANOUTS_WORD: dict[Place, str] = dict.fromkeys(("match", "request"), "it is Fanout's, of a WebSocket")
_FASTLYS = dict.fromkeys(_EVERYWHERE[1:], "Fastly sets it")
# What Fastly keeps as the client sent it when a request is handed off, whatever is set.
_KEPT: dict[Place, str] = {"request": "Fastly keeps the client's"}
_TOLD: dict[Place, str] = dict.fromkeys(("match", "request"), "the edge sets it, from the connection")
_UNTOLD: dict[Place, str] = dict.fromkeys(_TOLD, "the edge removes it, and tells of the connection in X-Forwarded-*")

# Why, or what to write instead, by header and place. A name that ends in '-' stands for all that begin so.
RESERVED: dict[str, dict[Place, str]] = {
    **dict.fromkeys(HOP_BY_HOP, _CONNECTION),
    "connection": _CONNECTION | {"match": "match on 'websocket:'"},
    "upgrade": _CONNECTION | {"match": "match on 'websocket:'"},
    "host": {"match": "match on 'host:'", "request": "a backend is asked under its own"},
    "content-type": {"answer": "write 'content_type:'"},
    "content-length": dict.fromkeys(_EVERYWHERE, "it is computed"),
    "content-range": _KEPT,
    "expect": _KEPT,
    "proxy-authenticate": _KEPT,
    "proxy-authorization": _KEPT,
    "location": {"answer": "write a 'redirect:'"},
    "cdn-loop": _FASTLYS,
    "fastly-": _FASTLYS,
    "pushpin-route": _FANOUTS,
    PIN: dict.fromkeys(_EVERYWHERE, "it is between the edge's two passes"),
    "grip-": _FANOUTS,
    "connection-id": _FANOUTS_WORD,
    "meta-": _FANOUTS_WORD,
    "sec-websocket-": _HANDSHAKE,
    "forwarded": _UNTOLD,
    "x-forwarded-": _TOLD,
}


# What Fanout changes or takes away: it can be matched if only the first pass matches a request.
CHANGED_BY_FANOUT = frozenset({"accept", "accept-encoding", "content-encoding", "content-type"})


@lru_cache(maxsize=1000)
def reserved_reason(name: str, place: Place) -> str | None:
    """Why a header, in any case, is not the user's in a place, or what to write instead; None where it is the user's."""
    name = name.lower()
    name = name.replace("_", "-") if is_platforms(name) else name
    reasons = next((found for key, found in RESERVED.items() if name == key or (key.endswith("-") and name.startswith(key))), {})
    return reasons.get(place)


def _named(place: Place, done: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if reason := reserved_reason(value, place):
            raise value_error(f"'{value}' cannot be {done}", reason)
        return value

    return check


def _value(value: str) -> str:
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise value_error(f"{value!r} is not a valid header value", "use printable ASCII, without spaces around it")
    return value


def no_duplicate_names(value: dict[str, Any]) -> dict[str, Any]:
    """Headers by name, as they are given. Raises where a name stands there twice, in whatever case."""
    twice = next((name for name, count in Counter(name.lower() for name in value).items() if count > 1), None)
    if twice:
        raise value_error(f"the header '{twice}' stands twice", "names of headers are of any case: leave one out")
    return value


MatchedHeader = Annotated[HeaderName, AfterValidator(_named("match", "matched"))]
AnswerHeader = Annotated[HeaderName, AfterValidator(_named("answer", "set here"))]
RequestHeader = Annotated[HeaderName, AfterValidator(_named("request", "changed"))]
ResponseHeader = Annotated[HeaderName, AfterValidator(_named("response", "changed"))]
HeaderValue = Annotated[Text, AfterValidator(_value), Kind("printable ASCII", "[ -~]*")]
AnswerHeaders = Annotated[dict[AnswerHeader, HeaderValue], AfterValidator(no_duplicate_names)]


class RequestHeaders(Model):
    """What is done with the headers of the request before it goes on to the backend; each name once."""

    set: dict[RequestHeader, HeaderValue] = Field(default_factory=dict)
    """Headers that get this one value, whatever the client sent."""
    add: dict[RequestHeader, HeaderValue] = Field(default_factory=dict)
    """Headers that get a further value."""
    remove: list[RequestHeader] = Field(default_factory=list)
    """Headers that go, by name."""


class ResponseHeaders(Model):
    """What is done with the headers of the answer before it goes to the client; each name once."""

    set: dict[ResponseHeader, HeaderValue] = Field(default_factory=dict)
    """Headers that get this one value, whatever the answer had."""
    add: dict[ResponseHeader, HeaderValue] = Field(default_factory=dict)
    """Headers that get a further value."""
    remove: list[ResponseHeader] = Field(default_factory=list)
    """Headers that go, by name."""
