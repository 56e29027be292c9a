"""Tests the texts of `fanroute match` and `fanroute routes`, and the requests that they trace."""

from dataclasses import replace

import pytest

from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.describe import route_rows
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Trace, through_fanout, trace, trace_lines
from fanroute_runtime.messages import Answer, Headers, NextHop, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import HeaderRules, Plan
from tests.conftest import INPUTS, REPOSITORY

CASES = REPOSITORY / "tests" / "golden" / "cases"
RULES = HeaderRules(set=(("x", b"y"),))


def compiled(case: str) -> Compiled:
    return compile_routes((CASES / case / "routes.yaml").read_bytes(), INPUTS)


def test_everything_is_told_in_words() -> None:
    assert list(route_rows(compiled("match-everything").plan)) == [
        (
            "1",
            "short-forms",
            "GET https: no websocket chat.example.com /rooms/{room}/users/{user_id} query version=2 header x-plan=pro",
            "handoff",
            "",
            "origin",
        ),
        (
            "2",
            "full-forms",
            "GET or PUT http: websocket *.edgecompute.app or chat.example.com /files/{folder}/* query a b=1|2 query after "
            "no query before header x-plan=pro|team header authorization no header x-debug header x-tier=a",
            "handoff",
            "",
            "origin",
        ),
    ]
    assert [row[3:5] for row in route_rows(compiled("grip-features").plan)] == [
        ("stream, application/x-ndjson", "{a}, all"),
        ("stream, text/event-stream", "a, b"),
        ("long_poll, application/json", "a"),
        ("websocket", "a, b"),
        ("respond 200", ""),
    ]
    assert [row[3] for row in route_rows(compiled("redirects").plan)][:3] == [
        "308 to https://www.example.com, with the path and query",
        "302 to http://docs.example.com/latest/{page}",
        "308 to /new/{page}?from=old",
    ]
    assert [row[3] for row in route_rows(compiled("rewrite").plan)][:4] == [
        "forward to /*, without the first segment",
        "handoff to /v2/{page}/*, without the first 2 segments",
        "forward to /*, without the first 2 segments, with query lang=de",
        "forward to /v2/rooms/{room}, with query v={query.version}, with query key=a&b c, "
        "without query version, without query debug",
    ]


@pytest.mark.parametrize("passed", [ToFanout("a", RULES), ToBackend("a", RULES, HeaderRules()), ToWebSocket("a", RULES)])
def test_another_uri_is_told(passed: NextHop) -> None:
    lines = list(trace_lines(Trace((), None, replace(passed, uri="https://a/?b=1"), None)))
    assert lines[2:] == ["  the URI https://a/?b=1", "  x: y"]
    assert list(trace_lines(Trace((), None, passed, None)))[2:] == ["  x: y"]


def test_the_second_pass_has_the_pin_of_the_first() -> None:
    plan = compiled("channel-templates").plan
    asked = RequestData("GET", "https://a/rooms/a/events")
    told = trace(plan, "self", asked)
    through = through_fanout(plan, asked)
    assert isinstance(told.decision, ToFanout) and told.decision.headers.set[-1] in through.headers
    again = trace(plan, "self", replace(through, url="https://self/elsewhere"))
    assert (again.decision, [step.route for step in again.steps], again.route) == (told.second, ["room"], 0)


def test_a_request_as_data_has_facts() -> None:
    facts = {"time": 7, "service": "abc", "configs": {"c": {"k": "v"}}, "secrets": {"s": {"k": b"v"}}}
    asked = RequestData("GET", "https://a/", **facts)
    assert (asked.now(), asked.service_id(), asked.config("c", "k"), asked.secret("s", "k")) == (7, "abc", "v", b"v")
    assert {asked.config("c", "x"), asked.config("s", "k"), asked.secret("s", "x"), asked.secret("c", "k")} == {None}
    assert len({asked, replace(asked), RequestData("GET", "https://a/")}) == 2


def test_what_fanout_asks_has_the_same_facts() -> None:
    facts = {"time": 7, "service": "abc", "configs": {"c": {"k": "v"}}, "secrets": {"s": {"k": b"v"}}}
    for headers in ((), (("upgrade", b"websocket"),)):
        through = through_fanout(Plan("x", ()), RequestData("GET", "https://a/", headers, **facts))
        assert {name: getattr(through, name) for name in facts} == facts


def test_patterns_are_told_in_words() -> None:
    assert [row[2] for row in route_rows(compiled("patterns").plan)] == [
        "/rooms/{room}/events where room~[a-z0-9-]{1,64}",
        r"/files/{folder}/{file}/* where file~\w+\.(?:txt|md)",
        r"""query after~[0-9]* query q~'; import os #"\{\{x\}\} header x-client~[0-9]+ header x-tenant~acme|umbrella""",
    ]


@pytest.mark.parametrize(
    ("url", "unfit"),
    [
        ("https://a/rooms/blue/events", []),
        ("https://a/rooms/Blue/events", [("where room",), ("path",)]),
        ("https://a/rooms/Blue", [("path",), ("path",)]),
        ("https://a/files/A/b.txt/", [("path",)]),
        ("https://a/files/A/b.text/", [("path",), ("where file",)]),
        ("https://a/files//b.text/", [("path",), ("path",)]),
    ],
)
def test_a_pattern_that_does_not_fit_is_a_reason(url: str, unfit: list[tuple[str, ...]]) -> None:
    headers = (("x-client", b"1"), ("x-tenant", b"acme"))
    steps = trace(compiled("patterns").plan, "self", RequestData("GET", f"{url}?after=&q=", headers)).steps
    assert [step.mismatches for step in steps if step.mismatches][:2] == unfit


@pytest.mark.parametrize(
    ("url", "headers", "reasons"),
    [
        ("https://a/rooms/b/c", (), ("room",)),
        ("https://a/user?id=1", (("x-tenant", b"acme"),), ("room: path", "user")),
        ("https://a/user?ID=1", (), ("room: path", "user: query id, header x-tenant", "socket: path, websocket")),
        (
            "https://a/sockets/b",
            (("upgrade", b"websocket"),),
            ("room: path", "user: path, query id, header x-tenant", "socket"),
        ),
    ],
)
def test_each_earlier_route_says_why_not(url: str, headers: Headers, reasons: tuple[str, ...]) -> None:
    told = trace(compiled("channel-templates").plan, "self", RequestData("GET", url, headers))
    assert tuple(": ".join(filter(None, [step.route, ", ".join(step.mismatches)])) for step in told.steps) == reasons


def test_no_route_is_tried_for_a_path_that_is_refused() -> None:
    told = trace(compiled("channel-templates").plan, "self", RequestData("GET", "https://a/rooms/../c"))
    assert told.steps == ()
    assert [*trace_lines(told)][:2] == ["  no route", "Answered at once: 400"]


def test_both_passes_of_a_websocket() -> None:
    told = trace(
        compiled("channel-templates").plan, "self", RequestData("GET", "https://a/sockets/b", (("upgrade", b"websocket"),))
    )
    assert told.second is not None
    assert told.second.body == b'OPEN\r\nTEXT 24\r\nc:{"type":"subscribe","channel":"b"}\r\n'


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ((), "The reason, which the client does not get: This request needs a token."),
        (
            (("authorization", b"Bearer x"),),
            "The reason, which the client does not get: The token is refused: it does not have three parts.",
        ),
    ],
)
def test_a_refused_token_is_told_with_its_reason(headers: Headers, line: str) -> None:
    told = trace(compiled("route-tests-claims").plan, "self", RequestData("GET", "https://a/events", headers))
    lines = list(trace_lines(told))
    assert lines[-2:] == ["  | This request needs a valid token.", line]


def test_a_reason_that_the_client_gets_is_told_once() -> None:
    told = trace(compiled("channel-templates").plan, "self", RequestData("GET", "https://a/"))
    assert (told.refusal, list(trace_lines(told))[-1]) == ("No route matches this request.", "  | No route matches this request.")


def test_no_route() -> None:
    told = trace(compiled("channel-templates").plan, "self", RequestData("GET", "https://a/"))
    assert isinstance(told.decision, Answer)
    assert [line for line in trace_lines(told) if "no route" in line or "404" in line] == ["  no route", "Answered at once: 404"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "told"),
    [
        ("POST", "/upload/a", (), ["Forwarded to files, with", "  x-edge: fanroute", "Its answer goes to the client, with"]),
        ("POST", "/upload/a", (), ["  content-type: text/plain", "  server (removed)"]),
        ("GET", "/ws", (("upgrade", b"websocket"),), ["Joined to a WebSocket of origin, with", "  cookie (removed)"]),
        ("GET", "/x", (), ["Forwarded to origin, with", "  x-forwarded-host: a"]),
    ],
)
def test_what_is_passed_on_is_told(method: str, path: str, headers: Headers, told: list[str]) -> None:
    lines = list(trace_lines(trace(compiled("passing-on").plan, "self", RequestData(method, f"https://a{path}", headers))))
    assert [line for line in lines if line in told] == told
