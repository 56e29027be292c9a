"""Tests FR405: which routes with `auth` a client can get around by another way of writing a path, and with which request."""

import shlex

import pytest

from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from tests.conftest import INPUTS

AUTH = "auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {query: t}}"
REJECTED = "empty_segments: reject, encoded_slashes: reject, parameters: reject"


def shown(guarded: str, free: str, paths: str = "parameters: keep", backend: str = "") -> str | None:
    """Returns the target that FR405 shows for two routes with these matches. Verifies that it gets the second route."""
    text = f"""
version: 1
service: {{name: x}}
backends: {{origin: {{url: "https://a.example.com"{backend}}}}}
paths: {{{paths}}}
routes:
  - {{name: guarded, match: {{{guarded}}}, forward: origin, {AUTH}}}
  - {{name: free, match: {{{free}}}, forward: origin}}
"""
    compiled = compile_routes(text.encode(), INPUTS)
    told = [found for found in compiled.diagnostics if found.code == "FR405"]
    if not told:
        return None
    verb, url = shlex.split(told[0].request)
    taken = Tracer(compiled.plan, "").route_of(RequestData(verb, url))
    assert taken is not None
    assert taken.name == "free"
    return url.removeprefix("https://example.com")


@pytest.mark.parametrize(
    ("guarded", "free", "target"),
    [
        ("path: '/private/*'", "path: '/*'", "//private/"),
        ("path: '/admin/*'", "path: '/{lang}/{page}'", "/admin;x/x"),
        ("path: '/private/*'", "path: '/{x}/y'", "/private;x/y"),
        ("path: '/api/{v}/secret'", "path: '/api/v1/*'", "/api/v1//secret"),
        ("path: '/api/{v}/secret'", "path: '/api/v1/{x}'", "/api/v1/secret;x"),
        ("path: '/api/{v}/secret'", "path: '/api/v1/{x}', query: {a: '1'}", "/api/v1/secret;x?a=1"),
        ("path: '/api/{v}/secret'", "path: '/{a}/v1/secret'", "/api;x/v1/secret"),
        ("path: '/{tenant}/admin'", "path: '/public/*'", "/public//admin"),
        ("path: '/docs/{id}/edit'", "path: '/docs/{id}/{page}', where: {id: '[0-9]+'}", "/docs/0/edit;x"),
        ("path: '/docs/{id}/edit', where: {id: '[0-9]+'}", "path: '/docs/{id}/{page}'", "/docs/0;x/edit"),
    ],
)
def test_a_way_round(guarded: str, free: str, target: str | None) -> None:
    assert shown(guarded, free) == target
    assert shown(guarded, free, backend=", strict_paths: true") is None


@pytest.mark.parametrize(
    ("guarded", "free"),
    [
        ("path: '/private/*'", "path: '/public/*'"),
        ("path: '/api/{v}/{x}'", "path: '/api/{v}'"),
        ("path: '/api/v1/*'", "path: '/api/v1/{x}'"),
        ("path: '/{x}/admin', method: PUT", "path: '/public/*', method: POST"),
        ("path: '/{x}/admin', host: a.example.com", "path: '/public/*', host: b.example.com"),
    ],
)
def test_no_way_round(guarded: str, free: str) -> None:
    assert shown(guarded, free) is None


@pytest.mark.parametrize(
    ("guarded", "free", "target"),
    [
        ("path: '/private/*'", "path: '/private;v=1/x'", "/private;v=1/x"),
        ("path: '/private/*'", "path: '/private%3Bv=1/*'", "/private;v=1/"),
        ("path: '/private/{id}'", "path: '/private//secret'", "/private//secret"),
        ("path: '/a/b/*'", "path: '/a//b/*'", "/a//b/"),
        ("path: '/a/{x}'", "path: '/a;v=2//b;w'", "/a;v=2//b;w"),
        ("path: '/a/{x}', query: {q: '1'}", "path: '/a;v/b'", "/a;v/b?q=1"),
        ("path: '/a/{x}'", "path: '/a;v=1/{x}', where: {x: 'x+'}", "/a;v=1/x"),
    ],
)
def test_a_free_routes_own_path_is_a_way_round(guarded: str, free: str, target: str) -> None:
    assert shown(guarded, free) == target
    assert shown(guarded, free, REJECTED) is None


def test_a_free_routes_own_path_is_none_of_a_guarded_route() -> None:
    assert shown("path: '/private/{id}'", "path: '/public;v=1/x'") is None
    assert shown("path: '/private/x', method: PUT", "path: '/private//x', method: GET") is None


def test_what_is_rejected_is_no_way_round() -> None:
    assert shown("path: '/{x}/admin'", "path: '/public/*'", REJECTED) is None
    assert shown("path: '/{x}/admin'", "path: '/public/*'", "empty_segments: reject") == "/public/admin;x"


@pytest.mark.parametrize(
    ("guarded", "free", "kept", "target"),
    [
        ("path: '/private/*'", "path: '/public/*'", "dot_segments", "/public/../private/"),
        ("path: '/private/*'", "path: '/a/{x}/*'", "dot_segments", "/a/x/../../private/"),
        ("path: '/private'", "path: '/*'", "dot_segments", "/./private"),
        ("path: '/private/*'", "path: '/public/*'", "backslashes", "/public/..%5Cprivate/"),
        ("path: '/private/{x}'", "path: '/{x}'", "backslashes", "/private%5Cx"),
        ("path: '/private/*'", "path: '/public/*'", "controls", "/public/..%00/private/"),
        ("path: '/private'", "path: '/{a}'", "controls", "/private%00"),
        ("path: '/private'", "path: '/{a}/{b}'", "controls", "/private%00/x"),
    ],
)
def test_a_kept_fault_is_a_way_round(guarded: str, free: str, kept: str, target: str) -> None:
    assert shown(guarded, free, f"{REJECTED}, {kept}: keep") == target
    assert shown(guarded, free, f"{REJECTED}, {kept}: keep", ", strict_paths: true") is None
    assert shown(guarded, free, f"{REJECTED}, {kept}: reject") is None


def test_a_kept_fault_is_told_beside_what_is_kept_by_default() -> None:
    assert shown("path: '/private/*'", "path: '/public/*'", "dot_segments: keep") == "/public/../private/"
    assert shown("path: '/private'", "path: '/public/{a}/{b}'", "dot_segments: keep") == "/public/..;x/private"
    assert (
        shown("path: '/private/*', host: a.example.com", "path: '/public/*', host: b.example.com", "dot_segments: keep") is None
    )
