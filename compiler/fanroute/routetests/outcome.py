"""Predicts the outcome of a test's request from the routes. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fanroute.devserver.grip_headers import parse_hold
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute.routetests.document import Request, client_address
from fanroute_runtime.grip.websocket import decode
from fanroute_runtime.http.headers import apply_rules
from fanroute_runtime.http.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.messages import Answer, Headers, Publication

# The headers with which a client asks for a WebSocket. The key is the example of RFC 6455, 1.3.
HANDSHAKE: Headers = (
    ("upgrade", b"websocket"),
    ("connection", b"Upgrade"),
    ("sec-websocket-version", b"13"),
    ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Holds what becomes of a request.

    Args:
        route: the index in the Plan of the route that takes it, or None if none does.
        backend: the backend that gets the request, or "" if none does.
        sent: the headers that the backend gets.
        answer: the edge's answer, that of the second pass if there is one; None if the client gets the backend's.
        changed: the names of the headers in `sent` that the routes set, add or remove.
        refusal: why the edge refuses the request, or "".
    """

    route: int | None
    backend: str
    sent: Headers
    answer: Answer | None
    changed: frozenset[str] = frozenset()
    refusal: str = ""
    publishes: str = ""


def client_request(request: Request) -> RequestData:
    """Returns a test's request as a client sends it."""
    headers = tuple((name.lower(), value.encode()) for name, value in request.headers.items())
    content = request.body.encode()
    headers += HANDSHAKE if request.websocket else ()
    return RequestData(request.method, request.url, headers, content, address=client_address(request.client_ip))


def through_fanout(tracer: Tracer, request: RequestData) -> RequestData:
    """Returns the request that Fanout sends in place of a test's. If the test's request has content, it is kept."""
    through = tracer.through_fanout(request)
    return replace(through, content=request.content) if request.content else through


def make_tracer(compiled: Compiled) -> Tracer:
    """Returns a Tracer for a routes.yaml."""
    return Tracer(compiled.plan, compiled.loopback)


def predict(tracer: Tracer, request: RequestData) -> Outcome:
    """Returns the outcome of a request, by the code that ships."""
    trace = tracer.trace(request)
    if isinstance(trace.decision, Answer):
        return Outcome(trace.route, "", (), trace.decision, refusal=trace.refusal)
    if isinstance(trace.decision, Publication):
        return Outcome(trace.route, "", (), trace.decision.published, refusal=trace.refusal, publishes=trace.decision.channel)
    rules = trace.decision.headers
    changed = frozenset({name for name, _ in rules.set + rules.add}.union(rules.remove))
    second = trace.second if isinstance(trace.second, Answer) else None
    return Outcome(trace.route, trace.decision.backend, apply_rules(rules, request.headers), second, changed, trace.refusal)


def subscribed_channels(answer: Answer | None) -> tuple[str, ...]:
    """Returns the channels that an answer of the edge subscribes to, by Grip-Channel or by a WebSocket's control messages."""
    if answer is None:
        return ()
    headers = {name: value.decode("latin-1") for name, value in answer.headers}
    if headers.get("content-type") == WEBSOCKET_EVENTS:
        return tuple(_websocket_channels(answer.body))
    hold = parse_hold(headers)
    return tuple(channel.name for channel in hold.channels) if hold else ()


def _websocket_channels(body: bytes) -> Iterator[str]:
    for event in decode(body) if body else ():
        if event.type == "TEXT" and event.content.startswith(b"c:"):
            control = json.loads(event.content[2:])
            if control["type"] == "subscribe":
                yield control["channel"]
