"""Decisions, with requests in plain data."""

from dataclasses import dataclass, field

import pytest

from fanroute_runtime.decide import Decider, respond
from fanroute_runtime.exchange import Answer, Decision, Refused, ToFanout
from fanroute_runtime.plan import Handoff, PathPattern, Plan, Respond, Route

PLAN = Plan(
    "test",
    (
        Route("own", (), PathPattern(("own",)), Handoff("self")),
        Route("answer", (), PathPattern(("answer",)), Respond(201, (("x", b"y"),), b"body")),
        Route("rest", ("a",), PathPattern((), rest=True), Handoff("origin")),
    ),
)
DECIDER = Decider(PLAN, {Respond: respond})


@dataclass
class Asked:
    """A request as data; `long` names a header that the host cannot give."""

    target: str = "http://a/"
    headers: dict[str, bytes] = field(default_factory=dict)
    long: str = ""

    def uri(self) -> str:
        return self.target

    def header(self, name: str) -> bytes | None:
        if name == self.long:
            raise Refused(431, "Too long.")
        return self.headers.get(name)

    def body(self, limit: int) -> bytes:
        raise AssertionError("a handoff leaves the body alone")

    def client_address(self) -> str | None:
        return "192.0.2.1"

    def client_scheme(self) -> str:
        return "https"


def decide(target: str = "http://a/", long: str = "", **headers: bytes) -> Decision:
    return DECIDER.decide(Asked(target, {name.replace("_", "-"): value for name, value in headers.items()}, long))


def status(decision: Decision) -> int:
    assert isinstance(decision, Answer)
    return decision.status


def test_a_request_is_handed_off_with_its_connection() -> None:
    forwarded = (("x-forwarded-for", b"192.0.2.1"), ("x-forwarded-host", b"a"), ("x-forwarded-proto", b"https"))
    assert decide() == ToFanout("origin", forwarded)


@pytest.mark.parametrize("target", ["http://a/", "http://a/own", "http://b/own"])
def test_a_request_from_fanout_is_never_handed_off(target: str) -> None:
    """To `self` as little as to the origin."""
    assert status(decide(target, grip_sig=b"present")) == 508


def test_an_answer_needs_no_fanout() -> None:
    answer = Answer(201, (("x", b"y"),), b"body")
    assert decide("http://b/answer") == answer
    assert decide("http://b/answer", grip_sig=b"present") == answer


def test_without_a_route_there_is_nothing() -> None:
    assert status(decide("http://b/")) == 404
    assert status(decide("http://b/", grip_sig=b"present")) == 404


@pytest.mark.parametrize("content_type", [b"application/websocket-events", b" Application/WebSocket-Events ; a=b"])
def test_events_are_fanouts(content_type: bytes) -> None:
    assert status(decide("http://b/answer", content_type=content_type)) == 403


@pytest.mark.parametrize("content_type", [b"", b"application/websocket-events2", b"text/plain; a=application/websocket-events"])
def test_other_types_are_anyones(content_type: bytes) -> None:
    assert isinstance(decide(content_type=content_type), ToFanout)


def test_a_forwarded_host_counts_beside_a_grip_sig_only() -> None:
    assert isinstance(decide("http://a/", x_forwarded_host=b"b"), ToFanout)
    assert status(decide("http://a/", x_forwarded_host=b"b", grip_sig=b"x")) == 404
    assert status(decide("http://b/", x_forwarded_host=b"a", grip_sig=b"x")) == 508


@pytest.mark.parametrize("name", ["grip-sig", "content-type"])
def test_what_the_host_refuses_is_refused(name: str) -> None:
    assert status(decide(long=name)) == 431
