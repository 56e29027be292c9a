"""Routes with `cache`, in a built component and in the interpreted form: what the host is told about caching."""

from pathlib import Path

import pytest

from fanroute.bundle import toolchain
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange, Headers, Response
from fanroute.host.interpreted import InterpretedComponent
from fanroute.pipeline import compile_routes
from fanroute.project.package_files import wit_folder, wit_sources
from fanroute.project.workspace import Workspace
from tests.component.test_component import Host
from tests.conftest import INPUTS
from tests.support.builds import app_files, build_once

ROUTES = b"""\
version: 1
service: {name: pages}
backends: {origin: {url: "https://app.example.com"}}
routes:
  - {match: {path: /pass}, forward: {backend: origin, cache: pass}}
  - {match: {path: /ttl}, forward: {backend: origin, cache: {ttl: 5m}}}
  - {match: {path: /both}, forward: {backend: origin, cache: {ttl: 0s, stale_while_revalidate: 1h}}}
  - {match: {path: /stale}, forward: {backend: origin, cache: {stale_while_revalidate: 30s}}}
  - forward: origin
"""
DETAILS = {"ttl": None, "stale-while-revalidate": None, "pci": False, "surrogate-key": None, "extra": None}
CASES = [
    ("/pass", ("pass", {})),
    ("/ttl", ("override", DETAILS | {"ttl": 300})),
    ("/both", ("override", DETAILS | {"ttl": 0, "stale-while-revalidate": 3600})),
    ("/stale", ("override", DETAILS | {"stale-while-revalidate": 30})),
    ("/other", None),
]


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedComponent:
    folder: Path = tmp_path_factory.mktemp("caching")
    (folder / "routes.yaml").write_bytes(ROUTES)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace).component


def asked(path: str) -> Exchange:
    def answer(backend: str, target: str, headers: Headers) -> Response:
        return Response(200, [], b"a page")

    return Exchange(f"http://www.example.com{path}", [], frozenset({"origin"}), fetch=answer)


@pytest.mark.parametrize(("path", "told"), CASES)
def test_the_component_tells_the_host(component: EmbeddedComponent, path: str, told: object) -> None:
    exchange = asked(path)
    assert component.handle(exchange)
    assert exchange.answer is not None and exchange.answer.status == 200
    assert exchange.cached == told


@pytest.mark.parametrize(("path", "told"), CASES)
def test_the_interpreted_form_tells_the_same(path: str, told: object) -> None:
    exchange = asked(path)
    assert InterpretedComponent(compile_routes(ROUTES, INPUTS).plan).handle(exchange)
    assert exchange.cached == told


def test_other_components_cannot_override_the_cache() -> None:
    """They are made from a WIT without it, and have no code for it."""
    without = compile_routes(ROUTES.partition(b"  - {match: {path: /pass}")[0] + b"  - forward: origin\n", INPUTS).plan
    files = app_files(without)
    assert toolchain.FEATURES["cache"] not in files
    (text,) = toolchain.wit_for(files).values()
    assert "cache" not in text.replace("http-request-cache-key-invalid", "")
    with_cache = app_files(compile_routes(ROUTES, INPUTS).plan)
    assert toolchain.wit_for(with_cache) == wit_sources(["cache"])
    assert wit_sources(toolchain.FEATURES) == {"edge.wit": (wit_folder() / "edge.wit").read_text()}
