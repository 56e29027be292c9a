"""Tests decisions, with requests as plain data."""

from dataclasses import dataclass, field, replace

import pytest

from fanroute.plan.signing import DEV_KEY
from fanroute_runtime.decide import Decider, redirect, respond
from fanroute_runtime.grip.instructions import MAX_VALUE, hold
from fanroute_runtime.grip.signature import LOCAL_KEY
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.messages import UPGRADE_REQUIRED, Answer, Decision, Refused, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import (
    Bound,
    Channel,
    Condition,
    Fallback,
    Forward,
    GripSig,
    Handoff,
    HeaderRules,
    Hold,
    Match,
    Parameter,
    PathPattern,
    Plan,
    Redirect,
    Respond,
    Route,
    StoreEntry,
    Tunnel,
)
from tests.conftest import GRIP_SIG

SIGNED = GRIP_SIG.encode()

PLAN = Plan(
    "test",
    (
        Route("own", Match(path=PathPattern(("own",))), Handoff("self")),
        Route("answer", Match(path=PathPattern(("answer",))), Respond(201, (("x", b"y"),), b"body")),
        Route("rest", Match(hosts=("a",), path=PathPattern((), rest=True)), Handoff("origin")),
    ),
)
DECIDER = Decider(PLAN, {Respond: respond})
# A proxy of the user sends requests without a first pass. They are matched.
BEHIND_A_PROXY = Decider(replace(PLAN, grip_sig=GripSig("present")), {Respond: respond})


@dataclass
class Asked:
    """A request as data. A line feed separates the values of a header. `long` names a header that the host cannot return."""

    target: str = "http://a/"
    headers: dict[str, bytes] = field(default_factory=dict)
    long: str = ""
    verb: str = "GET"

    def method(self) -> str:
        return self.verb

    def uri(self) -> str:
        return self.target

    def header(self, name: str) -> bytes | None:
        if name == self.long:
            raise Refused(431, "Too long.")
        value = self.headers.get(name)
        return None if value is None else value.split(b"\n")[0]

    def values(self, name: str) -> list[bytes]:
        if self.header(name) is None:
            return []
        return self.headers[name].split(b"\n")

    def names(self) -> list[str]:
        return list(self.headers)

    def body(self, limit: int) -> bytes:
        assert "grip-sig" in self.headers, "a handoff leaves the body alone"
        return b""

    def client_address(self) -> str | None:
        return "192.0.2.1"

    def client_scheme(self) -> str:
        return "https"

    def now(self) -> int:
        return 1_700_000_000

    def service_id(self) -> str:
        return LOCAL_SERVICE

    def config(self, store: str, name: str) -> str | None:
        return DEV_KEY if StoreEntry("config", store, name) == LOCAL_KEY.material else None

    def secret(self, store: str, name: str) -> bytes | None:
        return None


def decide(target: str = "http://a/", long: str = "", decider: Decider = DECIDER, **headers: bytes) -> Decision:
    return decider.decide(Asked(target, {name.replace("_", "-"): value for name, value in headers.items()}, long))


def through_fanout(decider: Decider, asked: Asked) -> Decision:
    """Returns the decision of the second pass, after a first pass. Raises Refused if the first pass refuses the request."""
    client = decider.chooser.client_request(asked)
    chosen = decider.chooser.choose(client, asked)
    assert isinstance(chosen.route.action, Hold)
    rules = decider.hand_off_to_self(chosen.route.action, chosen.number, client, asked).headers
    return decider.decide(replace(asked, headers=asked.headers | dict(rules.set) | {"grip-sig": SIGNED}))


def status(decision: Decision) -> int:
    assert isinstance(decision, Answer)
    return decision.status


def test_a_request_is_handed_off_with_its_connection() -> None:
    connection = (("x-forwarded-for", b"192.0.2.1"), ("x-forwarded-host", b"a"), ("x-forwarded-proto", b"https"))
    assert decide() == ToFanout("origin", HeaderRules(set=connection))


@pytest.mark.parametrize("target", ["http://a/", "http://a/own", "http://b/own"])
def test_a_request_from_fanout_is_never_handed_off(target: str) -> None:
    """Neither to `self` nor to the origin."""
    assert status(decide(target, grip_sig=SIGNED)) == 403
    assert status(decide(target, grip_sig=SIGNED, decider=BEHIND_A_PROXY)) == 508


def test_an_answer_needs_no_fanout() -> None:
    answer = Answer(201, (("x", b"y"),), b"body")
    assert decide("http://b/answer") == answer
    assert decide("http://b/answer", grip_sig=SIGNED) == answer


def test_without_a_route_there_is_nothing() -> None:
    assert status(decide("http://b/")) == 404
    assert status(decide("http://b/", grip_sig=SIGNED)) == 404


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/websocket-events",
        b" Application/WebSocket-Events ; a=b",
        b"text/plain\napplication/websocket-events",
        b"text/plain; a=b, application/websocket-events;",
    ],
)
def test_events_are_fanouts(content_type: bytes) -> None:
    assert status(decide("http://b/answer", content_type=content_type)) == 403


@pytest.mark.parametrize("content_type", [b"", b"application/websocket-events2", b"text/plain; a=application/websocket-events"])
def test_other_types_are_anyones(content_type: bytes) -> None:
    assert isinstance(decide(content_type=content_type), ToFanout)


def test_a_forwarded_host_counts_beside_a_grip_sig_only() -> None:
    assert isinstance(decide("http://a/", x_forwarded_host=b"b"), ToFanout)
    proxy = BEHIND_A_PROXY
    assert status(decide("http://a/", x_forwarded_host=b"b", grip_sig=SIGNED, decider=proxy)) == 404
    assert status(decide("http://b/", x_forwarded_host=b"a", grip_sig=SIGNED, decider=proxy)) == 508


def test_a_request_for_a_link_has_no_forwarded_host() -> None:
    """Fanout does not add one, so a request with one has lost its pin."""
    assert status(decide("http://b/", x_forwarded_host=b"a", grip_sig=SIGNED)) == 404


@pytest.mark.parametrize("name", ["grip-sig", "content-type"])
def test_what_the_host_refuses_is_refused(name: str) -> None:
    assert status(decide(long=name, **{name.replace("-", "_"): b"x"})) == 431


ROOM = Match(
    path=PathPattern(("rooms", Parameter("room"))),
    headers=(Condition("x-tenant"),),
    query=(Condition("user"),),
)
CHANNEL = (Bound("header", "x-tenant"), "-", Bound("path", "room"), "-", Bound("query", "user"))
HOLD = Hold("self", "stream", (Channel(CHANNEL),), (("content-type", b"text/plain"),))
ROOMS = Decider(Plan("test", (Route("room", ROOM, HOLD),)), {Hold: hold})


def channel(room: str, user: str, tenant: bytes, verb: str = "GET") -> str | int | None:
    """Returns the channel of a hold, the status of a refusal, or None for an answer without a hold."""
    request = Asked(f"http://a/rooms/{room}?x=1&user={user}&user=second", {"x-tenant": tenant}, verb=verb)
    try:
        answer = through_fanout(ROOMS, request)
    except Refused as refused:
        return refused.status
    assert isinstance(answer, Answer)
    return dict(answer.headers).get("grip-channel", b"").decode() or None if answer.status == 200 else answer.status


def test_a_channel_is_made_of_what_the_match_binds() -> None:
    assert channel("blue", "ann", b"acme") == "acme-blue-ann"
    assert channel("b%6Cue", "a+n%6E", b"acme") == "acme-blue-a nn"
    assert channel("b", "a" * (MAX_VALUE - 7), b"acme") == "acme-b-" + "a" * (MAX_VALUE - 7)


@pytest.mark.parametrize("target", ["http://a/own#/../x", "http://a/own#", "http://a#/own"])
def test_a_target_with_a_fragment_is_refused(target: str) -> None:
    """Some hosts forward it to the next hop, which may read a path from it."""
    answer = DECIDER.decide(Asked(target))
    assert isinstance(answer, Answer) and answer.status == 400
    assert isinstance(DECIDER.decide(Asked("http://a/own?%23")), ToFanout)


@pytest.mark.parametrize("value", ["a,b", "a;b", 'a"b', "%0D%0A", "%00", "%C3%A9", "%FF", "", "a" * MAX_VALUE, "a%20", "%7F"])
def test_what_is_no_channel_is_refused(value: str) -> None:
    assert channel("blue", value, b"acme") == 400
    assert channel(value, "ann", b"acme") in (400, 404, "acme-a -ann")
    assert channel("blue", "ann", b" ") == 400


@pytest.mark.parametrize("room", ["a%2Fb", "%FF", "", "a/b"])
def test_such_a_segment_is_no_parameter(room: str) -> None:
    assert channel(room, "ann", b"acme") == 404


@pytest.mark.parametrize("room", ["..", "%2e%2e", ".", "..;a", "a%2F..", "%5c", "%00"])
def test_such_a_path_is_refused_before_it_is_matched(room: str) -> None:
    assert channel(room, "ann", b"acme") == 400


def test_a_head_is_answered_without_a_hold() -> None:
    """So on both passes, and without a handoff."""
    assert channel("blue", "ann", b"acme", verb="HEAD") is None
    first = ROOMS.decide(Asked("http://a/rooms/blue?user=ann", {"x-tenant": b"acme"}, verb="HEAD"))
    assert first == Answer(200, (("content-type", b"text/plain"),))


EVERYTHING = Match(methods=("GET",), scheme="https", websocket=True, headers=(Condition("x", ("1",)),))
SOCKETS = Decider(Plan("test", (Route("socket", EVERYTHING, Handoff("self")),), grip_sig=GripSig("present")), {})


def test_what_a_proxy_asks_is_matched_as_the_clients_request() -> None:
    """A proxy sends a WebSocket's GET as a POST of events, over another connection."""
    assert isinstance(SOCKETS.decide(Asked(headers={"upgrade": b"WebSocket", "x": b"1"})), ToFanout)
    events = {"content-type": b"application/websocket-events", "x-forwarded-proto": b"https", "grip-sig": SIGNED, "x": b"1"}
    assert status(SOCKETS.decide(Asked(headers=events, verb="POST"))) == 508
    for near in ({"x-forwarded-proto": b"http"}, {"content-type": b"text/plain"}, {"x": b"2"}):
        assert status(SOCKETS.decide(Asked(headers=events | near, verb="POST"))) == 404


ELSEWHERE = Redirect(307, ("/new/", Bound("path", "room"), "?user=", Bound("query", "user")))
REDIRECTS = Decider(Plan("test", (Route("old", ROOM, ELSEWHERE),)), {Redirect: redirect})


@pytest.mark.parametrize(
    ("room", "user", "location"),
    [
        ("a", "b", b"/new/a?user=b"),
        ("a%20", "b%26c=d", b"/new/a%20?user=b%26c%3Dd"),
        ("%C3%A9", "%0D%0AX:1", b"/new/%C3%A9?user=%0D%0AX%3A1"),
        ("a", "//evil", b"/new/a?user=%2F%2Fevil"),
    ],
)
def test_a_redirect_is_encoded(room: str, user: str, location: bytes) -> None:
    asked = Asked(f"http://a/rooms/{room}?user={user}", {"x-tenant": b"x"})
    assert REDIRECTS.decide(asked) == Answer(307, (("location", location),))


MOVED = ("https://b",)


@pytest.mark.parametrize(
    ("action", "uri", "location"),
    [
        (Redirect(308, MOVED, keep_path=True, keep_query=True), "http://a/%2F/x//?q=%0D&r", b"https://b/%2F/x//?q=%0D&r"),
        (Redirect(308, MOVED, keep_path=True, keep_query=True), "http://a", b"https://b/"),
        (Redirect(308, MOVED, keep_path=True, keep_query=True), "http://a//evil.com/x?", b"https://b//evil.com/x"),
        (Redirect(308, MOVED, keep_path=True, keep_query=True), ".evil.com", b"https://b/.evil.com"),
        (Redirect(308, MOVED, keep_path=True, keep_query=True), "http://a/\r\nx: \xe9?\n", b"https://b/%0D%0Ax:%20%C3%A9?%0A"),
        (Redirect(308, MOVED, keep_path=True), "http://a/x?q", b"https://b/x"),
        (Redirect(308, ("/x",), keep_query=True), "http://a/y?q=1&r#f", b"/x?q=1&r"),
        (Redirect(308, ("/x",), keep_query=True, drop_query=("t", "é")), "http://a/?t=1&q&%74=2&%C3%A9=3", b"/x?q"),
    ],
)
def test_a_redirect_keeps_path_and_query(action: Redirect, uri: str, location: bytes) -> None:
    decider = Decider(Plan("test", (Route("moved", Match(), action),), refused_paths=()), {Redirect: redirect})
    decision = decider.decide(Asked(uri))
    if "#" in uri:
        assert status(decision) == 400
    else:
        assert decision == Answer(308, (("location", location),))


def test_a_redirect_to_no_text_is_refused() -> None:
    assert status(REDIRECTS.decide(Asked("http://a/rooms/a?user=%FF", {"x-tenant": b"x"}))) == 400


RULES = HeaderRules(set=(("x-a", b"set"), ("vary", b"x")), add=(("x-b", b"added"),), remove=("x-c",))
WITH_RULES = Decider(
    Plan(
        "test",
        (
            Route("own", Match(path=PathPattern(("own",))), Handoff("origin"), request_headers=RULES),
            Route("room", ROOM, HOLD, response_headers=RULES),
            Route(
                "answer", Match(), Respond(200, (("x-a", b"own"), ("x-b", b"own"), ("x-c", b"own")), b""), response_headers=RULES
            ),
        ),
    ),
    {Respond: respond, Hold: hold},
)
TEXT = b"text/plain; charset=utf-8"
RULED = (("vary", b"x"), ("x-a", b"set"), ("x-b", b"added"))


def test_rules_for_a_request_go_with_it() -> None:
    decision = WITH_RULES.decide(Asked("http://a/own"))
    assert isinstance(decision, ToFanout)
    assert decision.headers.set[3:] == RULES.set
    assert [name for name, _ in decision.headers.set[:3]] == ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
    assert (decision.headers.add, decision.headers.remove) == (RULES.add, RULES.remove)


def test_rules_for_a_response_change_what_the_edge_answers() -> None:
    """They also change refusals of requests that the route takes."""
    refused = through_fanout(WITH_RULES, Asked("http://a/rooms/a?user=%FF", {"x-tenant": b"x"}))
    answered = WITH_RULES.decide(Asked("http://a/x"))
    for answer, status, own in ((answered, 200, ("x-b", b"own")), (refused, 400, ("content-type", TEXT))):
        assert isinstance(answer, Answer)
        assert (answer.status, sorted(answer.headers)) == (status, sorted((own, *RULED)))


def test_rules_for_a_response_leave_fanouts_instructions() -> None:
    answer = through_fanout(WITH_RULES, Asked("http://a/rooms/a?user=b", {"x-tenant": b"x"}))
    assert isinstance(answer, Answer)
    assert {"grip-hold", "grip-channel", "x-a"} <= {name for name, _ in answer.headers}


PASSING_PLAN = Plan(
    "test",
    (
        Route("forward", Match(path=PathPattern(("f",))), Forward("origin"), request_headers=RULES, response_headers=RULES),
        Route("tunnel", Match(path=PathPattern(("t",))), Tunnel("origin"), request_headers=RULES),
        Route("fallen", Match(path=PathPattern(("h",))), Handoff("fallen")),
    ),
    (Fallback("fallen", (("x-a", b"own"),), b"soon", 503), Fallback("other", (), b"soon")),
    linked=("origin",),
)
PASSING = Decider(PASSING_PLAN, {})
RULED_SET = (*RULES.set, *RULES.add)
CONNECTION = (("x-forwarded-for", b"192.0.2.1"), ("x-forwarded-host", b"a"), ("x-forwarded-proto", b"https"))


def test_a_request_is_forwarded_with_its_connection() -> None:
    headers = HeaderRules(CONNECTION + RULES.set, RULES.add, RULES.remove)
    assert PASSING.decide(Asked("http://a/f")) == ToBackend("origin", headers, RULES)


def test_fanout_may_have_a_request_forwarded() -> None:
    """Fanout requests a link like this. Forwarding is not a handoff."""
    assert PASSING.decide(Asked("http://a/f", {"grip-sig": SIGNED})) == ToBackend("origin", RULES, RULES, through_fanout=True)


def test_a_websocket_is_joined() -> None:
    headers = HeaderRules(CONNECTION + RULES.set, RULES.add, RULES.remove)
    assert PASSING.decide(Asked("http://a/t", {"upgrade": b"WebSocket"})) == ToWebSocket("origin", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"upgrade": b"h2c"},
    ],
)
def test_a_tunnel_is_for_a_clients_websocket(headers: dict[str, bytes]) -> None:
    answer = PASSING.decide(Asked("http://a/t", headers))
    assert answer == UPGRADE_REQUIRED
    assert dict(UPGRADE_REQUIRED.headers)["upgrade"] == b"websocket"


@pytest.mark.parametrize("headers", [{}, {"content-type": b"application/websocket-events"}, {"upgrade": b"websocket"}])
def test_a_tunnel_is_not_for_fanout(headers: dict[str, bytes]) -> None:
    asked = Asked("http://a/t", headers | {"grip-sig": SIGNED})
    assert status(PASSING.decide(asked)) == 403
    assert Decider(replace(PASSING_PLAN, grip_sig=GripSig("present")), {}).decide(asked) == UPGRADE_REQUIRED


def test_without_a_backend_there_is_a_fallback() -> None:
    forwarded, handed_off = PASSING.decide(Asked("http://a/f")), PASSING.decide(Asked("http://a/h"))
    assert isinstance(forwarded, ToBackend) and isinstance(handed_off, ToFanout)
    assert PASSING.unreachable_answer(handed_off, 502) == Answer(503, (("x-a", b"own"),), b"soon")
    assert PASSING.unreachable_answer(ToFanout("other", RULES), 504) == Answer(504, (), b"soon")
    answer = PASSING.unreachable_answer(forwarded, 504)
    assert (answer.status, answer.headers[1:]) == (504, RULED_SET)
    assert answer.body == b"The backend 'origin' does not answer in time.\n"
