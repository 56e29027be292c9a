"""The route of a request comes from the code that decides, with the facts that the component has read."""

from dataclasses import replace
from typing import Any

import pytest

from fanroute.devserver.config import LOCAL_STORES
from fanroute.devserver.events import Pass
from fanroute.devserver.judging import Judge, Observed
from fanroute.host.exchange import Exchange, Response
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer, make_full_decider
from fanroute_runtime.explain import ObservedDecider
from fanroute_runtime.grip.websocket import Event, encode
from fanroute_runtime.messages import Answer, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import Plan, StoreEntry
from tests.conftest import INPUTS
from tests.support.tokens import SECRET, by_pyjwt

PLAN = compile_routes(
    b"""
version: 1
service: {name: judged}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - {name: elsewhere, match: {host: b.example.com, path: /page}, respond: {status: 200, body: "b\\n"}}
  - {name: page, match: {path: /page}, respond: {status: 404, body: "none\\n"}}
  - {name: stream, match: {path: "/stream/{room}"}, stream: {channel: "{room}"}}
  - {name: poll, match: {path: /poll}, long_poll: {channel: poll, on_timeout: {status: 503}}}
  - {name: socket, match: {path: "/socket/{room}"}, websocket: {channel: "{room}", refuse_code: 4400}}
  - {name: to-origin, match: {path: /forward}, forward: origin}
  - {name: through, match: {path: /tunnel}, tunnel: origin}
  - name: guarded
    match: {path: /guarded}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}, leeway: 0s}
    sse: {channel: guarded}
  - {name: handed, match: {path: /handed}, handoff: origin}
""",
    INPUTS,
).plan


class Told:
    """Stands in for the host and the component: reads facts as the component does, and does what the Plan says."""

    def __init__(self, plan: Plan, asked: RequestData, times: list[float]) -> None:
        content = [asked.content]
        exchange = Exchange(
            asked.url,
            [(name.title(), value) for name, value in asked.headers],
            frozenset({"origin", "self"}),
            lambda size: content.pop() if content else b"",
            method=asked.verb,
            clock=lambda: times.pop(0) if len(times) > 1 else times[0],
            config_stores=LOCAL_STORES.config,
            secret_stores={"edge": {"login": SECRET}},
        )
        self.observed = Observed(exchange)
        self.read = replace(
            asked,
            content=exchange.read(1 << 20),
            time=int(exchange.clock()),
            configs=exchange.config_stores,
            secrets=exchange.secret_stores,
            address="127.0.0.1",
        )
        match ObservedDecider(make_full_decider(plan)).judge(self.read).decision:
            case Answer(status, headers, body):
                exchange.answer = Response(status, list(headers), body)
            case ToFanout(backend):
                exchange.handoff = backend
            case ToWebSocket(backend):
                exchange.tunnel = backend
            case ToBackend(backend):
                self.observed.backend = backend
                exchange.answer = Response(200, [], object())


def judged(asked: RequestData, *times: float) -> Pass:
    return Judge(PLAN).describe(Told(PLAN, asked, list(times) or [float(asked.time)]).observed)


def get(path: str, *headers: tuple[str, bytes], host: str = "a.example.com") -> RequestData:
    return RequestData("GET", f"http://{host}{path}", headers)


UPGRADE = (("upgrade", b"websocket"), ("connection", b"Upgrade"))
LATER = by_pyjwt({"exp": 2_000_000_000}, "HS256")


@pytest.mark.parametrize(
    ("asked", "route", "action", "outcome", "backend", "reason"),
    [
        (get("/page"), "page", "respond", "answered", "", ""),
        (get("/stream/red"), "stream", "stream", "handed off", "self", ""),
        (get("/socket/red", *UPGRADE), "socket", "websocket", "handed off", "self", ""),
        (get("/socket/red"), "socket", "websocket", "answered", "", "This route accepts only WebSockets."),
        (get("/forward"), "to-origin", "forward", "forwarded", "origin", ""),
        (get("/tunnel", *UPGRADE), "through", "tunnel", "tunnelled", "origin", ""),
        (get("/tunnel"), "through", "tunnel", "answered", "", "This route accepts only WebSockets."),
        (get("/handed"), "handed", "handoff", "handed off", "origin", ""),
        (get("/guarded"), "guarded", "sse", "answered", "", "This request needs a token."),
        (get("/guarded", ("authorization", b"Bearer " + LATER)), "guarded", "sse", "handed off", "self", ""),
        (get("/none"), "", "", "answered", "", "No route matches this request."),
        (get("/page/.."), "", "", "answered", "", "The path has a segment '.' or '..'."),
        (get("/page", ("grip-sig", b"x")), "", "", "answered", "", "The Grip-Sig is refused: it does not have three parts."),
    ],
    ids=lambda value: value.url if isinstance(value, RequestData) else "",
)
def test_a_pass_has_its_route(asked: RequestData, route: str, action: str, outcome: str, backend: str, reason: str) -> None:
    made = judged(asked)
    assert (made.route, made.action, made.outcome, made.backend, made.reason) == (route, action, outcome, backend, reason)
    assert made.number == (2 if "grip-sig" in dict(asked.headers) else 1)


@pytest.mark.parametrize(
    ("names", "stored", "denial"),
    [
        ((), SECRET, ""),
        (("debug",), SECRET, ""),
        (("other",), SECRET, "it is not the secret 'login' of the store 'edge'"),
        (("debug", "debug"), SECRET, "the request has it more than once"),
        (("debug",), b"", "the store 'edge' has no secret 'login' with at least 32 bytes"),
        (("debug",), None, "routes.yaml has no `debug`"),
    ],
)
def test_a_secret_that_is_ignored_is_told(names: tuple[str, ...], stored: bytes | None, denial: str) -> None:
    plan = PLAN if stored is None else replace(PLAN, debug=StoreEntry("secret", "edge", "login"))
    values = {"debug": stored or SECRET, "other": b"wrong"}
    told = Told(plan, get("/page", *(("fanroute-debug", values[name]) for name in names)), [7.0]).observed
    told.exchange.secret_stores = {"edge": {"login": stored or b""}}
    assert Judge(plan).debug_denial(told).removeprefix("Fanroute-Debug is ignored: ") == denial


def through_fanout(path: str, **changed: Any) -> RequestData:
    asked = get(path, *UPGRADE) if "socket" in path else get(path)
    return replace(Tracer(PLAN, "self").through_fanout(asked), **changed)


def test_the_second_pass_has_the_pinned_route() -> None:
    """Whatever its path is."""
    made = judged(through_fanout("/stream/red", url="http://self/elsewhere"))
    assert (made.number, made.route, made.status, made.reason) == (2, "stream", 200, "")
    assert dict(made.answer)["grip-channel"] == "red"


def test_a_routes_own_error_is_no_refusal() -> None:
    assert (judged(get("/page")).status, judged(get("/page")).reason) == (404, "")
    assert (judged(through_fanout("/poll")).status, judged(through_fanout("/poll")).reason) == (503, "")


def test_a_websocket_that_is_closed_at_once_is_refused() -> None:
    made = judged(through_fanout("/socket/%2541"))
    reason = "The request gives no valid channel: {room} is still percent-encoded."
    assert (made.number, made.route, made.status, made.reason) == (2, "socket", 200, reason)
    assert judged(through_fanout("/socket/red")).reason == ""
    closing = encode([Event("TEXT", b"x"), Event("CLOSE")])
    assert judged(through_fanout("/socket/red", content=closing)).reason == ""


def test_the_time_is_the_one_that_the_component_has_read() -> None:
    """A token can expire between the two decisions."""
    token = ("authorization", b"Bearer " + by_pyjwt({"exp": 1_767_225_601}, "HS256"))
    assert judged(get("/guarded", token), 1_767_225_600.9, 1_767_225_601.1).route == "guarded"
    assert judged(get("/guarded", token), 1_767_225_600.9, 1_767_225_601.1).reason == ""
    assert judged(get("/guarded", token), 1_767_225_601.1).reason == "The token is refused: it has expired."


def test_a_body_that_is_too_long_is_refused_again() -> None:
    asked = through_fanout("/socket/red", content=encode([Event("TEXT", b"x" * 2_000_000)]))
    told = Told(PLAN, asked, [float(asked.time)])
    told.observed.exchange.answer = Response(413, [], b"The body is too long.\n")
    made = Judge(PLAN).describe(told.observed)
    assert (made.route, made.status, made.reason) == ("socket", 413, "The body is too long.")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response(431, [], b"The header x is too long.\n"), "The header x is too long."),
        (Response(200, [], b"something else\n"), ""),
        (Response(404, [], b"not none\n"), "not none"),
        (None, "it trapped"),
    ],
)
def test_a_component_that_does_something_else_has_no_route(answer: Response | None, reason: str) -> None:
    told = Told(PLAN, get("/page"), [0.0])
    told.observed.exchange.answer = answer
    made = Judge(PLAN).describe(told.observed, "" if answer else reason)
    assert (made.route, made.action, made.reason) == ("", "", reason)
    assert made.outcome == ("answered" if answer else "failed")


def test_only_the_host_keeps_a_request_from_a_route() -> None:
    told = "only the host does not match: the route 'elsewhere' is for b.example.com"
    assert judged(get("/page")).hint == told
    assert judged(get("/page", host="b.example.com")).hint == ""
    assert judged(get("/none")).hint == "a last route without `match` takes all other requests"


def test_a_backend_that_gives_no_answer_is_the_reason() -> None:
    told = Told(PLAN, get("/forward"), [0.0])
    told.observed.failure = "The backend 'origin' gave no answer: dns-error"
    told.observed.exchange.answer = Response(502, [], b"The backend 'origin' cannot be reached.\n")
    made = Judge(PLAN).describe(told.observed)
    assert (made.route, made.backend, made.reason) == ("to-origin", "origin", "The backend 'origin' gave no answer: dns-error")


def test_without_a_plan_there_is_no_route() -> None:
    made = Judge(None).describe(Told(PLAN, get("/stream/red"), [0.0]).observed)
    assert (made.route, made.outcome, made.backend, Judge(None).knows_routes) == ("", "handed off", "self", False)
