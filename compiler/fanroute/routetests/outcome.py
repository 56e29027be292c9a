"""What comes of a test's request, by the routes. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fanroute.devserver.grip_headers import parse_hold
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.tokens import accept_test_tokens
from fanroute.plan.trace import Tracer
from fanroute.routetests.document import Request
from fanroute_runtime.exchange import Answer, Headers
from fanroute_runtime.headers import applied
from fanroute_runtime.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.websocket import decode

# How a client asks for a WebSocket; the key is the example of RFC 6455, 1.3.
HANDSHAKE: Headers = (
    ("upgrade", b"websocket"),
    ("connection", b"Upgrade"),
    ("sec-websocket-version", b"13"),
    ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    `route` is the index in the Plan of the route that takes it, None if none does. `backend` is the one that is asked, "" if
    none is, with the headers `sent`, of which the routes have `changed` some. `answer` is the edge's: its only one or, where
    Fanout asks the edge itself, that of the second pass; None where the client gets the backend's.
    """

    route: int | None
    backend: str
    sent: Headers
    answer: Answer | None
    changed: frozenset[str] = frozenset()


def asked(request: Request) -> RequestData:
    """A test's request as a client sends it."""
    headers = tuple((name.lower(), value.encode()) for name, value in request.headers.items())
    content = request.body.encode()
    return RequestData(request.method, request.url, headers + (HANDSHAKE if request.websocket else ()), content)


def through_fanout(tracer: Tracer, asked: RequestData) -> RequestData:
    """The request that Fanout sends in place of a test's; its content is the test's, if that has some."""
    through = tracer.through_fanout(asked)
    return replace(through, content=asked.content) if asked.content else through


def tracer_of(compiled: Compiled) -> Tracer:
    """What foresees outcomes."""
    return Tracer(accept_test_tokens(compiled.plan), compiled.loopback)


def foreseen(tracer: Tracer, asked: RequestData) -> Outcome:
    """What comes of a request, by the code that ships."""
    told = tracer.trace(asked)
    if isinstance(told.decision, Answer):
        return Outcome(told.route, "", (), told.decision)
    rules = told.decision.headers
    changed = frozenset({name for name, _ in rules.set + rules.add}.union(rules.remove))
    second = told.second if isinstance(told.second, Answer) else None
    return Outcome(told.route, told.decision.backend, applied(rules, asked.headers), second, changed)


def channels(answer: Answer | None) -> tuple[str, ...]:
    """The channels that an answer of the edge's subscribes to: by Grip-Channel, or by a WebSocket's control messages."""
    if answer is None:
        return ()
    headers = {name: value.decode("latin-1") for name, value in answer.headers}
    if headers.get("content-type") == WEBSOCKET_EVENTS:
        return tuple(_subscribed(answer.body))
    hold = parse_hold(headers)
    return tuple(channel.name for channel in hold.channels) if hold else ()


def _subscribed(body: bytes) -> Iterator[str]:
    for event in decode(body) if body else ():
        if event.type == "TEXT" and event.content.startswith(b"c:"):
            control = json.loads(event.content[2:])
            if control["type"] == "subscribe":
                yield control["channel"]
