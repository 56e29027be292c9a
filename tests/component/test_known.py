"""Tests decisions that are known when building, in a component: they change a request, and the host may then fail."""

from pathlib import Path

import pytest

from fanroute.bundle.builder import build
from fanroute.host.exchange import HostError
from fanroute.project.workspace import Workspace
from tests.component.test_component import Host
from tests.support.builds import FLATTEN, build_once

HEAD = """
version: 1
service: {name: known}
backends: {origin: {url: "https://app.example.com", fallback: {status: 503, body: "Back soon"}}}
routes:
"""
# The edge sets a header that another route looks at.
ADMINS = """
  - {name: admin, match: {path: /api/*, header: {x-internal: s3cret}}, respond: {status: 200, body: admin}}
  - {name: api, match: {path: /api/*}, handoff: origin, request_headers: {set: {x-internal: s3cret}, remove: [x-c]}}
"""
UNREACHABLE, FAILED = (503, b"Back soon"), (500, b"The edge could not read the request.\n")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    workspace = Workspace(tmp_path_factory.mktemp("known") / "routes.yaml")
    workspace.routes.write_text(HEAD + ADMINS)
    assert build_once(workspace).warnings == ()
    return Host(workspace)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("backend.backend.open", UNREACHABLE),
        ("http-req.request.redirect-to-grip-proxy", UNREACHABLE),
        ("http-req.request.insert-header", FAILED),
    ],
)
@pytest.mark.parametrize("header", ["accept", "x-other"])
def test_a_handoff_that_fails_gets_no_other_route(host: Host, name: str, answer: tuple[int, bytes], header: str) -> None:
    """The edge answers as Python does, which decides if a header is not harmless."""

    def fault(index: int, called: str) -> None:
        if called == name:
            raise HostError("not-found" if called.endswith(".open") else "generic-error")

    host.fault = fault
    exchange = host.ask("http://www.example.com/api/x", [(header, b"x")])
    assert exchange is not None
    assert exchange.answer is not None
    assert (exchange.answer.status, exchange.answer.body) == answer
    assert host.calls.count("http-downstream.next-request") <= 1


def test_a_first_route_that_removes_a_header_is_flattened(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "routes.yaml")
    workspace.routes.write_text(HEAD + "  - {name: all, handoff: origin, request_headers: {remove: [x-c]}}\n")
    assert build(workspace, print, FLATTEN).warnings == ()
