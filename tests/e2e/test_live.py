"""Route tests on both local edges: `fanroute test --live`."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanroute.cli.edges import EdgeOptions, running_edge
from fanroute.devserver import embedded
from fanroute.devserver.events import Answered, Event
from fanroute.devserver.load import load_component
from fanroute.devserver.visits import Reporter
from fanroute.host.component import EmbeddedComponent
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.signing import grip_sig
from fanroute.plan.tokens import TEST_KEY, make_token
from fanroute.project.workspace import Workspace
from fanroute.routetests.compare import differences, from_this_machine, over_http
from fanroute.routetests.judge import Result, diagnostics_of, judge
from fanroute.routetests.live import connect, judge_live, record_backends
from fanroute.routetests.outcome import HANDSHAKE, make_tracer, predict
from fanroute.routetests.read import read_tests
from tests.component.test_agreement import REQUESTS, ROUTES
from tests.conftest import INPUTS, REPOSITORY
from tests.e2e.conftest import EDGES
from tests.support.builds import build_once
from tests.support.tokens import RSA, public

pytestmark = pytest.mark.slow

CASE = REPOSITORY / "tests" / "golden" / "cases" / "route-tests"


@pytest.mark.parametrize("edge", EDGES)
def test_tests_are_asked_of_an_edge(edge: str, tmp_path: Path) -> None:
    """The whole language. Tests that need https are skipped, and their routes are not covered."""
    for name in ("routes.yaml", "routes.test.yaml"):
        (tmp_path / name).write_bytes((CASE / name).read_bytes())
    build_once(Workspace(tmp_path / "routes.yaml"))
    command = [sys.executable, "-P", "-m", "fanroute", "test", "--live", edge, "--coverage", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    told = [(one["code"], one["span"]["line"]) for one in json.loads(done.stdout)["diagnostics"]]
    assert (done.returncode, told) == (0, [("FR512", 42), ("FR512", 49), ("FR515", 23)]), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


GUARDED = """
version: 1
service: {name: guarded}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
defaults: {auth: {keys: {algorithm: RS256, file: key.pem}, issuer: login, token: [authorization, {query: token}]}}
routes:
  - {name: own, match: {path: /own}, sse: {channel: "user-{claim.sub}"}}
  - {name: page, match: {path: /page}, respond: {status: 200, body: "for members"}}
  - name: socket
    match: {path: "/{room}/socket", where: {room: "[a-z]+"}}
    auth:
      keys: {algorithm: ES256, config_store: keys, name: login}
      channels: rooms
      token: {query: token}
      on_expiry: close
    websocket: {channel: "{room}"}
  - {name: api, forward: origin}
"""
GUARDED_TESTS: list[dict[str, object]] = [
    {"request": {"url": "http://a/own", "claims": {"sub": "ann"}}, "expect": {"channel": "user-ann"}},
    {"request": {"url": "http://a/own", "claims": {"sub": "ann", "exp": 0}}, "expect": {"status": 401}},
    {"request": {"url": "http://a/own", "claims": {"sub": "ann", "iss": "other"}}, "expect": {"status": 401}},
    {"request": {"url": "http://a/own", "claims": {"sub": "ann"}, "via_fanout": True}, "expect": {"channel": "user-ann"}},
    {"request": "GET http://a/own", "expect": {"status": 401}},
    {"request": {"url": "http://a/red/socket", "websocket": True, "claims": {"rooms": ["red"]}}, "expect": {"channel": "red"}},
    {"request": {"url": "http://a/red/socket", "websocket": True, "claims": {"rooms": ["blue"]}}, "expect": {"status": 403}},
    {"request": {"url": "http://a/red/socket", "claims": {"rooms": ["red"]}}, "expect": {"status": 426}},
    {"request": {"url": "http://a/api", "claims": {}}, "expect": {"backend": "origin"}},
]


@pytest.fixture
def guarded(tmp_path: Path) -> Workspace:
    """A project whose routes need tokens, with keys in a file and in a store."""
    (tmp_path / "routes.yaml").write_text(GUARDED)
    (tmp_path / "key.pem").write_bytes(public(RSA))
    (tmp_path / "routes.test.yaml").write_text(json.dumps({"tests": GUARDED_TESTS}))
    build_once(Workspace(tmp_path / "routes.yaml"))
    return Workspace(tmp_path / "routes.yaml")


@pytest.mark.parametrize("edge", EDGES)
def test_tests_with_claims_are_asked_of_an_edge(edge: str, guarded: Workspace) -> None:
    """None is skipped, whatever the keys of the routes are."""
    done = fanroute("test", "--live", edge, str(guarded.routes))
    count = len(GUARDED_TESTS)
    assert (done.returncode, done.stdout) == (0, f"{guarded.tests}: {count} tests, {count} passed\n"), done.stderr


@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_accepts_the_tokens_of_the_command(edge: str, guarded: Workspace) -> None:
    made = fanroute("token", "--route", "page", "--routes", str(guarded.routes)).stdout.strip()
    expired = make_token({"iss": "login", "exp": int(time.time()) - 60}, guarded.token_key)
    foreign = make_token({"iss": "login", "exp": int(time.time()) + 60}, TEST_KEY)

    async def ask() -> list[int]:
        headers = [{"Authorization": f"Bearer {token}"} for token in (made, expired, foreign, "x")]
        async with (
            running_edge(EdgeOptions(edge), guarded, {"origin": None, "self": None}, "", print, print) as urls,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            return [(await client.get(f"{urls.edge}/page", headers=one)).status_code for one in headers]

    assert asyncio.run(ask()) == [200, 401, 401, 401]


def fanroute(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "fanroute", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def askable(asked: RequestData) -> bool:
    """Returns True if both edges accept a request.

    aiohttp refuses a second Content-Type, and `get` in small letters. Pushpin refuses a HEAD with content.
    """
    names = [name for name, _ in asked.headers]
    usual = asked.verb.isupper() and not (asked.verb == "HEAD" and asked.content)
    return usual and "@" not in asked.url and len(names) == len(set(names)) and "upgrade" not in names


def signed_now(asked: RequestData) -> RequestData:
    """Returns a request of the present time, with a signature of now if it has one: an edge uses the real time."""
    now, signed_before = int(time.time()), grip_sig(asked.time)
    headers = tuple((name, grip_sig(now) if value == signed_before else value) for name, value in asked.headers)
    return replace(asked, time=now, headers=headers)


def wrong_route(event: Event, name: str) -> Iterator[str]:
    """Yields the route that an edge reports for a request, if it is another one than `name`."""
    assert isinstance(event, Answered)
    # Such a request is refused because of the route that it matches. That is not the route that it has.
    if event.route != ("" if event.reason.startswith("Fanout sent a request without a pin") else name):
        yield f"reports the route {event.route!r}, not {name!r}"


@pytest.mark.parametrize("edge", EDGES)
def test_both_edges_do_what_the_routes_say(edge: str, tmp_path: Path) -> None:
    """For generated requests, compares everything that shows on the wire, and the route that the embedded edge reports."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    workspace = Workspace(tmp_path / "routes.yaml")
    compiled = build_once(workspace).compiled
    tracer, requests, events = make_tracer(compiled), list[RequestData](), list[Event]()

    @settings(max_examples=500, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(REQUESTS.filter(askable), st.booleans())
    def collect(asked: RequestData, websocket: bool) -> None:
        opens = websocket and asked.verb == "GET" and not asked.content
        opened = replace(asked, headers=asked.headers + HANDSHAKE) if opens else asked
        requests.append(signed_now(over_http(from_this_machine(opened))))

    collect()

    async def ask() -> list[tuple[RequestData, list[str]]]:
        async with (
            record_backends({"origin": None, "self": "language.edgecompute.app"}) as recorder,
            running_edge(EdgeOptions(edge), workspace, recorder.backends, "", print, events.append, compiled.plan) as urls,
            connect(urls.edge, recorder, "self", TEST_KEY) as local,
        ):
            compared = []
            for asked in requests:
                expected = predict(tracer, asked)
                events.clear()
                found = list(differences(expected, await local.outcome(asked, expected.route), asked.verb))
                name = "" if expected.route is None else compiled.plan.routes[expected.route].name
                compared.append((asked, [*found, *(wrong_route(events[0], name) if edge == "embedded" else ())]))
            return compared

    compared = asyncio.run(ask())
    assert len(compared) == 500
    assert [one for one in compared if one[1]] == []


@pytest.fixture(scope="module")
def component(own_project: Workspace) -> EmbeddedComponent:
    """The component of the repository's routes.yaml."""
    engine, component = load_component(own_project.wasm, own_project.cache)
    return EmbeddedComponent(engine, component)


def on_edge(component: EmbeddedComponent, routes: str, *tests: dict[str, object]) -> list[tuple[Result, str]]:
    """Runs tests of a routes.yaml with a component that can be another's. Returns each result with its messages."""
    compiled = compile_routes(routes.encode(), INPUTS)
    read = read_tests(json.dumps({"tests": tests}).encode(), compiled)

    async def ask() -> list[Result]:
        async with (
            record_backends({"origin": None, "self": "fanroute-starter.edgecompute.app"}) as recorder,
            embedded.serve(component, recorder.backends, "", 0, 0, Reporter(print)) as urls,
            connect(urls.edge, recorder, "self", TEST_KEY) as edge,
        ):
            return [await judge_live(result, edge, compiled, make_tracer(compiled)) for result in judge(read, compiled)]

    return [
        (result, " ".join(diagnostic.message for diagnostic in diagnostics_of(result, read, compiled, "routes.yaml")))
        for result in asyncio.run(ask())
    ]


STREAM = {"request": "GET https://a.edgecompute.app/test/stream", "expect": {"route": "test-stream"}}


@pytest.mark.parametrize(
    ("before", "after", "test", "difference"),
    [
        ("stream: {channel: test}", "stream: {channel: tset}", STREAM, "answers with grip-channel 'test', not 'tset'"),
        ("stream: {channel: test}", "handoff: origin", STREAM, "asks the backend 'self', not 'origin'"),
        ("stream: {channel: test}", "respond: {status: 200}", STREAM, "asks the backend 'self', not none"),
        (
            "endpoint",
            "end",
            {"request": "GET https://a.edgecompute.app/test/x", "expect": {"status": 404}},
            "answers 'No such test endpoint\\n', not 'No such test end\\n'",
        ),
    ],
)
def test_a_component_that_does_otherwise_is_told(
    component: EmbeddedComponent, before: str, after: str, test: dict[str, object], difference: str
) -> None:
    """Even if no expectation shows the difference."""
    routes = (REPOSITORY / "routes.yaml").read_text()
    assert before in routes
    ((judged, message),) = on_edge(component, routes.replace(before, after), test)
    assert judged.verdict == "failed"
    assert message.endswith(f": the edge {difference}")


def test_expectations_are_the_edges(component: EmbeddedComponent) -> None:
    """An expectation fails if the routes meet it and the component does not."""
    routes = (REPOSITORY / "routes.yaml").read_text().replace("channel: test", "channel: tset")
    expected = STREAM | {"expect": {"channel": "tset", "backend": "self"}}
    ((judged, message),) = on_edge(component, routes, expected)
    assert judged.verdict == "failed"
    assert message.endswith("expected the channel 'tset', got 'test'")


def test_an_edge_that_gives_no_answer_is_told(component: EmbeddedComponent) -> None:
    compiled = compile_routes((REPOSITORY / "routes.yaml").read_bytes(), INPUTS)
    read = read_tests(json.dumps({"tests": [STREAM]}).encode(), compiled)

    async def ask() -> Result:
        async with record_backends({}) as recorder:
            async with embedded.serve(component, {}, "", 0, 0, Reporter(print)) as urls:
                pass
            async with connect(urls.edge, recorder, "self", TEST_KEY) as edge:
                return await judge_live(judge(read, compiled)[0], edge, compiled, make_tracer(compiled))

    result = asyncio.run(ask())
    assert result.verdict == "failed"
    assert result.differences[0].startswith("gives no answer: ConnectError(")
