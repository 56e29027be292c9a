"""Who shows the secret of `debug` is told the route and the reason. Anybody else gets what they get without it."""

from dataclasses import replace
from typing import Any

import pytest

from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData, second_pass_request
from fanroute.plan.trace import make_full_decider, trace, trace_lines
from fanroute_runtime.explain import MIN_SECRET, Explainer, header_value
from fanroute_runtime.grip.websocket import decode
from fanroute_runtime.http.headers import DEBUG, PIN, apply_rules
from fanroute_runtime.messages import Answer, Decision, Headers, Refused, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import GripSig
from tests.conftest import GRIP_SIG, INPUTS

PLAN = compile_routes(
    b"""
version: 1
service: {name: explained}
backends:
  origin: {url: "https://a.example.com"}
  self: {loopback: true}
  shy: {url: "https://b.example.com", fallback: {status: 200, headers: {Cache-Control: max-age=60}, body: "later\\n"}}
debug: {secret_store: edge, name: debug}
paths: {empty_segments: reject}
routes:
  - name: page
    match: {path: /page}
    respond: {status: 200, headers: {Cache-Control: max-age=60, CDN-Cache-Control: max-age=60}, body: "b\\n"}
  - name: shared
    match: {path: /shared}
    respond: {status: 200, cors: {origins: ["https://c.example.com"], headers: [Fanroute-Debug], expose: [X-A]}}
  - name: guarded
    match: {path: /guarded}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}}
    sse: {channel: guarded}
  - {name: stream, match: {path: "/stream/{room}"}, stream: {channel: "{room}", cors: {origins: "*"}}}
  - {name: poll, match: {path: /poll}, long_poll: {channel: poll}}
  - {name: socket, match: {path: "/socket/{room}"}, websocket: {channel: "{room}", refuse_code: 4400, protocols: chat}}
  - name: forwarded
    match: {path: /forward}
    forward: {backend: origin, cors: {origins: "*", backend_answers: true}}
    response_headers: {set: {Cache-Control: max-age=1}, remove: [X-B]}
  - {name: shy, match: {path: /shy}, forward: shy}
  - {name: tunnelled, match: {path: /tunnel, websocket: true}, tunnel: origin}
  - {name: handed, match: {path: /handed}, handoff: {backend: origin, cors: {origins: "*"}}}
""",
    INPUTS,
).plan
PLAIN, EXPLAINER = make_full_decider(PLAN), make_full_decider(PLAN, Explainer)
SECRET = b"a secret that nobody would guess"
UPGRADE: Headers = (("upgrade", b"websocket"), ("connection", b"Upgrade"))


def get(path: str, *headers: tuple[str, bytes], stored: bytes | None = SECRET) -> RequestData:
    secrets = {} if stored is None else {"edge": {"debug": stored, "login": bytes(40)}}
    return RequestData("GET", f"http://a.example.com{path}", headers, secrets=secrets)


def asking(path: str, *headers: tuple[str, bytes], **facts: Any) -> RequestData:
    return get(path, (DEBUG, SECRET), *headers, **facts)


def told(decision: Decision) -> tuple[str | None, str | None]:
    """Returns the route and the reason that an answer tells."""
    assert isinstance(decision, Answer)
    headers = dict(decision.headers)
    found = [headers.get(name) for name in ("fanroute-route", "fanroute-reason")]
    route, reason = (None if value is None else value.decode() for value in found)
    return route, reason


@pytest.mark.parametrize(
    ("path", "route", "reason"),
    [
        ("/page", "page", None),
        ("/guarded", "guarded", "This request needs a token."),
        ("/socket/x", "socket", "This route accepts only WebSockets."),
        ("/nothing", None, "No route matches this request."),
        ("/a/../b", None, "The path has a segment '.' or '..'."),
        ("/a//b", None, "The path has an empty segment."),
    ],
)
def test_the_answer_is_the_same_but_for_why(path: str, route: str | None, reason: str | None) -> None:
    """Apart from that, it is the same answer."""
    answer, plain = EXPLAINER.decide(asking(path)), PLAIN.decide(get(path))
    assert told(answer) == (route, reason)
    assert isinstance(answer, Answer) and isinstance(plain, Answer)
    assert (answer.status, answer.body) == (plain.status, plain.body)
    caching = ("cache-control", "cdn-cache-control")
    kept = [header for header in answer.headers if header[0] not in (*caching, "fanroute-route", "fanroute-reason")]
    assert kept == [header for header in plain.headers if header[0] not in caching]


@pytest.mark.parametrize("path", ["/page", "/guarded", "/nothing", "/stream/a", "/forward", "/handed", "/a/../b"])
@pytest.mark.parametrize(
    ("headers", "stored"),
    [
        (((DEBUG, SECRET[:-1]),), SECRET),
        (((DEBUG, SECRET + b"x"),), SECRET),
        (((DEBUG, b""),), SECRET),
        (((DEBUG, b""),), b""),
        (((DEBUG, b""),), b"\n"),
        (((DEBUG, SECRET),), None),
        (((DEBUG, SECRET), (DEBUG, SECRET)), SECRET),
        (((DEBUG, SECRET), (DEBUG, b"")), SECRET),
        (((DEBUG, SECRET[: MIN_SECRET - 1]),), SECRET[: MIN_SECRET - 1]),
        ((("fanroute_debug", SECRET),), SECRET),
        (((DEBUG, SECRET), (PIN, b"1;0;sse-0;c2dd25cd")), SECRET),
        ((("x-debug", SECRET),), SECRET),
    ],
)
def test_without_the_secret_nothing_is_told(path: str, headers: Headers, stored: bytes | None) -> None:
    asked = get(path, *headers, stored=stored)
    assert EXPLAINER.decide(asked) == PLAIN.decide(asked)


def test_a_stored_secret_may_end_with_a_line() -> None:
    assert told(EXPLAINER.decide(asking("/page", stored=SECRET + b"\r\n"))) == ("page", None)


def test_a_store_that_cannot_be_read_lets_nobody_know() -> None:
    class Unreadable(RequestData):
        def secret(self, store: str, name: str) -> bytes | None:
            raise Refused(500, "The edge could not read its configuration.")

    asked = asking("/page")
    unreadable = Unreadable(asked.verb, asked.url, asked.headers)
    assert EXPLAINER.decide(unreadable) == PLAIN.decide(unreadable)


def test_no_cache_keeps_it() -> None:
    answer = EXPLAINER.decide(asking("/page"))
    assert isinstance(answer, Answer)
    assert [header for header in answer.headers if "cache" in header[0]] == [("cache-control", b"no-store")]


def test_a_page_that_may_read_the_answer_may_read_why() -> None:
    for origin, exposed in (
        (b"https://c.example.com", [b"X-A", b"Fanroute-Route, Fanroute-Reason, Fanroute-Limit"]),
        (b"https://d", []),
    ):
        answer = EXPLAINER.decide(asking("/shared", ("origin", origin)))
        assert isinstance(answer, Answer)
        assert [value for name, value in answer.headers if name == "access-control-expose-headers"] == exposed
        assert told(answer) == ("shared", None)


@pytest.mark.parametrize("path", ["/stream/a", "/poll", "/guarded"])
def test_the_second_pass_tells_too(path: str) -> None:
    """It has a proof in place of the secret."""
    admitted = EXPLAINER.decide(asking(path))
    if path == "/guarded":
        assert told(admitted) == ("guarded", "This request needs a token.")
        return
    assert isinstance(admitted, ToFanout)
    second = second_pass_request(asking(path), admitted)
    assert SECRET not in b"".join(value for _, value in second.headers)
    answer = EXPLAINER.decide(second)
    assert told(answer) == (path.split("/")[1], None)
    # Without the proof, it is the same hold.
    plain = PLAIN.decide(second)
    assert isinstance(plain, Answer) and set(plain.headers) < set(answer.headers)  # type: ignore[union-attr]


def test_a_proof_is_for_its_pin_only() -> None:
    first, other = (EXPLAINER.decide(asking(f"/stream/{room}")) for room in ("a", "b"))
    assert isinstance(first, ToFanout) and isinstance(other, ToFanout)
    proof = dict(other.headers.set)[DEBUG]
    changed = replace(first, headers=replace(first.headers, set=(*first.headers.set[:-1], (DEBUG, proof))))
    assert told(EXPLAINER.decide(second_pass_request(asking("/stream/a"), changed))) == (None, None)


def test_a_websocket_is_told_why_it_is_closed() -> None:
    asked = asking("/socket/x", *UPGRADE)
    handoff = EXPLAINER.decide(asked)
    assert isinstance(handoff, ToFanout)
    answer = EXPLAINER.decide(second_pass_request(asked, handoff))
    assert told(answer) == ("socket", "The client offers none of the endpoint's protocols.")
    assert isinstance(answer, Answer) and [event.type for event in decode(answer.body)] == ["OPEN", "CLOSE"]


def test_an_open_websocket_has_no_reason() -> None:
    asked = asking("/socket/x", *UPGRADE, ("sec-websocket-protocol", b"chat"))
    handoff = EXPLAINER.decide(asked)
    assert isinstance(handoff, ToFanout)
    assert told(EXPLAINER.decide(second_pass_request(asked, handoff))) == ("socket", None)


@pytest.mark.parametrize("path", ["/stream/a", "/poll", "/socket/x", "/forward", "/shy", "/handed", "/tunnel"])
@pytest.mark.parametrize("name", [DEBUG, "fanroute_debug"])
def test_the_secret_goes_no_further(path: str, name: str) -> None:
    """Neither with `debug` nor without it."""
    headers = (*UPGRADE, (name, SECRET)) if path in ("/tunnel", "/socket/x") else ((name, SECRET),)
    for decider in (EXPLAINER, PLAIN):
        decision = decider.decide(get(path, *headers))
        assert not isinstance(decision, Answer)
        sent = apply_rules(decision.headers, headers)
        assert all(value != SECRET for _, value in sent)


def test_match_shows_no_secret() -> None:
    for path in ("/stream/a", "/forward", "/page"):
        assert SECRET.decode() not in "".join(trace_lines(trace(PLAN, "self", asking(path))))


def test_a_proxys_client_leaks_it_to_no_backend() -> None:
    """A Pushpin of the user's own passes on what its clients send. They can show the secret to the edge."""
    behind = make_full_decider(replace(PLAN, grip_sig=GripSig("present")), Explainer)
    asked = asking("/forward", ("grip-sig", GRIP_SIG.encode()))
    decision = behind.decide(asked)
    assert isinstance(decision, ToBackend) and decision.through_fanout
    assert DEBUG not in dict(apply_rules(decision.headers, asked.headers))
    assert ("fanroute-route", b"forwarded") in decision.response_headers.set


def test_a_backends_answer_has_the_route() -> None:
    decision = EXPLAINER.decide(asking("/forward"))
    assert isinstance(decision, ToBackend)
    answer = apply_rules(decision.response_headers, (("x-b", b"1"), ("surrogate-control", b"max-age=60"), ("x-c", b"1")))
    assert [name for name, _ in answer] == ["x-c", "cache-control", "cache-control", "fanroute-route"]
    assert dict(answer)["cache-control"] == b"no-store"
    assert decision.cors_headers[-1] == ("access-control-expose-headers", b"Fanroute-Route, Fanroute-Reason, Fanroute-Limit")


@pytest.mark.parametrize(
    ("path", "status", "route", "reason"),
    [
        ("/forward", 504, "forwarded", "The backend 'origin' does not answer in time."),
        ("/shy", 502, "shy", "The backend 'shy' cannot be reached."),
        ("/handed", 502, "handed", "The backend 'origin' cannot be reached."),
        ("/stream/a", 502, "stream", "The backend 'self' cannot be reached."),
    ],
)
def test_a_backend_that_fails_is_named(path: str, status: int, route: str, reason: str) -> None:
    for asked, expected in ((asking(path), (route, reason)), (get(path), (None, None))):
        decision = EXPLAINER.decide(asked)
        assert isinstance(decision, ToBackend | ToFanout)
        assert told(EXPLAINER.unreachable_answer(decision, status)) == expected


def test_a_tunnel_says_nothing() -> None:
    decision = EXPLAINER.decide(asking("/tunnel", *UPGRADE))
    assert isinstance(decision, ToWebSocket)
    assert told(EXPLAINER.unreachable_answer(decision, 502)) == (None, None)


@pytest.mark.parametrize(("text", "value"), [("a b'", b"a b'"), ("a\r\nx: y", b"a\\r\\nx: y"), ("é", b"\\xe9")])
def test_a_text_makes_no_other_header(text: str, value: bytes) -> None:
    assert header_value(text) == value
