"""Defines the headers that a file may match, set and remove, and lists the reserved ones with the reason for each."""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fanroute.diagnostics.printable import quoted
from fanroute.spec.secrets import OF_SECRET, OF_TEXT, TEXT_OR_SECRET, SecretValue
from fanroute.spec.types import HeaderName, Model, Text, TextFormat, check_header_name, value_error, with_example
from fanroute_runtime.http.headers import HOP_BY_HOP, is_platform_header

# Where a file may name a header: in a match, in changes of a request or a response, or in an answer of the edge's own.
HeaderUse = Literal["match", "request", "response", "answer"]

_EVERYWHERE: tuple[HeaderUse, ...] = ("match", "request", "response", "answer")
_HOP_BY_HOP = dict.fromkeys(_EVERYWHERE, "it belongs to one connection")
_HANDSHAKE = dict.fromkeys(_EVERYWHERE, "it belongs to the handshake of a WebSocket")
_FANOUT = dict.fromkeys(_EVERYWHERE, "it is reserved for Fanout and the servers that answer it")
_FANOUT_WEBSOCKET: dict[HeaderUse, str] = dict.fromkeys(("match", "request"), "Fanout sets it, for WebSockets")
_FASTLY = dict.fromkeys(_EVERYWHERE[1:], "Fastly sets it")
# When a request is handed off, Fastly keeps the client's value of these, whatever the edge sets.
_KEPT: dict[HeaderUse, str] = {"request": "Fastly keeps the client's value"}
_FORWARDED: dict[HeaderUse, str] = dict.fromkeys(("match", "request"), "the edge sets it, from the connection")
_REMOVED: dict[HeaderUse, str] = dict.fromkeys(_FORWARDED, "the edge removes it, and sets X-Forwarded-* from the connection")

# The reason, or what to write instead, by header and use. A name that ends in '-' stands for all that begin so.
RESERVED: dict[str, dict[HeaderUse, str]] = {
    **dict.fromkeys(HOP_BY_HOP, _HOP_BY_HOP),
    "connection": _HOP_BY_HOP | {"match": "match on 'websocket'"},
    "upgrade": _HOP_BY_HOP | {"match": "match on 'websocket'"},
    "host": {"match": "match on 'host'", "request": "the edge sets it to the backend's own"},
    "content-type": {"answer": "write 'content_type' instead"},
    "content-length": dict.fromkeys(_EVERYWHERE, "it is computed"),
    "content-range": _KEPT,
    "expect": _KEPT,
    "proxy-authenticate": _KEPT,
    "proxy-authorization": _KEPT,
    "location": {"answer": "write a 'redirect' instead"},
    "cdn-loop": _FASTLY,
    "fastly-": _FASTLY,
    "pushpin-route": _FANOUT,
    "fanroute-": dict.fromkeys(_EVERYWHERE, "it is reserved for the edge itself"),
    "grip-": _FANOUT,
    "connection-id": _FANOUT_WEBSOCKET,
    "meta-": _FANOUT_WEBSOCKET,
    "sec-websocket-": _HANDSHAKE,
    "forwarded": _REMOVED,
    "x-forwarded-": _FORWARDED,
}


# Headers that Fanout changes or removes. They can be matched only if all requests of the route are matched on the first pass.
CHANGED_BY_FANOUT = frozenset({"accept", "accept-encoding", "content-encoding", "content-type"})


@lru_cache(maxsize=1000)
def reserved_reason(name: str, use: HeaderUse) -> str | None:
    """Returns why a header, in any case, is reserved for a use, or what to write instead. Returns None if it is not reserved."""
    name = name.lower()
    name = name.replace("_", "-") if is_platform_header(name) else name
    reasons = next((found for key, found in RESERVED.items() if name == key or (key.endswith("-") and name.startswith(key))), {})
    return reasons.get(use)


def _not_reserved(use: HeaderUse, done: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if reason := reserved_reason(value, use):
            raise value_error(f"'{value}' cannot be {done}", reason)
        return value

    return check


def check_matched_header(value: str) -> str:
    """Returns the name of a header that the client sends, in any case. Raises an error for anything else."""
    return _check_matched(check_header_name(value))


def _check_value(value: str) -> str:
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise value_error(f"{quoted(value)} is not a valid header value", "use printable ASCII, without spaces at either end")
    return value


def no_duplicate_names(value: dict[str, Any]) -> dict[str, Any]:
    """Returns headers by name as they are. Raises an error if a name appears twice, in whatever case."""
    duplicate = next((name for name, count in Counter(name.lower() for name in value).items() if count > 1), None)
    if duplicate:
        raise value_error(f"the header '{duplicate}' appears twice", "names of headers are case-insensitive: remove one of them")
    return value


_check_matched = _not_reserved("match", "matched")
MatchedHeader = Annotated[HeaderName, AfterValidator(_check_matched)]
AnswerHeader = Annotated[HeaderName, AfterValidator(_not_reserved("answer", "set here"))]
RequestHeader = Annotated[HeaderName, AfterValidator(_not_reserved("request", "changed"))]
ResponseHeader = Annotated[HeaderName, AfterValidator(_not_reserved("response", "changed"))]
HeaderValue = Annotated[Text, AfterValidator(_check_value), TextFormat("printable ASCII", "[ -~]*")]
AnswerHeaders = Annotated[
    dict[AnswerHeader, HeaderValue],
    AfterValidator(no_duplicate_names),
    Field(examples=[{"Cache-Control": "no-store"}]),
]


SetValue = Annotated[Annotated[HeaderValue, OF_TEXT] | Annotated[SecretValue, OF_SECRET], TEXT_OR_SECRET]


class RequestHeaders(Model):
    """Changes to the headers of a request before it goes to the backend. Each header can be named once."""

    model_config = with_example({"set": {"X-Edge": "fanroute"}, "remove": ["X-Debug"]})

    set: dict[RequestHeader, SetValue] = Field(
        default_factory=dict, examples=[{"X-Edge": "fanroute", "Authorization": {"secret": "llm/api-key", "prefix": "Bearer "}}]
    )
    """Headers that get only this value, whatever the client sent: a text, or a secret of a store."""
    add: dict[RequestHeader, HeaderValue] = Field(default_factory=dict, examples=[{"X-Edge": "fanroute"}])
    """Headers that get this value in addition."""
    remove: list[RequestHeader] = Field(default_factory=list, examples=[["X-Debug"]])
    """Names of headers that are removed."""


class ResponseHeaders(Model):
    """Changes to the headers of an answer before it goes to the client. Each header can be named once."""

    model_config = with_example({"set": {"Cache-Control": "no-store"}, "remove": ["Server"]})

    set: dict[ResponseHeader, HeaderValue] = Field(default_factory=dict, examples=[{"Cache-Control": "no-store"}])
    """Headers that get only this value, whatever the answer had."""
    add: dict[ResponseHeader, HeaderValue] = Field(default_factory=dict, examples=[{"Cache-Control": "no-store"}])
    """Headers that get this value in addition."""
    remove: list[ResponseHeader] = Field(default_factory=list, examples=[["Server"]])
    """Names of headers that are removed."""
