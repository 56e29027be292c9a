"""Tests how pins are written and read, and which route a request with a pin gets."""

from binascii import crc32
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanroute.pipeline import compile_routes
from fanroute.plan.request import TIME, RequestData, with_fanout_headers
from fanroute.plan.signing import sign_token
from fanroute.plan.trace import Tracer, make_full_decider
from fanroute_runtime.grip.signature import LOCAL_KEY
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.matching.pin import MAX_PIN, Pin, decode, encode
from fanroute_runtime.messages import Answer, Decision, Headers, Refused, ToBackend, ToFanout
from fanroute_runtime.plan import Key, Plan
from tests.conftest import INPUTS

ROUTES = """
version: 1
service: {name: pins}
backends:
  origin: {url: "https://app.example.com"}
  bucket: {url: "https://files.example.com"}
  self: {loopback: true, host: pins.example.com}
routes:
  - name: live
    match: {path: /files/*, header: {x-live: {present: true}}}
    sse: {channel: live}
  - name: files
    match: {path: /files/*}
    forward: bucket
  - name: room
    match:
      path: "/rooms/{room}/{part}"
      where: {room: "[a-z]{1,8}"}
      header: {x-tenant: [acme, umbrella], x-plan: {present: true}}
      query: {after: {present: true}}
    stream:
      channel: {name: "{header.x-tenant}-{room}", prev_id: "{query.after}"}
      meta: {plan: "{header.x-plan}"}
      link: "/missed/{room}"
  - name: missed
    match: {path: "/missed/{room}"}
    forward: origin
  - name: content
    match: {path: "/content/{page...}", where: {page: "[^x]*"}}
    sse: {channel: "content/{page}"}
  - name: tenant
    match: {host: "{tenant}.tenants.example.com", path: "/news/{topic}", where: {tenant: "[^x]+"}}
    sse: {channel: "{tenant}/{topic}"}
  - name: poll
    match: {path: /poll}
    long_poll: {channel: polled}
  - name: socket
    match: {path: "/sockets/{room}"}
    websocket: {channel: "{room}", echo: true}
  - name: page
    match: {path: /page}
    respond: {status: 200, body: page}
  - name: old
    match: {path: /old}
    redirect: {location: /page}
  - handoff: origin
"""


def plan_of(routes: str) -> Plan:
    return compile_routes(routes.encode(), INPUTS).plan


PLAN = plan_of(ROUTES)
TRACER = Tracer(PLAN, "self")
DECIDER = make_full_decider(PLAN)
LIVE = RequestData("GET", "https://a/files/x", (("x-live", b"1"),))
ROOM = RequestData("GET", "https://a/rooms/blue/all?after=7&b", (("x-tenant", b"acme"), ("x-plan", b"pro % plus")))
SOCKET = RequestData("GET", "https://a/sockets/blue", (("upgrade", b"websocket"),))
POLL = RequestData("GET", "https://a/poll")

VALUES = st.one_of(st.none(), st.text(max_size=20))


def with_pin(asked: RequestData, *pins: bytes) -> RequestData:
    """Returns the request with other pins."""
    others = tuple(header for header in asked.headers if header[0] != PIN)
    return replace(asked, headers=(*others, *((PIN, pin) for pin in pins)))


def pin_of(asked: RequestData, tracer: Tracer = TRACER) -> bytes:
    (pin,) = tracer.through_fanout(asked).values(PIN)
    return pin


def status(decision: Decision) -> int:
    assert isinstance(decision, Answer)
    return decision.status


def told(decision: Decision, name: str) -> str:
    assert isinstance(decision, Answer)
    return dict(decision.headers)[name].decode()


def sealed(text: bytes) -> bytes:
    """Adds the checksum of a pin."""
    return b"%s;%08x" % (text, crc32(text))


@given(st.integers(0, 10**6), st.text(max_size=20), st.lists(VALUES, max_size=5))
@example(0, "sse-0", [None, "*", "", ",;%", "\r\n", "é\0"])
def test_a_pin_is_read_as_it_is_written(number: int, fingerprint: str, values: list[str | None]) -> None:
    pin = Pin(number, fingerprint, tuple(values))
    written = encode(pin)
    assert decode(written) == pin
    assert written.isascii() and written.decode().isprintable() and not set(b", ") & set(written)


@given(st.one_of(st.binary(max_size=40), st.from_regex(rb"\A1;[0-9]{1,3};[a-z%2C,; *-]{0,9}\Z").map(sealed)))
def test_what_is_written_otherwise_is_no_pin(raw: bytes) -> None:
    try:
        assert encode(decode(raw)) == raw
    except Refused as refused:
        assert refused.status == 403


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1",
        b"1;0",
        b"2;0;sse-0",
        b"1;00;sse-0",
        b"1;+1;sse-0",
        b"1;1_0;sse-0",
        b"1;-1;sse-0",
        b"1; 1;sse-0",
        b"1;0;*",
        b"1;0;sse-0;%2f",
        b"1;0;sse-0;a%",
        b"1;0;sse-0;%FF",
        b"1;0;sse-0;a b",
        b"1;0;sse-0, 1;0;sse-0",
        b"1;0;sse-0;a, 1;0;sse-0;a",
        b"1;" + b"9" * 5000 + b";sse-0",
        b"1;0;" + b"a" * MAX_PIN,
    ],
)
def test_no_pin(text: bytes) -> None:
    raw = sealed(text)
    with pytest.raises(Refused, match="malformed"):
        decode(raw)
    assert status(DECIDER.decide(with_pin(TRACER.through_fanout(LIVE), raw))) == 403


@given(st.sampled_from([LIVE, ROOM, SOCKET]), st.data())
def test_a_pin_that_is_cut_or_changed_is_no_pin(asked: RequestData, data: st.DataObject) -> None:
    pin = pin_of(asked)
    position, byte = data.draw(st.integers(0, len(pin) - 1)), data.draw(st.integers(0, 255))
    for changed in (pin[:position], pin[:position] + bytes([byte]) + pin[position + 1 :], pin.lower(), pin.upper()):
        assert changed == pin or status(DECIDER.decide(with_pin(TRACER.through_fanout(asked), changed))) == 403


def test_a_pin_has_the_route_and_what_it_takes() -> None:
    """It has nothing else of the request."""
    number = [route.name for route in PLAN.routes].index("room")
    assert decode(pin_of(ROOM)) == Pin(number, PLAN.routes[number].fingerprint, ("acme", "blue", "7", "pro % plus"))
    assert decode(pin_of(LIVE)).values == ()
    assert PLAN.routes[number].fingerprint.startswith("stream-")


CONTENT = RequestData("GET", "https://a/content/a%20b//%C3%A9/")


def test_a_pin_has_the_rest_of_the_path() -> None:
    assert decode(pin_of(CONTENT)).values == ("a b//é/",)
    for changed, expected in (("a/b", 200), ("a b/", 200), ("/a", 403), ("", 403), ("a/../b", 403), ("a/.", 403), ("x", 403)):
        through = TRACER.through_fanout(CONTENT)
        pin = decode(pin_of(CONTENT))
        answer = DECIDER.decide(with_pin(through, encode(replace(pin, values=(changed,)))))
        assert status(answer) == expected, changed
        assert expected == 403 or told(answer, "grip-channel") == f"content/{changed}"
    assert status(DECIDER.decide(with_pin(through, encode(replace(pin, values=(None,)))))) == 403


NEWS = RequestData("GET", "https://Acme.tenants.example.com.:8080/news/a")
NO_LABELS = ("", "a.b", "-a", "A", "a-", "é", "a/b", "x", "a" * 64)


def test_a_pin_has_the_label_of_the_host() -> None:
    """The host of the second pass does not matter, and no pin has a value that no host could have."""
    assert decode(pin_of(NEWS)).values == ("acme", "a")
    through = TRACER.through_fanout(NEWS)
    moved = [(name, b"other.tenants.example.com" if name == "x-forwarded-host" else value) for name, value in through.headers]
    for elsewhere in (through, replace(through, headers=tuple(moved), url="https://other.tenants.example.com/news/a")):
        assert told(DECIDER.decide(elsewhere), "grip-channel") == "acme/a"
    pin = decode(pin_of(NEWS))
    for changed, expected in (("other", 200), *((label, 403) for label in NO_LABELS)):
        answer = DECIDER.decide(with_pin(through, encode(replace(pin, values=(changed, "a")))))
        assert status(answer) == expected, changed
    assert status(DECIDER.decide(with_pin(through, encode(replace(pin, values=(None, "a")))))) == 403


@pytest.mark.parametrize("asked", [LIVE, ROOM, POLL, SOCKET, NEWS], ids=["sse", "stream", "long_poll", "websocket", "of a host"])
def test_the_pinned_route_is_served_whatever_becomes_of_the_request(asked: RequestData) -> None:
    through = TRACER.through_fanout(asked)
    answer = DECIDER.decide(through)
    assert status(answer) == 200
    kept = (PIN, "grip-sig", "content-type")
    bare = replace(
        through, url="http://pins.example.com/page?after=0", headers=tuple(each for each in through.headers if each[0] in kept)
    )
    assert DECIDER.decide(bare) == answer


def test_a_header_that_is_lost_chooses_no_other_route() -> None:
    """Nor does a header that is added."""
    through = TRACER.through_fanout(LIVE)
    lost = replace(through, headers=tuple(header for header in through.headers if header[0] != "x-live"))
    assert told(DECIDER.decide(lost), "grip-channel") == "live"
    plain = TRACER.through_fanout(POLL)
    assert told(DECIDER.decide(replace(plain, headers=(*plain.headers, ("x-live", b"1")))), "grip-channel") == "polled"


def test_a_pin_that_is_lost_leaves_what_a_link_may_get() -> None:
    """Otherwise a backend that no link leads to could choose the channels of clients that are sent to it."""
    assert status(DECIDER.decide(with_pin(TRACER.through_fanout(LIVE)))) == 403
    assert status(DECIDER.decide(with_pin(TRACER.through_fanout(ROOM)))) == 403
    assert told(DECIDER.decide(with_pin(TRACER.through_fanout(POLL))), "grip-channel") == "polled"


LINK: Headers = (*with_fanout_headers((), TIME), ("grip-last", b"acme-blue; last-id=7"))


@pytest.mark.parametrize(
    ("path", "becomes"),
    [("/missed/blue", "origin"), ("/poll", 200), ("/page", 200), ("/files/x", 403), ("/old", 403), ("/other", 403)],
)
def test_a_request_for_a_link(path: str, becomes: str | int) -> None:
    decision = DECIDER.decide(RequestData("GET", f"https://pins.example.com{path}", LINK))
    assert becomes == (decision.backend if isinstance(decision, ToBackend) else status(decision))


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "POST"},
        {"verb": "HEAD"},
        {"content": b"x"},
        {"headers": (*LINK, ("cookie", b"a=b"))},
        {"headers": (*LINK, ("content-type", b"text/plain"))},
        {"headers": (*LINK, ("content-type", b"application/websocket-events"))},
        {"verb": "POST", "headers": (*LINK, ("content-type", b"application/websocket-events"))},
    ],
)
def test_what_is_not_as_for_a_link_needs_a_pin(change: dict[str, object]) -> None:
    assert status(DECIDER.decide(replace(RequestData("GET", "https://pins.example.com/poll", LINK), **change))) == 403  # type: ignore[arg-type]


def test_a_request_for_a_link_has_no_headers_of_a_client() -> None:
    forwarded = (*LINK, ("x-forwarded-host", b"a"), ("x-live", b"1"))
    assert status(DECIDER.decide(RequestData("GET", "https://pins.example.com/files/x", forwarded))) == 403


@pytest.mark.parametrize("pins", [2, 3])
def test_of_several_pins_none_counts(pins: int) -> None:
    through = TRACER.through_fanout(LIVE)
    assert status(DECIDER.decide(with_pin(through, *[pin_of(LIVE)] * pins))) == 403


@pytest.mark.parametrize(
    "values",
    [(), ("acme",), ("evil", "blue", "7", "a"), ("acme", "Blue", "7", "a"), ("acme", "..", "7", "a"), ("acme", None, "7", "a")],
)
def test_values_are_checked_as_when_they_were_bound(values: tuple[str | None, ...]) -> None:
    pin = replace(decode(pin_of(ROOM)), values=values)
    assert status(DECIDER.decide(with_pin(TRACER.through_fanout(ROOM), encode(pin)))) == 403


def test_a_value_that_makes_no_channel_is_the_endpoints_to_refuse() -> None:
    asked = replace(ROOM, url="https://a/rooms/blue/all?after=%FF")
    assert decode(pin_of(asked)).values[2] is None
    assert status(DECIDER.decide(TRACER.through_fanout(asked))) == 400


def test_a_pin_that_is_too_long_is_refused_on_the_first_pass() -> None:
    asked = replace(ROOM, url="https://a/rooms/blue/all?after=" + "a" * MAX_PIN)
    assert status(DECIDER.decide(asked)) == 431
    almost = replace(ROOM, url="https://a/rooms/blue/all?after=" + "a" * (MAX_PIN - len(pin_of(ROOM)) + 1))
    assert isinstance(DECIDER.decide(almost), ToFanout) and len(pin_of(almost)) == MAX_PIN


@pytest.mark.parametrize("name", ["files", "missed", "page", "old", "route-11"])
def test_a_pin_names_an_endpoint(name: str) -> None:
    number = [route.name for route in PLAN.routes].index(name)
    through = with_pin(TRACER.through_fanout(LIVE), encode(Pin(number, PLAN.routes[number].fingerprint)))
    assert status(DECIDER.decide(through)) == 403


@pytest.mark.parametrize("asked", [LIVE, ROOM, POLL])
def test_events_and_other_requests_have_no_pin_in_common(asked: RequestData) -> None:
    assert status(DECIDER.decide(with_pin(TRACER.through_fanout(SOCKET), pin_of(asked)))) == 403
    assert status(DECIDER.decide(with_pin(TRACER.through_fanout(asked), pin_of(SOCKET)))) == 403


# A build in which the routes have other numbers, and one of them has changed.
NEXT_ROUTES = ROUTES.replace(
    "routes:\n", "routes:\n  - {name: new, match: {path: /new}, respond: {status: 200, body: new}}\n", 1
).replace("websocket: {channel", "websocket: {idle_close: 60s, channel")
NEXT = make_full_decider(plan_of(NEXT_ROUTES))


@pytest.mark.parametrize("asked", [ROOM, POLL, SOCKET], ids=["stream", "long_poll", "websocket"])
def test_a_pin_of_another_build_is_matched_anew(asked: RequestData) -> None:
    answer = NEXT.decide(TRACER.through_fanout(asked))
    assert status(answer) == 200


def test_a_socket_lives_on_over_a_deploy() -> None:
    """The headers of its handshake, and so its pin, come with each POST, even if another build answers."""
    through = replace(TRACER.through_fanout(SOCKET), content=b"TEXT 2\r\nhi\r\n")
    answer = NEXT.decide(through)
    assert isinstance(answer, Answer) and answer.body == b"TEXT 4\r\nm:hi\r\n"
    gone = make_full_decider(plan_of(ROUTES.replace("/sockets/{room}", "/elsewhere/{room}")))
    assert status(gone.decide(through)) == 403


@pytest.mark.parametrize(
    ("action", "instead"),
    [("sse: {channel: live}", "stream: {channel: live}"), ("sse: {channel: live}", "long_poll: {channel: live}")],
)
def test_another_build_serves_the_same_action_only(action: str, instead: str) -> None:
    other = make_full_decider(plan_of(ROUTES.replace(action, instead)))
    assert status(other.decide(TRACER.through_fanout(LIVE))) == 403


def test_another_builds_pin_gets_no_forward() -> None:
    """The header in which the routes differ may be lost, too."""
    through = TRACER.through_fanout(LIVE)
    lost = replace(through, headers=tuple(header for header in through.headers if header[0] != "x-live"))
    assert told(NEXT.decide(through), "grip-channel") == "live"
    assert status(NEXT.decide(lost)) == 403


# A build with routes of another file. Their numbers exist in both, but their fingerprints differ.
def test_a_number_alone_names_no_route() -> None:
    one = plan_of(ROUTES.replace("channel: live", "channel: other"))
    pin = replace(decode(pin_of(LIVE)), fingerprint=one.routes[0].fingerprint)
    through = TRACER.through_fanout(LIVE)
    lost = replace(through, headers=tuple(header for header in through.headers if header[0] != "x-live"))
    assert status(DECIDER.decide(with_pin(lost, encode(pin)))) == 403


def test_a_name_is_no_part_of_a_fingerprint() -> None:
    renamed = plan_of(ROUTES.replace("name: live", "name: alive"))
    assert renamed.routes[0].fingerprint == PLAN.routes[0].fingerprint


def test_fingerprints_tell_routes_apart() -> None:
    found = [route.fingerprint for route in PLAN.routes if route.fingerprint]
    assert len(set(found)) == len(found) == 6
    assert [fingerprint.partition("-")[0] for fingerprint in found] == ["sse", "stream", "sse", "sse", "long_poll", "websocket"]


PROXY = Key("HS256", b"what a proxy of the user's signs with", issuer="proxy")


def test_a_pin_beside_a_proxys_signature_is_ignored() -> None:
    """A proxy in front of the service forwards what its client sends."""
    decider = make_full_decider(replace(PLAN, grip_sig=replace(PLAN.grip_sig, keys=(PROXY,))))
    grip_sig = sign_token({"iss": "proxy", "exp": TIME + 60}, b"what a proxy of the user's signs with")
    asked = RequestData("GET", "https://a/poll", (("grip-sig", grip_sig), (PIN, pin_of(LIVE)), ("fanroute_pin", b"x")))
    assert told(decider.decide(asked), "grip-channel") == "polled"
    forwarded = decider.decide(replace(asked, url="https://a/files/x"))
    assert isinstance(forwarded, ToBackend) and {PIN, "fanroute_pin"} <= set(forwarded.headers.remove)
    assert status(decider.decide(replace(asked, url="https://a/other"))) == 508


def test_a_pin_of_fanouts_own_counts_beside_a_proxys_key() -> None:
    """The key that signed decides, whatever issuer the proxy's key has."""
    assert LOCAL_KEY.issuer == "viceroy"
    proxys = (PROXY, replace(PROXY, issuer=LOCAL_KEY.issuer))
    decider = make_full_decider(replace(PLAN, grip_sig=replace(PLAN.grip_sig, keys=proxys)))
    through = replace(TRACER.through_fanout(LIVE), url="https://self/poll")
    assert told(decider.decide(through), "grip-channel") == "live"
    grip_sig = sign_token({"iss": LOCAL_KEY.issuer, "exp": TIME + 60}, b"what a proxy of the user's signs with")
    others = tuple(header for header in through.headers if header[0] != "grip-sig")
    assert told(decider.decide(replace(through, headers=(*others, ("grip-sig", grip_sig)))), "grip-channel") == "polled"


@pytest.mark.parametrize("check", ["present", "none"])
def test_a_pin_counts_where_nothing_is_verified(check: str) -> None:
    """X-Forwarded-Host counts, too. Without a pin the request is matched, because there may have been no first pass."""
    decider = make_full_decider(replace(PLAN, grip_sig=replace(PLAN.grip_sig, check=check)))
    through = replace(TRACER.through_fanout(LIVE), url="https://self/poll")
    assert told(decider.decide(through), "grip-channel") == "live"
    assert told(decider.decide(with_pin(through)), "grip-channel") == "polled"
    assert status(decider.decide(with_pin(replace(through, url="https://self/other")))) == 508


@pytest.mark.parametrize("name", ["fanroute-pin", "fanroute_pin"])
@pytest.mark.parametrize("path", ["/files/x", "/poll", "/other"])
def test_a_clients_own_pin_goes_nowhere(name: str, path: str) -> None:
    decision = DECIDER.decide(RequestData("GET", f"https://a{path}", ((name, pin_of(LIVE)),)))
    assert isinstance(decision, ToFanout | ToBackend)
    assert name in decision.headers.remove or (name == PIN and path == "/poll")
    set_ = dict(decision.headers.set)
    assert (PIN in set_) == (path == "/poll") and set_.get(PIN) != pin_of(LIVE)


@pytest.mark.parametrize("named", [b"Fanroute-Pin", b"close, fanroute_pin"])
@pytest.mark.parametrize("path", ["/poll", "/other"])
def test_connection_takes_no_pin_away(named: bytes, path: str) -> None:
    assert status(DECIDER.decide(RequestData("GET", f"https://a{path}", (("connection", named),)))) == 400


def test_a_header_that_connection_names_counts_as_absent() -> None:
    named = replace(LIVE, headers=(*LIVE.headers, ("connection", b"keep-alive, X-Live")))
    decision = DECIDER.decide(named)
    assert isinstance(decision, ToBackend) and decision.backend == "bucket"
    assert isinstance(DECIDER.decide(replace(SOCKET, headers=(*SOCKET.headers, ("connection", b"Upgrade")))), ToFanout)


def test_an_empty_value_is_a_value() -> None:
    empty = replace(LIVE, headers=(("x-live", b""),))
    assert told(DECIDER.decide(TRACER.through_fanout(empty)), "grip-channel") == "live"
    asked = replace(ROOM, headers=(("x-tenant", b"acme"), ("x-plan", b"")))
    assert decode(pin_of(asked)).values[3] == ""
