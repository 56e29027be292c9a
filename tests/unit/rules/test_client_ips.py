"""Tests FR453: clients with other addresses reach the same backend by a later route."""

import pytest

from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

START = """
version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}, other: {url: "https://b.example.com"}}
routes:
  - match: {path: /admin/*, client_ip: 203.0.113.0/24}
    forward: origin
"""


def requests_of_others(*routes: str) -> list[str]:
    """Returns the request that FR453 shows, if it is reported."""
    text = START + "".join(f"  - {{{route}}}\n" for route in routes)
    return [found.request for found in compile_routes(text.encode(), INPUTS).diagnostics if found.code == "FR453"]


@pytest.mark.parametrize(
    ("routes", "request_line"),
    [
        (["forward: origin"], "GET https://example.com/admin/"),
        (["handoff: origin"], "GET https://example.com/admin/"),
        (["match: {path: /admin/help}, respond: {status: 403}", "forward: origin"], "GET https://example.com/admin/"),
        (["match: {method: GET}, respond: {status: 403}", "forward: origin"], "POST https://example.com/admin/"),
        (
            ["match: {client_ip: 0.0.0.0/0}, respond: {status: 403}", "forward: origin"],
            "GET https://example.com/admin/ --client-ip 2001:db8::1",
        ),
        (
            ["match: {client_ip: [0.0.0.0/0, '::/0']}, respond: {status: 403}", "forward: origin"],
            "GET https://example.com/admin/ --client-ip unknown",
        ),
    ],
)
def test_others_get_there(routes: list[str], request_line: str) -> None:
    assert requests_of_others(*routes) == [request_line]


@pytest.mark.parametrize(
    "routes",
    [
        [],
        ["match: {path: /*}, respond: {status: 403}", "forward: origin"],
        ["match: {path: /admin/*}, forward: other", "forward: origin"],
        ["match: {path: /other}, forward: origin"],
        ["forward: origin, request_headers: {set: {X-External: '1'}}"],
        ["respond: {status: 404}"],
    ],
)
def test_nobody_else_gets_there(routes: list[str]) -> None:
    assert requests_of_others(*routes) == []
