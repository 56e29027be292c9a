"""Tests the real component with 10,000 routes: it builds, and each route gets its requests."""

import pytest

from fanroute.devserver.load import load_component
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange
from fanroute.project.workspace import Workspace
from tests.support.builds import build_once

KINDS = """\
  - match: {{path: "/rooms{0}/{{room}}", where: {{room: "[a-z]{{1,64}}"}}}}
    respond: {{status: 200, body: "room {0}\\n"}}
  - match: {{host: "*.tenant{0}.example.com", header: {{x-plan: pro}}}}
    respond: {{status: 200, body: "tenant {0}\\n"}}
  - match: {{path: "/users/{{user}}/things{0}/*"}}
    handoff: origin
  - match: {{path: /api/v1/items{0}, method: [GET, HEAD]}}
    respond: {{status: 200, body: "item {0}\\n"}}
"""
COUNT = 2_500


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedComponent:
    workspace = Workspace(tmp_path_factory.mktemp("routes") / "routes.yaml")
    head = "version: 1\nservice: {name: many}\nbackends: {origin: {url: 'https://app.example.com'}}\nroutes:\n"
    workspace.routes.write_text(head + "".join(KINDS.format(number) for number in range(COUNT)))
    build_once(workspace)
    return EmbeddedComponent(*load_component(workspace.wasm, workspace.cache))


def asked(component: EmbeddedComponent, url: str, *headers: tuple[str, bytes]) -> str:
    exchange = Exchange(url, list(headers), frozenset({"origin"}))
    assert component.handle(exchange)
    return exchange.handoff or (exchange.answer.body.decode() if exchange.answer else "")


@pytest.mark.parametrize("number", [0, COUNT // 2, COUNT - 1])
def test_each_gets_its_requests(component: EmbeddedComponent, number: int) -> None:
    assert asked(component, f"https://a.example.com/rooms{number}/blue") == f"room {number}\n"
    assert asked(component, f"https://a.example.com/rooms{number}/Blue") == "No route matches this request.\n"
    tenant = f"https://a.tenant{number}.example.com/"
    assert asked(component, tenant, ("x-plan", b"pro")) == f"tenant {number}\n"
    assert asked(component, tenant) == "No route matches this request.\n"
    assert asked(component, f"https://a.example.com/users/ann/things{number}/x") == "origin"
    assert asked(component, f"https://a.example.com/api/v1/items{number}") == f"item {number}\n"
