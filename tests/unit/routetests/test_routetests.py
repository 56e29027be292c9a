"""Route tests: their results, diagnostics and coverage."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.request import TIME
from fanroute.plan.routes import declared_routes
from fanroute.routetests.compare import differences, skip_reason
from fanroute.routetests.coverage import alternatives, coverage_text, measure_coverage
from fanroute.routetests.document import request_url
from fanroute.routetests.judge import Result, diagnostics_of, judge, passed_requests, request_of
from fanroute.routetests.locate import action_key
from fanroute.routetests.outcome import Outcome, make_tracer, subscribed_channels
from fanroute.routetests.read import read_tests
from fanroute_runtime.messages import Answer
from tests.conftest import INPUTS, REPOSITORY

ROUTES = (REPOSITORY / "tests" / "golden" / "cases" / "route-tests" / "routes.yaml").read_bytes()
COMPILED = compile_routes(ROUTES, INPUTS)
GUARDED = b"""
version: 1
service: {name: chat}
backends: {self: {loopback: true}}
routes:
  - name: own
    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}
    sse: {channel: "user-{claim.sub}"}
"""
HOSTS = ["chat.example.com", "example.org", "example.com", "a"]
PATHS = [
    "/rooms/blue",
    "/rooms/b%6Cue",
    "/rooms/%22",
    "/rooms/",
    "/sockets/7",
    "/sockets/%2C",
    "/poll",
    "/old/a%20b",
    "/plain",
    "/",
]
QUERIES = ["", "?v=1&after=3", "?v=2&after", "?after=1&v=3"]
HEADERS = [
    ("x-plan", "pro"),
    ("X-Plan", "team"),
    ("x-debug", "1"),
    ("content-type", "application/websocket-events"),
    ("Origin", "https://chat.example.com"),
    ("Access-Control-Request-Method", "GET"),
]
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]),
        "url": st.builds(
            "{}://{}{}{}".format,
            st.sampled_from(["http", "https"]),
            st.sampled_from(HOSTS),
            st.sampled_from(PATHS),
            st.sampled_from(QUERIES),
        ),
        "headers": st.lists(st.sampled_from(HEADERS), max_size=4, unique_by=lambda pair: pair[0].lower()).map(dict),
        "websocket": st.booleans(),
        "via_fanout": st.booleans(),
    }
).map(lambda request: request | {"websocket": request["websocket"] and request["method"] == "GET"})


def judged(*tests: Any, compiled: Compiled = COMPILED) -> list[Result]:
    """Returns the results of tests, which are data."""
    return judge(read_tests(json.dumps({"tests": tests}).encode(), compiled), compiled)


def expectations(outcome: Outcome) -> dict[str, Any]:
    """Returns everything that a test could expect of an outcome."""
    found: dict[str, Any] = {"route": "none", "channel": list(subscribed_channels(outcome.answer))}
    if outcome.route is not None:
        found |= {"route": COMPILED.plan.routes[outcome.route].name, "action": action_key(COMPILED, outcome.route)}
    if outcome.backend:
        sent = {name: value.decode() for name, value in reversed(outcome.sent)}
        found |= {"backend": outcome.backend, "request_headers": sent | {"x-none": {"present": False}}}
    if outcome.answer:
        headers = {name: value.decode() for name, value in outcome.answer.headers}
        found |= {"status": outcome.answer.status, "headers": headers | {"x-none": {"present": False}}}
    return found


def mutations(expected: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the same expectations with one of them changed."""
    yield expected | {"route": "plain" if expected["route"] != "plain" else "none"}
    yield expected | {"action": "stream"}
    yield expected | {"backend": "origin" if expected.get("backend") != "origin" else "self"}
    yield expected | {"channel": [*expected["channel"], "another"]}
    yield expected | {"status": 599}
    for name in expected.get("headers", {}):
        yield expected | {"headers": {name.upper(): "another"}}
        yield expected | {"headers": {name: {"present": name == "x-none"}}}
    for name in expected.get("request_headers", {}):
        yield expected | {"request_headers": {name: "another"}}
    if expected["channel"]:
        yield expected | {"channel": expected["channel"][:-1]}


@settings(max_examples=400, deadline=None)
@given(REQUESTS)
def test_what_comes_is_what_passes(request: dict[str, Any]) -> None:
    """A test made of a request's outcome passes. With one expectation changed, it fails at that expectation."""
    (first,) = judged({"request": request, "expect": {"route": "none"}})
    expected = expectations(first.outcome)
    (passed,) = judged({"request": request, "expect": expected})
    assert passed.verdict == "passed"
    for changed in mutations(expected):
        (failed,) = judged({"request": request, "expect": changed})
        assert failed.verdict == "failed"
        assert len(failed.unmet) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(REQUESTS, max_size=6))
def test_coverage_grows_with_the_tests(requests: list[dict[str, Any]]) -> None:
    """Several requests together cover what each of them covers. 100 % means that nothing is missed."""
    results = [result for request in requests for result in judged({"request": request, "expect": {"channel": []}})]
    taken = [(result.outcome.route, result.request) for result in results]
    together = measure_coverage(COMPILED, taken)
    missed = [set(measure_coverage(COMPILED, [one]).missed_alternatives) for one in taken]
    assert set(together.missed_alternatives) == set(alternatives(COMPILED)).intersection(*missed)
    written = [route.name for route in declared_routes(COMPILED.plan)]
    gotten = {COMPILED.plan.routes[index].name for index, _ in taken if index is not None}
    assert [written[number] for number in together.missed_routes] == [name for name in written if name not in gotten]
    assert 0 <= together.percent <= 100
    assert (together.percent == 100) == (not together.missed_routes and not together.missed_alternatives)


def test_percentages_are_rounded_down() -> None:
    tests = (REPOSITORY / "tests" / "golden" / "cases" / "route-tests" / "routes.test.yaml").read_bytes()
    every = list(passed_requests(judge(read_tests(tests, COMPILED), COMPILED)))
    assert coverage_text(measure_coverage(COMPILED, every)) == "6 of 6 routes, 8 of 8 alternatives, 100 %"
    assert coverage_text(measure_coverage(COMPILED, every[1:])) == "6 of 6 routes, 4 of 8 alternatives, 71 %"
    assert measure_coverage(COMPILED, []).percent == 0


SENT = (("accept", b"y"), ("x-forwarded-host", b"a"), ("x-forwarded-for", b"192.0.2.1"), ("x-a", b"b"), ("x-a", b"c"))
OF_A_BACKEND = Outcome(0, "origin", SENT, None, frozenset({"x-forwarded-host", "x-forwarded-for", "x-a", "x-gone"}))
ELSEWHERE = (("x-a", b"b, c"), ("accept", b"x"), ("x-forwarded-host", b"a"), ("x-forwarded-for", b"127.0.0.1"))
HELD = Outcome(0, "self", (), Answer(200, (("content-type", b"text/plain"), ("grip-channel", b"a")), b"hi"))


@pytest.mark.parametrize(
    ("seen", "told_of"),
    [
        (OF_A_BACKEND, []),
        (Outcome(0, "origin", ELSEWHERE, None), []),
        (Outcome(0, "origin", (*ELSEWHERE, ("x-gone", b"1")), None), ["sends x-gone '1' to the backend, not none"]),
        (Outcome(0, "self", (), None), ["asks the backend 'self', not 'origin'"]),
        (Outcome(0, "", (), Answer(500, ())), ["asks the backend none, not 'origin', and answers 500"]),
        (
            Outcome(0, "origin", (), None),
            ["sends x-a none to the backend, not 'b, c'", "sends x-forwarded-host none to the backend, not 'a'"],
        ),
        (Outcome(0, "origin", SENT, Answer(200, ())), ["answers itself"]),
    ],
)
def test_an_edge_asks_otherwise(seen: Outcome, told_of: list[str]) -> None:
    assert list(differences(OF_A_BACKEND, seen, "GET")) == told_of


@pytest.mark.parametrize(
    ("answer", "told_of"),
    [
        (Answer(200, (("grip-channel", b"a"), ("date", b"now"), ("content-type", b"text/plain")), b"hi"), []),
        (None, ["leaves the answer to a backend"]),
        (Answer(404, (("content-type", b"text/plain"), ("grip-channel", b"a")), b"hi"), ["answers 404, not 200"]),
        (
            Answer(200, (("content-type", b"text/html"), ("grip-hold", b"stream")), b"\xff"),
            [
                "answers with content-type 'text/html', not 'text/plain'",
                "answers with grip-channel none, not 'a'",
                "answers with grip-hold 'stream', not none",
                "answers '\\\\xff', not 'hi'",
            ],
        ),
    ],
)
def test_an_edge_answers_otherwise(answer: Answer | None, told_of: list[str]) -> None:
    assert list(differences(HELD, Outcome(0, "self", (), answer), "GET")) == told_of


def test_a_head_has_no_content() -> None:
    assert list(differences(HELD, Outcome(0, "self", (), Answer(200, HELD.answer.headers)), "HEAD")) == []  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("request_", "expect", "asked"),
    [
        ("GET https://a/plain", {"route": "secure"}, False),  # another route over http
        ("GET https://a/", {"backend": "origin"}, False),  # none over http
        ("GET http://a/plain", {"status": 200}, True),
        ("GET https://a/poll", {"status": 204}, True),
        ({"url": "https://a/poll", "via_fanout": True}, {"status": 204}, True),  # its route is pinned
        ({"url": "https://a/plain", "via_fanout": True}, {"status": 403}, False),  # another route over http
        ("GET https://a/poll", {"request_headers": {"x-forwarded-host": "a"}}, True),
        ("GET https://a/poll", {"request_headers": {"X-Forwarded-Proto": "https"}}, False),
        ("GET http://a/poll", {"request_headers": {"x-forwarded-for": "192.0.2.1"}}, False),
    ],
)
def test_what_a_local_edge_cannot_show_is_not_asked(request_: Any, expect: dict[str, Any], asked: bool) -> None:
    (one,) = judged({"request": request_, "expect": expect})
    assert one.verdict == "passed"
    tracer = make_tracer(COMPILED)
    assert (skip_reason(one, request_of(one.test, tracer, TIME + 86_400), tracer) == "") == asked


@pytest.mark.parametrize(
    ("claims", "expect", "skipped"),
    [
        ({}, {"channel": "user-ann"}, False),
        ({"exp": 0}, {"status": 401}, False),
        ({"exp": TIME + 60}, {"channel": "user-ann"}, True),
        ({"exp": TIME + 10 * 86_400}, {"channel": "user-ann"}, False),
        ({"nbf": TIME + 60, "exp": TIME + 10 * 86_400}, {"status": 401}, True),
    ],
)
def test_a_token_that_would_have_another_outcome_now_is_not_asked(
    claims: dict[str, Any], expect: dict[str, Any], skipped: bool
) -> None:
    compiled = compile_routes(GUARDED, INPUTS)
    test = {"request": {"url": "http://a/", "claims": {"sub": "ann"} | claims}, "expect": expect}
    (one,) = judged(test, compiled=compiled)
    assert one.verdict == "passed"
    tracer = make_tracer(compiled)
    assert (skip_reason(one, request_of(one.test, tracer, TIME + 86_400), tracer) != "") == skipped


@pytest.mark.parametrize(
    ("url", "suggestion"),
    [
        ("http://a:65535/", ""),
        ("http://[::1]:0", ""),
        ("http://a:65536/", "use 65535 at most"),
        ("https://[::1]:99999", "use 65535 at most"),
        ("ws://a/", "write http:// or https:// in place of ws://"),
        ("HTTPS://a/@é", "write http:// or https:// in place of HTTPS://"),
        ("http://ann:secret@a/", "leave out the user: clients send it in the header Authorization"),
        ("http://café.example/", "write the host as clients send it, in ASCII ('xn--…')"),
        ("http://a/é@", "write http:// or https://, a host and a path, percent-encoded"),
        ("a.example.com/", "write http:// or https://, a host and a path, percent-encoded"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, suggestion: str) -> None:
    told = ""
    try:
        assert request_url(url) == url
    except PydanticCustomError as error:
        told = (error.context or {})["suggestion"]
    assert told == suggestion


KEYS = "name request expect method url headers websocket route action backend channel status request_headers present".split()
WORDS = [*HOSTS, "GET https://a/", "room", "none", "sse", "(", ""]
SCALARS = st.one_of(st.booleans(), st.integers(), st.sampled_from(WORDS), st.text())
DATA = st.recursive(
    SCALARS,
    lambda parts: st.one_of(st.lists(parts, max_size=3), st.dictionaries(st.sampled_from(KEYS), parts, max_size=4)),
    max_leaves=12,
)
TESTS = st.fixed_dictionaries({"request": st.one_of(REQUESTS, DATA), "expect": DATA}, optional={"name": SCALARS})


@settings(max_examples=500, deadline=None)
@given(st.one_of(DATA, st.fixed_dictionaries({"tests": st.one_of(DATA, st.lists(TESTS, max_size=3))})))
def test_any_file_is_read_or_told_what_is_wrong(data: Any) -> None:
    try:
        tests = read_tests(json.dumps(data).encode(), COMPILED)
    except Invalid as invalid:
        assert all(diagnostic.span.line == 1 for diagnostic in invalid.diagnostics)
    else:
        assert all(
            list(diagnostics_of(one, tests, COMPILED, "routes.yaml")) for one in judge(tests, COMPILED) if one.verdict == "failed"
        )
