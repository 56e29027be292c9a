"""Tests a hop between the two passes that changes requests as it likes, but cannot make a pin of its own."""

from dataclasses import replace
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from fanroute.plan.request import TIME, RequestData, with_fanout_headers
from fanroute.plan.trace import Tracer, make_full_decider
from fanroute_runtime.decide import Decider
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.matching.pin import Pin, encode
from fanroute_runtime.messages import Answer, Decision, Headers, ToBackend
from tests.conftest import times
from tests.support.counts import COUNTS
from tests.support.tokens import SECRET
from tests.unit.runtime.matching.test_pin import LIVE, POLL, ROOM, ROUTES, SOCKET, plan_of

# Added to the routes of test_pin.py: an endpoint whose clients need a token.
GUARDED = """
  - name: own
    match: {path: "/own/{room}"}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}}
    sse: {channel: "{claim.sub}-{room}"}
  - handoff: origin
"""
PLAN = plan_of(ROUTES.replace("  - handoff: origin\n", GUARDED))
HOST = "pins.example.com"

WORDS = ["files", "rooms", "blue", "red", "all", "poll", "sockets", "missed", "page", "old", "own", "x", ".", "..", "", "%2e%2e"]
PATHS = st.lists(st.sampled_from(WORDS), max_size=4).map(lambda segments: "/" + "/".join(segments))
TARGETS = st.builds(lambda path, query: path + query, PATHS, st.sampled_from(["", "?after=7", "?after=", "?x"]))
URLS = st.builds(lambda host, target: f"http://{host}{target}", st.sampled_from([HOST, "a", "self"]), TARGETS)
HEADERS: list[tuple[str, bytes]] = [
    ("x-live", b"1"),
    ("x-live", b""),
    ("x-tenant", b"acme"),
    ("x-tenant", b"umbrella"),
    ("x-plan", b"pro"),
    ("x-forwarded-host", b"a"),
    ("x-forwarded-proto", b"http"),
    ("grip-last", b"live; last-id=1"),
    ("grip-channel", b"evil"),
    ("cookie", b"a=b"),
    ("content-type", b"text/plain"),
    ("content-type", b"application/websocket-events"),
    ("upgrade", b"websocket"),
    ("connection", b"x-live, fanroute-pin"),
    ("fanroute_pin", b"1;0;sse-0"),
]
CLIENTS = st.one_of(
    st.sampled_from([LIVE, ROOM, POLL, SOCKET]),
    st.builds(
        lambda verb, target, headers: RequestData(verb, f"https://a{target}", tuple(headers)),
        st.sampled_from(["GET", "POST", "HEAD"]),
        TARGETS,
        st.lists(st.sampled_from(HEADERS[:5]), max_size=3),
    ),
)


@cache
def decider() -> Decider:
    return make_full_decider(PLAN)


@cache
def tracer() -> Tracer:
    return Tracer(PLAN, "self")


@st.composite
def altered_by_hop(draw: st.DrawFn, through: RequestData) -> RequestData:
    """Generates a request as a hop may have changed it. Fanout signs it in any case."""
    headers = [header for header in through.headers if draw(st.integers(0, 3)) or header[0] == "grip-sig"]
    headers += draw(st.lists(st.sampled_from(HEADERS), max_size=3))
    pins = [value for name, value in through.headers if name == PIN]
    if pins:
        match draw(st.sampled_from(["leave", "double", "fold", "lower", "upper", "space", "decode", "cut"])):
            case "double":
                headers += [(PIN, pins[0])]
            case "fold":
                headers = [(name, value + b", " + value if name == PIN else value) for name, value in headers]
            case "lower":
                headers = [(name, value.lower() if name == PIN else value) for name, value in headers]
            case "upper":
                headers = [(name, value.upper() if name == PIN else value) for name, value in headers]
            case "space":
                headers = [(name, value.replace(b";", b"; ") if name == PIN else value) for name, value in headers]
            case "decode":
                headers = [(name, value.replace(b"%20", b" ") if name == PIN else value) for name, value in headers]
            case "cut":
                end = draw(st.integers(0, len(pins[0])))
                headers = [(name, value[:end] if name == PIN else value) for name, value in headers]
    # The edge itself answers a HEAD to an endpoint, so no hop has a HEAD with a pin to change into a GET.
    verbs = ["HEAD"] if pins and through.verb == "HEAD" else [through.verb, "GET", "POST"]
    return replace(
        through,
        verb=draw(st.sampled_from(verbs)),
        url=draw(st.one_of(st.just(through.url), URLS)),
        headers=tuple(draw(st.permutations(headers))),
        content=draw(st.sampled_from([through.content, b"", b"x"])),
    )


def decision_for_link(asked: RequestData) -> Decision:
    """Returns the decision on a request of Fanout for a link with the same path."""
    headers = tuple(header for header in asked.headers if header[0] == "grip-last")
    return decider().decide(RequestData("GET", asked.url, (*with_fanout_headers((), TIME), *headers)))


def is_refusal(decision: Decision) -> bool:
    return isinstance(decision, Answer) and decision.status in (400, 403)


def comparable(decision: Decision) -> object:
    """Returns the part of a decision that must agree. For a backend, the rest of the request is the client's."""
    return (decision.backend, decision.uri) if isinstance(decision, ToBackend) else decision


@times(5)
@given(st.data())
def test_a_hop_chooses_no_route(data: st.DataObject) -> None:
    """The pinned route answers with the pinned values, or the request is refused. Without a pin, it gets no more than a link."""
    client = data.draw(CLIENTS)
    through = tracer().through_fanout(client)
    asked = data.draw(altered_by_hop(through))
    decision = decider().decide(asked)
    COUNTS["requests through a hop that changes them"] += 1
    if asked.values(PIN):
        # Fanout's own Grip-Last ends a long-poll, and a WebSocket answers the events that it gets.
        same = replace(through, content=asked.content)
        last = tuple(header for header in asked.headers if header[0] == "grip-last")
        assert is_refusal(decision) or decision in [
            decider().decide(replace(one, headers=(*one.headers, *further))) for one in (through, same) for further in ((), last)
        ]
    else:
        assert is_refusal(decision) or comparable(decision) == comparable(decision_for_link(asked))
        # One of the routes has a link: it leads to the origin.
        allowed = isinstance(decision, Answer) and decision.status in (200, 400, 401, 403, 404)
        assert allowed or (isinstance(decision, ToBackend) and decision.backend == "origin")


PINS = st.builds(
    lambda number, fingerprint, values: encode(Pin(number, fingerprint, tuple(values))),
    st.integers(0, len(PLAN.routes) + 1),
    st.sampled_from([*(route.fingerprint for route in PLAN.routes), "sse-0", "stream-0", "websocket-0", "long_poll-0", ""]),
    st.lists(st.one_of(st.sampled_from(["acme", "blue", "7", "pro", "evil", "../x", "a,b"]), st.none()), max_size=4),
)
# The channels that endpoints may subscribe to with values that an origin chooses (docs/security.md).
ROOMS = {f"{tenant}-{room}" for tenant in ("acme", "umbrella") for room in ("acme", "blue", "pro", "evil", "red", "all")}
IDS = ("acme", "blue", "7", "pro", "evil", "../x")
CHANNELS = {"live", "polled", *(f"{room}; prev-id={id_}" for room in ROOMS for id_ in IDS)}


@times(5)
@given(
    PINS,
    st.sampled_from(["GET", "POST", "PUT"]),
    URLS,
    st.lists(st.sampled_from(HEADERS), max_size=4),
    st.sampled_from([b"", b"OPEN\r\n", b"TEXT 1\r\na\r\n"]),
)
def test_an_origin_with_a_pin_of_its_own(pin: bytes, verb: str, url: str, headers: Headers, content: bytes) -> None:
    """The origin reuses a Grip-Sig that it got. It sees the edge's answers to Fanout, but no more than docs/security.md says."""
    asked = RequestData(
        verb, url, (*with_fanout_headers((), TIME), (PIN, pin), *headers), content, secrets={"edge": {"login": SECRET}}
    )
    decision = decider().decide(asked)
    assert isinstance(decision, Answer)
    instructions = dict(decision.headers)
    assert decision.status in (200, 400, 401, 403, 404)
    if "grip-channel" in instructions:
        assert instructions["grip-channel"].decode() in CHANNELS
    if decision.status == 401:
        assert "grip-channel" not in instructions and instructions["www-authenticate"].startswith(b"Bearer")
