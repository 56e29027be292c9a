"""Tests who is counted apart, and what a client is told that uses a route too often."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.plan.request import RequestData
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.limiter import MAX_COUNT, MAX_NAME, Limiter, entry_of
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, Match, Respond, Route
from fanroute_runtime.plan.rate_limits import RateLimit

BY_ADDRESS = RateLimit(10, 10, 120)
BY_HEADER, BY_CLAIM = (RateLimit(10, 10, 120, Bound(source, "key")) for source in ("header", "claim"))  # type: ignore[arg-type]
# What a name and an entry may be at Fastly, and in a log.
PLAIN = re.compile(rf"[ -~]{{1,{MAX_NAME}}}")


def entry(
    limit: RateLimit, headers: dict[str, bytes] | None = None, claims: dict[str, Any] | None = None, address: str | None = None
) -> str:
    request = RequestData("GET", "https://a.example.com/", tuple((headers or {}).items()), address=address)
    return entry_of(limit, ClientRequest(request, through_fanout=False), claims or {})


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=60)), st.one_of(st.binary(max_size=400), st.just(b"x")))
def test_every_header_has_an_entry_of_its_own(one: bytes, other: bytes) -> None:
    found = [entry(BY_HEADER, {"key": value}) for value in (one, other)]
    assert all(PLAIN.fullmatch(each) for each in found)
    assert (found[0] == found[1]) == (one == other or not (one or other))
    assert all(each.startswith(("header:", "sha256:")) for each, value in zip(found, (one, other), strict=True) if value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=90),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(JSON, st.binary(max_size=90))
def test_no_header_has_the_entry_of_a_claim_or_an_address(claim: Any, header: bytes) -> None:
    by_claim, by_header = entry(BY_CLAIM, claims={"key": claim}), entry(BY_HEADER, {"key": header})
    assert PLAIN.fullmatch(by_claim)
    assert by_claim != by_header or by_claim.startswith("ip:")
    if isinstance(claim, str) and claim:
        assert by_claim != entry(BY_CLAIM, claims={"key": claim + "x"})


def test_a_text_that_is_odd_is_hashed() -> None:
    assert entry(BY_CLAIM, claims={"key": "ann"}) == "claim:ann"
    assert entry(BY_CLAIM, claims={"key": 7}) == "claim:7"
    lone_surrogate = entry(BY_CLAIM, claims={"key": "\ud800"})
    assert lone_surrogate.startswith("sha256:")
    assert lone_surrogate != entry(BY_CLAIM, claims={"key": "\ud801"})
    assert entry(BY_HEADER, {"key": b"x" * 57}) == "header:" + "x" * 57
    assert entry(BY_HEADER, {"key": b"x" * 58}).startswith("sha256:")


@pytest.mark.parametrize(
    ("limit", "headers", "claims"),
    [
        (BY_ADDRESS, {"key": b"x"}, {"key": "x"}),
        (BY_HEADER, {}, {"key": "x"}),
        (BY_HEADER, {"key": b""}, {}),
        (BY_HEADER, {"key": b"x", "connection": b"key"}, {}),
        (BY_CLAIM, {"key": b"x"}, {}),
        (BY_CLAIM, {}, {"key": ["a", "b"]}),
        (BY_CLAIM, {}, {"key": {"a": "b"}}),
        (BY_CLAIM, {}, {"key": ""}),
    ],
)
def test_without_a_value_the_address_counts(limit: RateLimit, headers: dict[str, bytes], claims: dict[str, Any]) -> None:
    assert entry(limit, headers, claims, "192.0.2.7") == "ip:192.0.2.7"


def test_on_the_second_pass_the_address_is_that_of_the_client() -> None:
    """The first pass has set X-Forwarded-For. A proxy of Fanout may have added its own address."""
    for value, expected in {b"192.0.2.7": "192.0.2.7", b"192.0.2.7, 10.0.0.1": "192.0.2.7", b"unknown": "unknown"}.items():
        request = RequestData("POST", "https://a.example.com/", (("x-forwarded-for", value),), address="10.0.0.1")
        assert entry_of(BY_ADDRESS, ClientRequest(request, through_fanout=True), {}) == f"ip:{expected}"


def required(limit: RateLimit, penalized: bool | None, name: str = "room", count: int = 1) -> tuple[Limiter, list[Any]]:
    """Requires a rate of which the host says this. Returns the limiter, and what the host was asked."""
    asked: list[Any] = []

    def check_rate(*arguments: Any) -> bool | None:
        asked.append(arguments[1:])
        return penalized

    limiter = Limiter("chat", check_rate)
    route = Route(name, Match(), Respond(200, (), b""), limit=limit)
    request = RequestData("GET", "https://a.example.com/", address="192.0.2.7")
    limiter.require(route, ClientRequest(request, through_fanout=False), request, count=count)
    return limiter, asked


def test_the_refusal_says_which_limit_and_how_long() -> None:
    with pytest.raises(Refused) as refused:
        required(RateLimit(25, 10, 600), True)
    told = refused.value
    assert (told.status, told.headers, told.told) == (429, (("retry-after", b"600"),), "Too many requests.")
    assert told.reason == "The client uses the route 'room' more than 25 times a second."


def test_the_name_of_a_counter_is_that_of_the_route_and_fits() -> None:
    for name, expected in {"room": "chat/room", "r" * 59: "chat/" + "r" * 59}.items():
        _, asked = required(BY_ADDRESS, False, name)
        assert asked == [(expected, "ip:192.0.2.7", 1, BY_ADDRESS)]
    names = [required(BY_ADDRESS, False, "r" * 60 + last)[1][0][0] for last in "ab"]
    assert names[0] != names[1]
    assert all(PLAIN.fullmatch(name) for name in names)


@pytest.mark.parametrize(("weight", "count", "counted"), [(1, 3, 3), (10, 3, 30), (10, 500, MAX_COUNT), (1, 0, 0)])
def test_several_uses_are_counted_at_once(weight: int, count: int, counted: int) -> None:
    _, asked = required(RateLimit(1, 10, 120, weight=weight), False, count=count)
    assert asked[0][2] == counted


def test_a_host_that_does_not_know_lets_in() -> None:
    assert required(BY_ADDRESS, None)[0].failed
    assert not required(BY_ADDRESS, False)[0].failed
