"""Tests FR410: which handoffs are reported because Fastly does not cache everything else."""

import pytest

from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

START = """
version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}}
routes:
"""


def noted(*routes: str) -> list[int]:
    """Returns the numbers of the routes at which FR410 is reported."""
    text = START + "".join(f"  - {{{route}}}\n" for route in routes)
    lines = [found.span.line for found in compile_routes(text.encode(), INPUTS).diagnostics if found.code == "FR410"]
    return [line - START.count("\n") for line in lines]


@pytest.mark.parametrize(
    "match",
    [
        "",
        "path: /*",
        'path: "/{a}/*"',
        "method: GET",
        "method: [POST, HEAD]",
        "websocket: false",
        "scheme: https",
        "host: a.example.com",
        'host: "*.example.com", path: /*',
        "header: {x-live: {present: false}}",
        "query: {live: {present: false}}",
    ],
)
def test_a_catch_all(match: str) -> None:
    assert noted(f"match: {{{match}}}, handoff: origin") == [1]


@pytest.mark.parametrize(
    "match",
    [
        "path: /",
        "path: /live",
        "path: /live/*",
        'path: "/{page}"',
        'path: "/{language}/*", where: {language: "de|fr"}',
        "method: POST",
        "method: [PUT, DELETE]",
        "websocket: true",
        "header: {x-live: {present: true}}",
        'query: {live: "1"}',
        'query: {live: {pattern: "[0-9]+"}}',
    ],
)
def test_what_is_no_catch_all(match: str) -> None:
    assert noted(f"match: {{{match}}}, handoff: origin") == []


@pytest.mark.parametrize(
    ("earlier", "found"),
    [
        ("match: {path: /static/*}", [2]),
        ("match: {method: GET}", [2]),
        ('match: {path: "/{page}"}', [2]),
        ("match: {host: a.example.com}", [2]),
        ("match: {scheme: http}", [2]),
        ("match: {header: {x-a: {present: true}}}", [2]),
        ("match: {websocket: true}", [2]),
        ("match: {method: [GET, HEAD]}", []),
        ("match: {method: [GET, HEAD], websocket: false}", []),
        ("match: {header: {x-a: {present: false}}}", []),
    ],
)
def test_earlier_routes_may_take_what_is_cached(earlier: str, found: list[int]) -> None:
    assert noted(f"{earlier}, respond: {{status: 200}}", "handoff: origin") == found


def test_several_may_take_it_together() -> None:
    both = ("match: {scheme: http}, respond: {status: 200}", "match: {scheme: https}, respond: {status: 200}")
    assert noted(*both, "handoff: origin") == []
    assert noted(both[0], "handoff: origin", "match: {path: /*}, handoff: origin") == [2]


def test_preflight_routes_are_not_counted() -> None:
    assert noted('match: {path: /a}, respond: {status: 200, cors: {origins: "*"}}', "handoff: origin") == [2]
