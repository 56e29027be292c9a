"""Tests `debug` in a component: who shows the secret is told why, and other requests cost what they cost without it."""

from collections.abc import Mapping

import pytest

from fanroute.host.exchange import Exchange
from fanroute.host.interpreted import InterpretedComponent
from fanroute.pipeline import compile_routes
from fanroute.plan.request import TIME, RequestData, second_pass_request
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.plan.trace import make_decider
from fanroute.project.workspace import Workspace
from fanroute_runtime.local import LOCAL_STORE
from fanroute_runtime.messages import ToFanout
from tests.component.test_component import Host
from tests.conftest import INPUTS
from tests.support.builds import FLATTEN, build_once
from tests.support.fuel import CountedComponent, counted, sandbox

ROUTES = b"""
version: 1
service: {name: explained}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
debug: {secret_store: edge, name: debug}
routes:
  - {name: hello, match: {path: /hello}, respond: {status: 200, body: "hello\\n"}}
  - {name: stream, match: {path: /stream}, stream: {channel: all}}
  - {name: socket, match: {path: "/socket/{room}"}, websocket: {channel: "{room}"}}
  - {name: forwarded, match: {path: /forward}, forward: origin}
"""
SECRET = b"a secret that nobody would guess"
SECRETS = {"edge": {"debug": SECRET}}
PLAN = compile_routes(ROUTES, INPUTS).plan
SHOWN, WRONG = ("fanroute-debug", SECRET), ("fanroute-debug", SECRET[::-1])
# The most instructions of a request that is served without Python.
WITHOUT_PYTHON = 50_000


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    workspace = Workspace(tmp_path_factory.mktemp("explained") / "routes.yaml")
    workspace.routes.write_bytes(ROUTES)
    build_once(workspace)
    return Host(workspace)


def asked(path: str, *headers: tuple[str, bytes]) -> RequestData:
    return RequestData("GET", f"http://www.example.com{path}", headers, secrets=SECRETS)


def second(request: RequestData) -> RequestData:
    """Returns the request of the second pass."""
    handoff = make_decider(PLAN).decide(request)
    assert isinstance(handoff, ToFanout)
    return second_pass_request(request, handoff)


def ask(host: Host, request: RequestData, stores: Mapping[str, Mapping[str, bytes]] = SECRETS) -> Exchange:
    facts = {"clock": lambda: TIME, "secret_stores": stores, "method": request.verb, "client_ip": request.address}
    exchange = host.ask(request.url, list(request.headers), request.content, **facts)
    assert exchange is not None
    return exchange


def told(exchange: Exchange) -> dict[str, bytes]:
    assert exchange.answer is not None
    return {name: value for name, value in exchange.answer.headers if name.startswith(("fanroute", "cache-control"))}


UPGRADE = (("upgrade", b"websocket"), ("connection", b"Upgrade"))
EXPLAINED = {
    "respond": (asked("/hello", SHOWN), {"fanroute-route": b"hello"}),
    "no route": (asked("/nothing", SHOWN), {"fanroute-reason": b"No route matches this request."}),
    "forward": (asked("/forward", SHOWN), {"fanroute-route": b"forwarded"}),
    "stream, second pass": (second(asked("/stream", SHOWN)), {"fanroute-route": b"stream"}),
    "socket, second pass": (second(asked("/socket/x", SHOWN, *UPGRADE)), {"fanroute-route": b"socket"}),
    "socket": (
        asked("/socket/x", SHOWN),
        {"fanroute-route": b"socket", "fanroute-reason": b"This route accepts only WebSockets."},
    ),
}


@pytest.mark.parametrize("kind", EXPLAINED)
def test_who_shows_the_secret_is_told(host: Host, kind: str) -> None:
    request, expected = EXPLAINED[kind]
    assert told(ask(host, request)) == expected | {"cache-control": b"no-store"}
    assert SECRET not in b"".join(value for _, value in host.asked[1])


@pytest.mark.parametrize("kind", EXPLAINED)
@pytest.mark.parametrize("stores", [{}, {"edge": {}}, {"edge": {"debug": SECRET[::-1]}}])
def test_nobody_else_is_told(host: Host, kind: str, stores: Mapping[str, Mapping[str, bytes]]) -> None:
    assert told(ask(host, EXPLAINED[kind][0], stores)) == {}


@pytest.mark.parametrize("path", ["/hello", "/stream", "/nothing", "/forward"])
def test_a_handoff_and_an_answer_are_interpreted_alike(host: Host, path: str) -> None:
    other = InterpretedComponent(PLAN)
    for headers in ((), (SHOWN,), (WRONG,), (SHOWN, SHOWN)):
        one, request = ask(host, asked(path, *headers)), asked(path, *headers)
        interpreted = host.exchange(request.url, list(headers), secret_stores=SECRETS, client_ip=request.address)
        assert other.handle(interpreted)
        assert (one.handoff, one.headers, one.answer) == (interpreted.handoff, interpreted.headers, interpreted.answer)


@pytest.fixture(scope="module")
def component(host: Host) -> CountedComponent:
    return counted(host.wasm)


@pytest.mark.skipif(not FLATTEN, reason="without flattening, Python serves each request")
@pytest.mark.parametrize("path", ["/hello", "/stream", "/nothing"])
def test_other_requests_are_answered_without_python(host: Host, component: CountedComponent, path: str) -> None:
    used = []
    for headers in ((), (WRONG,), (SHOWN,)):
        handle, fuel_left = sandbox(component)
        before = fuel_left()
        facts = {"secret_stores": SECRETS, "config_stores": {LOCAL_STORE: LOCAL_ENTRIES}, "client_ip": "192.0.2.1"}
        assert handle(host.exchange(asked(path).url, list(headers), **facts))
        used.append(before - fuel_left())
    assert used[0] < WITHOUT_PYTHON < min(used[1:])
