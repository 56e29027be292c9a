"""Compares the real component with `fanroute match` for generated requests, on both passes."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanroute.analysis.witness import requests_of
from fanroute.host.exchange import Exchange
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import trace
from fanroute.project.workspace import Workspace
from fanroute_runtime.http.headers import apply_rules
from fanroute_runtime.messages import Answer, Decision, ToBackend, ToFanout
from tests.component.test_component import Host
from tests.component.test_sandbox import Line
from tests.conftest import GRIP_SIG, INPUTS, REPOSITORY
from tests.support import naive
from tests.support.builds import build_once

ROUTES = (REPOSITORY / "tests" / "e2e" / "routes" / "language.yaml").read_text().replace("ORIGIN", "http://127.0.0.1:9")
PLAN = compile_routes(ROUTES.encode(), INPUTS).plan

WORDS = ["rooms", "events", "user", "streams", "features", "poll", "old", "page", "two-channels", "numbers", "tags", "blue", "42"]
SEGMENTS = st.one_of(
    st.sampled_from([*WORDS, "", "..", "%2F", "%FF", "a%2Cb", "%C3%A9", "b%6Cue", "%zz"]), st.text("ab%2,", max_size=3)
)
PATHS = st.one_of(
    st.lists(SEGMENTS, max_size=4).map(lambda segments: "/" + "/".join(segments)),
    st.sampled_from(["/rooms/{}/events", "/rooms/{}", "/streams/{}/b", "/features/{}", "/old/{}", "/numbers/{}"]).flatmap(
        lambda path: SEGMENTS.map(path.format)
    ),
    st.sampled_from(["/news/a", "/user", "/events", "/poll", "/two-channels", "/page", "/plan", "/held-plan", "/tags"]),
)
QUERIES = st.sampled_from(["", "?id=ann", "?id=", "?id=a%2Cb", "?ID=1", "?id=%FF", "?x&id=a+b&id=c", "?i%64=1"])
HEADERS: list[tuple[str, bytes]] = [
    ("x-tenant", b"acme"),
    ("x-tenant", b"other"),
    ("x-debug", b""),
    ("cookie", b"plan=pro; team=blue"),
    ("upgrade", b"WebSocket"),
    ("x-forwarded-host", b"chat.example.com"),
    ("x-forwarded-proto", b"http"),
    ("content-type", b"application/websocket-events"),
    ("grip-sig", GRIP_SIG.encode()),
]
BUILT = st.builds(
    lambda verb, scheme, host, path, query, headers, content: RequestData(
        verb, f"{scheme}://{host}{path}{query}", headers, content
    ),
    st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "DELETE", "get"]),
    st.sampled_from(["http", "https"]),
    st.sampled_from(
        [
            *["chat.example.com", "CHAT.example.com.:8080", "x", "chat.example.com@x", "[::1]:80", "acme.tenants.example.com"],
            *["ACME.Tenants.example.com.:8080", "a.b.tenants.example.com", "a_.tenants.example.com", "-.old.example.com"],
        ]
    ),
    PATHS,
    QUERIES,
    st.one_of(st.lists(st.sampled_from(HEADERS), max_size=4).map(tuple), st.sampled_from([(header,) for header in HEADERS])),
    st.sampled_from([b"", b"OPEN\r\n", b"TEXT 2\r\nhi\r\n", b"TEXT"]),
)
# Some routes take requests that are rarely built.
WITNESSES = requests_of([route.match for route in PLAN.routes], PLAN.refused_paths)
REQUESTS = st.one_of(BUILT, BUILT, BUILT, st.sampled_from(WITNESSES))


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder: Path = tmp_path_factory.mktemp("agreement")
    (folder / "routes.yaml").write_text(ROUTES)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace)


@settings(max_examples=1500, deadline=None)
@given(REQUESTS)
def test_a_naive_matcher_says_what_match_says(asked: RequestData) -> None:
    assert_a_naive_matcher_agrees(asked)


def assert_a_naive_matcher_agrees(asked: RequestData) -> None:
    """Asserts it for a request that a client may send."""
    if not {"grip-sig", "content-type"} & dict(asked.headers).keys():
        expected = naive.first(PLAN.routes, asked)
        steps = trace(PLAN, "self", asked).steps
        # No route is tried if the path is refused.
        assert not steps or (None if steps[-1].mismatches else steps[-1].route) == (expected and expected.name)


def ask(host: Host, asked: RequestData, **facts: Any) -> Exchange:
    exchange = host.ask(asked.url, asked.headers, asked.content, **connection(asked), **facts)
    assert exchange is not None
    return exchange


def connection(asked: RequestData) -> dict[str, Any]:
    """Returns the facts of a request that the host knows from its connection."""
    tls = "TLSv1.3" if urlsplit(asked.url).scheme == "https" else None
    return {"client_ip": asked.address, "tls": tls, "method": asked.verb}


def assert_told(host: Host, asked: RequestData, decision: Decision, exchange: Exchange) -> None:
    """Asserts that the component did what the decision says."""
    if isinstance(decision, Answer):
        assert exchange.answer is not None
        answer = exchange.answer.status, tuple(exchange.answer.headers), exchange.answer.body
        assert answer == (decision.status, decision.headers, decision.body)
        return
    if isinstance(decision, ToBackend):
        assert host.asked[0] == decision.backend
        return
    assert (exchange.handoff if isinstance(decision, ToFanout) else exchange.tunnel) == decision.backend
    assert tuple(exchange.headers) == apply_rules(decision.headers, asked.headers)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=REQUESTS)
def test_the_component_does_what_match_says(language: Host, asked: RequestData) -> None:
    assert_told(language, asked, trace(PLAN, "self", asked).decision, ask(language, asked))


def test_the_component_does_what_match_says_of_every_route(language: Host) -> None:
    reached = set()
    for asked in WITNESSES:
        found = trace(PLAN, "self", asked)
        reached.update(step.route for step in found.steps if not step.mismatches)
        assert_told(language, asked, found.decision, ask(language, asked))
        assert_a_naive_matcher_agrees(asked)
    assert reached == {route.name for route in PLAN.routes}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(REQUESTS, min_size=2, max_size=20))
def test_a_request_has_nothing_of_those_before_it(language: Host, asked: list[RequestData]) -> None:
    """In one sandbox, each request gets the same answer as in a sandbox of its own."""
    alone = [ask(language, one) for one in asked]
    exchanges = [language.exchange(one.url, one.headers, one.content, **connection(one)) for one in asked]
    line = Line(language, exchanges)
    assert line.run()
    assert len(line.taken) == len(asked)
    for together, own in zip(line.taken, alone, strict=True):
        assert (together.uri, together.headers, together.answer) == (own.uri, own.headers, own.answer)
        assert (together.handoff, together.tunnel) == (own.handoff, own.tunnel)
