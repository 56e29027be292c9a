"""Tests the suggestions for values that other tools accept."""

import pytest

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

KEYS = "keys: {algorithm: HS256, secret_store: a, name: b}"


@pytest.mark.parametrize(
    ("backend", "route", "mend"),
    [
        ("", 'stream: {channel: a, cors: "*"}', 'write cors: {origins: "*"}'),
        ("", "stream: {channel: a, cors: https://a.example}", 'write cors: {origins: "https://a.example"}'),
        (
            "",
            "stream: {channel: a, cors: 1}",
            "write a mapping, such as cors: {origins: https://www.example.com, headers: Authorization, credentials: true}",
        ),
        ("", "tunnel: [origin]", 'write tunnel: "origin"'),
        ("", "handoff: [origin]", 'write handoff: "origin"'),
        ("", "stream: room", 'write stream: {channel: "room"}'),
        ("", "sse: [a, b]", 'write sse: {channel: ["a", "b"]}'),
        ("", "respond: 404", "write respond: {status: 404}"),
        (
            "",
            "respond: hello",
            'write a mapping, such as respond: {status: 200, content_type: application/json, body: "{\\"ok\\": true}"}',
        ),
        ("", "match: /a, handoff: origin", 'write match: {path: "/a"}'),
        ("", "match: [x], handoff: origin", 'write match with one of {host: "x"} and {method: "x"}'),
        (
            "",
            "handoff: origin, request_headers: [x-a]",
            "write a mapping, such as request_headers: {set: {X-Edge: fanroute}, remove: [X-Debug]}",
        ),
        ("", "match: {header: x-a}, handoff: origin", "write header: {NAME: …}"),
        ("", "handoff: origin, request_headers: {remove: {x-a: y}}", 'write remove: ["x-a"]'),
        ("", "respond: {status: '200'}", "write status: 200, in decimal digits and without quotes"),
        ("", "match: {websocket: yes}, handoff: origin", "write websocket: true"),
        ("", "match: {websocket: Off}, handoff: origin", "write websocket: false"),
        ("", "match: {websocket: 'true'}, handoff: origin", "write websocket: true"),
        ("", "match: {websocket: 1}, handoff: origin", "write websocket: true"),
        ("", "match: {websocket: maybe}, handoff: origin", "write websocket: true, or websocket: false"),
        ("", "forward: {backend: origin, cors: {origins: '*', backend_answers: yes}}", "write backend_answers: true"),
        ("", "match: {scheme: wss}, handoff: origin", "write scheme: https, websocket: true"),
        ("", "match: {scheme: HTTP}, handoff: origin", "write 'http' or 'https'"),
        ("", "match: {path: '/q/:room?'}, handoff: origin", "write a route for '/q' and another for '/q/{room}'"),
        ("", "match: {path: '/q/{room}?'}, handoff: origin", "write a route for '/q' and another for '/q/{room}'"),
        ("", "match: {path: '/{lang?}'}, handoff: origin", "write a route for '/' and another for '/{lang}'"),
        ("", "match: {path: '/q/x?'}, handoff: origin", "write '/q/x', and 'query:' for parameters"),
        ("", "match: {path: '/q?a=b'}, handoff: origin", "write '/q', and 'query:' for parameters"),
        ("", "match: {method: 'GET,POST'}, handoff: origin", "write [GET, POST]"),
        ("", "match: {method: 'GET | HEAD'}, handoff: origin", "write [GET, HEAD]"),
        ("", "match: {method: ['PUT, PATCH']}, handoff: origin", "write [PUT, PATCH]"),
        ("", "match: {method: '{}'}, handoff: origin", "write a method such as GET"),
        ("", f"auth: {{{KEYS}, any_channel: false}}, handoff: origin", "write true, or leave the key out"),
        (", strict_paths: false", "handoff: origin", "write true, or leave the key out"),
        (", strict_paths: no", "handoff: origin", "write true, or leave the key out"),
    ],
)
def test_what_to_write_instead(backend: str, route: str, mend: str) -> None:
    backends = f"{{origin: {{url: 'https://a.example.com'{backend}}}, self: {{loopback: true}}}}"
    text = f"version: 1\nservice: {{name: x}}\nbackends: {backends}\nroutes:\n  - {{{route}}}\n"
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), INPUTS)
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
        ("query:\n        a: *", 'write a: "*"'),
        ("host: *.example.com", 'write host: "*.example.com"'),
        ("path: /a\n    forward: *", 'write forward: "*"'),
    ],
)
def test_what_to_write_instead_of_a_star(match: str, mend: str) -> None:
    backends = "{origin: {url: 'https://a.example.com'}}"
    text = f"version: 1\nservice: {{name: x}}\nbackends: {backends}\nroutes:\n  - match:\n      {match}\n    handoff: origin\n"
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), INPUTS)
    assert mend in [found.suggestion for found in invalid.value.diagnostics]


@pytest.mark.parametrize("method", ["websocket", "WebSocket", "ws", "WSS", "upgrade"])
def test_a_websocket_is_no_method(method: str) -> None:
    text = "version: 1\nservice: {name: x}\nbackends: {origin: {url: 'https://a.example.com'}}\nroutes:\n"
    text += f"  - {{match: {{method: {method}}}, handoff: origin}}\n"
    (told,) = [one for one in compile_routes(text.encode(), INPUTS).diagnostics if one.code == "FR406"]
    assert told.suggestion == "write 'websocket: true' instead"
