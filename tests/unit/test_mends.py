"""What is told instead of values that other tools take."""

import pytest

from fanroute.diagnostics import Invalid
from fanroute.pipeline import compile_routes
from tests.conftest import SURROUNDINGS

KEYS = "keys: {algorithm: HS256, secret_store: a, name: b}"


@pytest.mark.parametrize(
    ("backend", "route", "mend"),
    [
        ("", 'stream: {channel: a, cors: "*"}', 'write cors: {origins: "*"}'),
        ("", "stream: {channel: a, cors: https://a.example}", 'write cors: {origins: "https://a.example"}'),
        ("", "stream: {channel: a, cors: 1}", ""),
        ("", "match: {method: 'GET,POST'}, handoff: origin", "write [GET, POST]"),
        ("", "match: {method: 'GET | HEAD'}, handoff: origin", "write [GET, HEAD]"),
        ("", "match: {method: ['PUT, PATCH']}, handoff: origin", "write [PUT, PATCH]"),
        ("", "match: {method: '{}'}, handoff: origin", "write GET"),
        ("", f"auth: {{{KEYS}, any_channel: false}}, handoff: origin", "write true, or leave the key out"),
        (", strict_paths: false", "handoff: origin", "write true, or leave the key out"),
        (", strict_paths: no", "handoff: origin", "write true, or leave the key out"),
    ],
)
def test_what_to_write_instead(backend: str, route: str, mend: str) -> None:
    backends = f"{{origin: {{url: 'https://a.example.com'{backend}}}, self: {{loopback: true}}}}"
    text = f"version: 1\nservice: {{name: x}}\nbackends: {backends}\nroutes:\n  - {{{route}}}\n"
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), SURROUNDINGS)
    assert mend in [found.suggestion for found in invalid.value.diagnostics if found.code == "FR204"]


@pytest.mark.parametrize(
    ("match", "mend"),
    [
        ("host: *", "leave 'host' out: without it, any host matches"),
        ("host: [*, a.example.com]", "leave 'host' out: without it, any host matches"),
        ("{host: *}", "leave 'host' out: without it, any host matches"),
        ('host: "*"', "leave 'host' out: without it, any host matches"),
        ('host: ["*"]', "leave 'host' out: without it, any host matches"),
        ("method: *", "leave 'method' out: without it, any method matches"),
        ("path: *", 'write "/*"'),
        ("header: {x-a: *}", "write {present: true} if any value is meant"),
        ("query: {a: *}", "write {present: true} if any value is meant"),
        ("query:\n        a: *", 'write "*"'),
        ("host: *.example.com", 'write "*.example.com"'),
        ("path: /a\n    forward: *", 'write "*"'),
    ],
)
def test_what_to_write_instead_of_a_star(match: str, mend: str) -> None:
    backends = "{origin: {url: 'https://a.example.com'}}"
    text = f"version: 1\nservice: {{name: x}}\nbackends: {backends}\nroutes:\n  - match:\n      {match}\n    handoff: origin\n"
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), SURROUNDINGS)
    assert mend in [found.suggestion for found in invalid.value.diagnostics]
