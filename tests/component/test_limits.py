"""Tests the longest requests that the real component reads: none of them uses up its stack or its memory."""

import pytest

from fanroute.pipeline import compile_routes
from fanroute.project.workspace import Workspace
from fanroute_runtime.http.media_types import MAX_EVENTS
from tests.component.test_component import EVENTS, Host, outcome
from tests.conftest import INPUTS
from tests.support.builds import build_once
from tests.support.pins import UPGRADE, pin

ROUTES = """\
version: 1
service: {name: limits}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
routes:
  - match:
      path: "/pattern/{a}"
      where: {a: "((a|b)*c?)*"}
      header: {x-a: {pattern: "((a|b)*c?)*"}}
      query: {q: {pattern: "(x|y|z)*"}}
    handoff: origin
  - match: {path: /socket}
    websocket: {channel: w, echo: true, protocols: [v1]}
  - match: {path: "/old/{a}"}
    redirect: {location: "/new/{a}"}
  - match: {path: /forward/*}
    forward: origin
"""
BASE = "http://a.example.com"
PLAN = compile_routes(ROUTES.encode(), INPUTS).plan


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    workspace = Workspace(tmp_path_factory.mktemp("limits") / "routes.yaml")
    workspace.routes.write_text(ROUTES)
    build_once(workspace)
    return Host(workspace)


@pytest.mark.parametrize(
    ("uri", "headers", "came"),
    [
        (f"/pattern/{'ab' * 7_500}?q=xyz", [("X-A", b"abc" * 21_000)], "origin"),
        (f"/pattern/a?q={'xyz' * 5_000}", [("X-A", b"ab" * 32_000 + b"x")], 404),
        (f"/old/{'%25' * 5_000}", [], 302),
        (f"/forward{'/' * 16_000}", [], 201),
        (f"/forward/?{'&a=%25' * 2_500}", [], 201),
        ("/forward/", [("Connection", b",".join([b"a", b"bb", b"ccc"] * 7_000))], 201),
        ("/forward/", [(f"X-{number}", b"a") for number in range(20_000)], 201),
        ("/forward/", [("Content-Type", b",;" * 32_000)], 201),
        ("/socket", [*[("Upgrade", b"h2c,")] * 5_000, ("Upgrade", b"websocket")], "self"),
        ("/socket", [*EVENTS, ("Fanroute-Pin", b"1;0;websocket-0" + b";%zz" * 16_000)], 403),
    ],
    ids="path-pattern header-pattern encoded segments query Connection headers Content-Type Upgrade pin".split(),
)
def test_a_long_request_gets_its_answer(host: Host, uri: str, headers: list[tuple[str, bytes]], came: str | int) -> None:
    assert outcome(host.ask(BASE + uri, headers)) == came


@pytest.mark.parametrize("event", [b"PING\r\n", b"TEXT\r\n", b"TEXT 1\r\n\r\r\n", b"OPEN\r\n", b"x"])
def test_as_many_events_as_are_read_get_an_answer(host: Host, event: bytes) -> None:
    headers = [*EVENTS, *pin(PLAN, f"{BASE}/socket", UPGRADE), ("Sec-WebSocket-Protocol", b"v2," * 20_000 + b"v1")]
    came = outcome(host.ask(f"{BASE}/socket", headers, b"OPEN\r\n" + event * ((MAX_EVENTS - 6) // len(event))))
    assert came == (400 if event in (b"OPEN\r\n", b"x") else 200)
