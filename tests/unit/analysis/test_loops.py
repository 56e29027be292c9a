"""Tests the search for redirects that lead in a circle."""

import pytest

from fanroute.analysis.loops import find_loops
from fanroute.analysis.search import Boxes
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

HEAD = 'version: 1\nservice: {name: x}\nbackends: {origin: {url: "https://o.example.com"}}\nroutes:\n'


def loops_of(*routes: str) -> list[tuple[int, str]]:
    text = HEAD + "".join(f"  - {{{route}}}\n" for route in routes)
    plan = compile_routes(text.encode(), INPUTS).plan
    return [(number, f"{request.verb} {request.url}") for number, request in find_loops(plan, Boxes.of(plan))]


APEX = "match: {host: example.com}, redirect: {host: www.example.com}"
TOKEN = "auth: {keys: {algorithm: HS256, secret_store: a, name: b}}"


@pytest.mark.parametrize(
    ("routes", "request_again"),
    [
        (["redirect: {host: www.example.com}"], "GET https://www.example.com/"),
        (["match: {host: '*.example.com'}, redirect: {host: www.example.com}"], "GET https://www.example.com/"),
        (["match: {host: [example.com, www.example.com]}, redirect: {host: www.example.com}"], "GET https://www.example.com/"),
        (["match: {path: /a}, redirect: /a"], "GET https://example.com/a"),
        (["match: {path: '/a/*'}, redirect: /a/b"], "GET https://example.com/a/b"),
        (["match: {path: '/a/{x}'}, redirect: '/a/{x}'"], "GET https://example.com/a/x"),
        # Each location is longer than the one before.
        (["match: {path: '/a/{x}'}, redirect: '/a/{x}x'"], "GET https://example.com/a/x"),
        # Only this one value is redirected to itself.
        (["match: {path: '/{x}', where: {x: 'a|c'}}, redirect: /c"], "GET https://example.com/c"),
        (
            ["match: {path: '/a', query: {q: {present: true}}}, redirect: {location: /a, keep_query: true}"],
            "GET https://example.com/a?q=x",
        ),
        (["match: {path: '/a', method: POST}, redirect: {location: /a, status: 307}"], "POST https://example.com/a"),
        (["match: {path: /a}, redirect: /b", "match: {path: /b}, redirect: /a"], "GET https://example.com/a"),
        ([APEX, "match: {host: www.example.com}, redirect: {host: example.com}"], "GET https://example.com/"),
        (["match: {host: www.example.com}, redirect: {location: 'https://www.example.com/'}"], "GET https://www.example.com/"),
        ([f"match: {{path: '/u/{{x}}'}}, redirect: '/u/{{claim.sub}}', {TOKEN}"], "GET https://example.com/u/x"),
        (
            ["match: {path: /d/x}, forward: origin", "match: {path: '/d/{x}'}, redirect: '/d/%78%78'"],
            "GET https://example.com/d/xx",
        ),
        (
            ["match: {host: '{t}.example.com', path: /a}, redirect: {host: '{t}.example.com', path: /a}"],
            "GET https://x.example.com/a",
        ),
        (
            ["match: {host: ['{t}.example.com', '{t}.eu.example.com']}, redirect: {host: '{t}.eu.example.com'}"],
            "GET https://x.eu.example.com/",
        ),
        # Only this one label is redirected to itself.
        (
            ["match: {host: '{t}.example.com', where: {t: 'a|b'}}, redirect: {host: b.example.com}"],
            "GET https://b.example.com/",
        ),
        (["match: {path: '/r/{x...}'}, redirect: '/r/s/{x}'"], "GET https://example.com/r/s/"),
        # Of the requests of the first redirect, only some are redirected back.
        (
            [
                "match: {host: a.example.com}, redirect: {host: b.example.com}",
                "match: {host: b.example.com, path: /x/*}, redirect: {host: a.example.com}",
            ],
            "GET https://a.example.com/x/",
        ),
        (
            [
                "match: {path: '/a/{x...}'}, redirect: {location: '/b/{x}', keep_query: true}",
                "match: {path: '/b/{x...}', query: {q: '1'}}, redirect: {location: '/a/{x}', keep_query: true}",
            ],
            "GET https://example.com/a/x?q=1",
        ),
        (
            [
                "match: {path: '/a/{x}'}, redirect: '/b/{x}'",
                "match: {path: '/b/{x}', where: {x: 'y+'}}, redirect: '/c/{x}'",
                "match: {path: '/c/{x}', where: {x: 'y|z'}}, redirect: '/a/{x}'",
            ],
            "GET https://example.com/a/y",
        ),
        (
            [
                "match: {host: a.example.com, method: [GET, PUT]}, redirect: {host: b.example.com, status: 307}",
                "match: {host: b.example.com, method: PUT}, redirect: {host: c.example.com, status: 308}",
                "match: {host: c.example.com}, redirect: {host: a.example.com, status: 308}",
            ],
            "PUT https://a.example.com/",
        ),
        (
            [
                "match: {path: /s, scheme: https}, redirect: {host: a.example.com, scheme: http}",
                "match: {path: /s, scheme: http, host: a.example.com}, redirect: {host: a.example.com}",
            ],
            "GET https://a.example.com/s",
        ),
        (
            [
                "match: {path: /h, header: {x-a: '1'}}, redirect: /i",
                "match: {path: /i, client_ip: 198.51.100.7}, redirect: /h",
            ],
            "GET https://example.com/h",
        ),
    ],
)
def test_a_circle(routes: list[str], request_again: str) -> None:
    ((number, request),) = loops_of(*routes)
    assert request == request_again
    assert "redirect" in routes[number]


@pytest.mark.parametrize(
    "routes",
    [
        [APEX],
        [APEX, "forward: origin"],
        ["match: {host: www.example.com}, forward: origin", "redirect: {host: www.example.com}"],
        # Nobody gets it over http, and Fastly serves https only.
        ["match: {host: www.example.com, scheme: http}, redirect: {host: www.example.com}"],
        ["match: {path: '/a/{x}'}, redirect: '/b/{x}'"],
        ["match: {path: '/a/{x}/'}, redirect: '/a/{x}'"],
        ["match: {path: '/a/{x...}'}, redirect: '/b/{x}'"],
        ["match: {host: '{t}.example.com'}, redirect: {host: '{t}.eu.example.com'}"],
        ["match: {host: '{t}.example.com', where: {t: 'a|b'}}, redirect: {host: c.example.com}"],
        ["match: {path: '/{x}', where: {x: 'a|b'}}, redirect: /c"],
        ["match: {path: '/a', query: {q: {present: true}}}, redirect: /a"],
        ["match: {path: '/a', method: POST}, redirect: {location: /a, status: 303}"],
        ["match: {path: /c}, forward: origin", "match: {path: '/{x}'}, redirect: /c"],
        ["match: {path: '/x', websocket: true}, redirect: /x"],
        # No route names this host, so it can be another server's.
        ["match: {path: /shop/}, redirect: 'https://shop.example.com/shop/'"],
        ["match: {path: /a, where: {}}, redirect: /b", "match: {path: /b}, redirect: /c"],
        ["match: {path: '/a/{x}', where: {x: '[a-z]+'}}, redirect: '/a/{x}%2Fy'"],
        # What the second one takes never comes from the first one, or is not led back to it.
        [
            "match: {host: a.example.com, path: /x/*}, redirect: {host: b.example.com}",
            "match: {host: b.example.com, path: /y/*}, redirect: {host: a.example.com}",
        ],
        [
            "match: {path: '/a/{x}', query: {q: '1'}}, redirect: '/b/{x}'",
            "match: {path: '/b/{x}'}, redirect: {location: '/a/{x}', keep_query: true}",
        ],
        [
            "match: {path: /p, method: PUT}, redirect: {location: /q, status: 307}",
            "match: {path: /q}, redirect: {location: /p, status: 302}",
        ],
    ],
)
def test_no_circle(routes: list[str]) -> None:
    assert loops_of(*routes) == []
