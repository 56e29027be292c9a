"""Tests the checks of `client_ip`: FR450 to FR453."""

from time import process_time

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


def codes_of(*networks: str) -> list[str]:
    """Returns the codes that are reported for a `client_ip`, without FR453."""
    places = ", ".join(f"'{network}'" for network in networks)
    text = START.replace("203.0.113.0/24", f"[{places}]") + "  - {match: {path: /admin/*}, respond: {status: 403}}\n"
    return [found.code for found in compile_routes(text.encode(), INPUTS).diagnostics]


@pytest.mark.parametrize(
    ("networks", "codes"),
    [
        (["::ffff:203.0.113.0/120"], []),
        (["::ffff:203.0.113.7"], []),
        (["::ffff:c633:6400/120", "198.51.100.7"], ["FR450"]),
        (["::ffff:0:0/96"], ["FR451"]),
        (["::ffff:0:0/97", "128.0.0.0/1"], ["FR451"]),
        (["::ffff:127.0.0.1"], ["FR452"]),
        (["::ffff:10.0.0.0/104", "fd00::/8"], ["FR452"]),
        # It has the mapped addresses too, but those count as IPv4, and the others are nobody's.
        (["::fffe:0:0/95"], ["FR452"]),
        (["2000::/4", "3000::/4"], ["FR451"]),
        (["2000::/4"], []),
        (["4000::/3"], ["FR452"]),
        # What is left of IPv4 without the private networks.
        (["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"], ["FR451"]),
        (["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/4"], []),
        # One within another within a third, and one that appears three times.
        (["203.0.113.7", "203.0.113.0/24", "203.0.0.0/16"], ["FR450", "FR450"]),
        (["203.0.113.7"] * 3, ["FR450", "FR450"]),
        (["203.0.113.0/25", "203.0.113.128/25"], []),
        (["203.0.113.0/25", "2001:db8::/32", "203.0.112.0/25", "203.0.113.7"], ["FR450"]),
    ],
)
def test_networks(networks: list[str], codes: list[str]) -> None:
    assert codes_of(*networks) == codes


def test_many_networks_take_little_time() -> None:
    networks = [f"{20 + number // 65536}.{number // 256 % 256}.{number % 256}.0/25" for number in range(10_000)]
    begin = process_time()
    assert codes_of(*networks) == []
    assert process_time() - begin < 5  # it takes 0.5 s on its own, and 23 s if each network is compared with each other one


def test_a_backend_with_the_same_url_is_the_same_server() -> None:
    backends = '{origin: {url: "https://a.example.com"}, again: {url: "https://A.example.com:443"}}'
    text = START.replace('{origin: {url: "https://a.example.com"}, other: {url: "https://b.example.com"}}', backends)
    found = compile_routes(f"{text}  - forward: again\n".encode(), INPUTS).diagnostics
    assert [one.request for one in found if one.code == "FR453"] == ["GET https://example.com/admin/"]
