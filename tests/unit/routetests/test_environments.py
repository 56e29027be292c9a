"""Tests how the hosts of route tests become those of an environment."""

from dataclasses import replace

import pytest

from fanroute.pipeline import compile_routes
from fanroute.routetests import environments
from fanroute.routetests.judge import judge
from fanroute.routetests.read import read_tests
from tests.conftest import INPUTS

ROUTES = b"""
version: 1
service: {name: tenants}
backends: {self: {loopback: true}, origin: {url: "https://app.example.com"}}
environments:
  staging:
    hosts:
      "{tenant}.example.com": "{tenant}.s.example.net"
      "*.example.com": "*.any.example.net"
      admin.example.com: admin.example.net
routes:
  - {name: admin, match: {host: admin.example.com}, respond: {status: 204}}
  - name: tenant
    match: {host: ["{tenant}.example.com", "{tenant}.example.org"]}
    public: true
    sse: {channel: "news-{tenant}"}
  - {name: deeper, match: {host: "*.example.com"}, respond: {status: 404}}
"""


@pytest.mark.parametrize(
    ("host", "renamed", "outcome"),
    [
        ("admin.example.com", "admin.example.net", "{route: admin}"),
        ("acme.example.com", "acme.s.example.net", "{route: tenant, channel: news-acme}"),
        ("Acme.Example.com", "Acme.s.example.net", "{route: tenant, channel: news-acme}"),
        ("acme.example.org", "acme.example.org", "{route: tenant, channel: news-acme}"),
        ("a.b.example.com", "a.b.any.example.net", "{route: deeper}"),
    ],
)
def test_hosts_with_a_parameter(host: str, renamed: str, outcome: str) -> None:
    """One label keeps its place before the host that is another one. More labels are those of `*.`."""
    tests = f"tests:\n  - request: GET https://{host}/\n    expect: {outcome}\n".encode()
    for environment, expected in (("production", host), ("staging", renamed)):
        compiled = compile_routes(ROUTES, replace(INPUTS, environment=environment))
        parsed = environments.tests_in_environment(read_tests(tests, compiled), compiled)
        assert parsed.tests[0].request.url == f"https://{expected}/"
        assert [result.unmet for result in judge(parsed, compiled)] == [()]
