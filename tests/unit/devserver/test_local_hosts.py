"""The host that a local edge's own names stand for."""

from dataclasses import replace

import pytest
from click import BadParameter

from fanroute.cli.serve import serve
from fanroute.devserver.config import Stores, host_entries
from fanroute.devserver.request_log import host_mismatch, make_explainer
from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute_runtime.messages import ToFanout
from fanroute_runtime.plan import Handoff, Match, Plan, Route
from tests.conftest import INPUTS, REPOSITORY

STARTER = compile_routes((REPOSITORY / "routes.yaml").read_bytes(), INPUTS)
OWN = "fanroute-starter.edgecompute.app"
PRODUCTION = "SU1Z0isxPaozGVKXdv0eY"
BY_SCHEME = compile_routes(
    b"""
version: 1
service: {name: chat}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - {name: secure, match: {host: chat.example.com, scheme: https}, handoff: origin}
  - {name: own, match: {host: localhost}, handoff: origin}
""",
    INPUTS,
)


def route_of(compiled: Compiled, url: str, as_host: str, service: str | None = None) -> str:
    """Returns the route that takes a request if local names stand for a host, or "" if none does."""
    stores = Stores().with_local_store(host_entries(compiled.plan.routes, as_host)).config
    request = RequestData("GET", url, configs=stores)
    taken = Tracer(compiled.plan, "self").route_of(request if service is None else replace(request, service=service))
    return taken.name if taken else ""


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:7676", "[::1]:1", "localhost."])
def test_local_names_stand_for_the_services_host(host: str) -> None:
    assert route_of(STARTER, f"http://{host}/test/sse", OWN) == "test-sse"


@pytest.mark.parametrize("host", ["localhost.a.com", "127.0.0.2", "0.0.0.0", "[::2]", "x.localhost", "127.0.0.1.nip.io", "127.1"])
def test_other_names_are_what_they_are(host: str) -> None:
    assert route_of(STARTER, f"http://{host}/test/sse", OWN) == "everything-else"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_in_production_they_stand_for_nothing(host: str) -> None:
    """Not even if a service has such a store."""
    assert route_of(STARTER, f"http://{host}/test/sse", OWN, PRODUCTION) == "everything-else"


def test_a_scheme_can_be_chosen_too() -> None:
    assert route_of(BY_SCHEME, "http://127.0.0.1/", "https://chat.example.com") == "secure"
    assert route_of(BY_SCHEME, "http://127.0.0.1/", "chat.example.com") == ""
    assert route_of(BY_SCHEME, "https://127.0.0.1/", "chat.example.com") == "secure"
    assert route_of(BY_SCHEME, "https://127.0.0.1/", "http://chat.example.com") == ""


def test_a_name_that_a_route_matches_stands_for_itself() -> None:
    assert route_of(BY_SCHEME, "https://localhost/", "chat.example.com") == "own"
    assert set(host_entries([Route("", Match(hosts=("localhost", "[::1]")), Handoff("a"))], "b")) == {"host 127.0.0.1"}
    assert host_entries(BY_SCHEME.plan.routes, "") == {}


def test_only_matching_takes_it_for_another_host() -> None:
    """A backend gets the host and scheme that the client used."""
    stores = Stores().with_local_store(host_entries(STARTER.plan.routes, "https://" + OWN)).config
    decision = Tracer(STARTER.plan, "self").trace(RequestData("GET", "http://127.0.0.1:7676/test/sse", configs=stores)).decision
    assert isinstance(decision, ToFanout)
    headers = dict(decision.headers.set)
    assert (headers["x-forwarded-host"], headers["x-forwarded-proto"]) == (b"127.0.0.1:7676", b"http")


def test_it_is_said_that_only_the_host_keeps_a_request_from_a_route() -> None:
    tracer = Tracer(STARTER.plan, "self")
    mismatch = host_mismatch(tracer.trace(RequestData("GET", "http://a/test/sse")), STARTER.plan)
    assert "the route 'test-sse' is for *.edgecompute.app" in mismatch
    for url in ("http://a/other", f"http://{OWN}/test/sse", f"http://{OWN}/other"):
        assert host_mismatch(tracer.trace(RequestData("GET", url)), STARTER.plan) == ""


def test_who_names_the_host_of_a_route_hears_of_no_other() -> None:
    routes = tuple(Route(host, Match(hosts=(host,)), Handoff("o")) for host in ("a.example.com", "b.example.com"))
    plan = Plan("x", (*routes, Route("rest", Match(), Handoff("o"))))
    tracer = Tracer(plan, "")
    for host, told in (("b.example.com", ""), ("a.example.com", ""), ("c.example.com", "'a.example.com'")):
        mismatch = host_mismatch(tracer.trace(RequestData("GET", f"http://{host}/")), plan)
        assert (told in mismatch) if told else not mismatch


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("viceroy: handling request GET http://a.example.com/test/sse", True),
        ("viceroy: handling request GET http://127.0.0.1:7676/test/sse", False),
        ("viceroy: handling request GET http://a.example.com/x", False),
        ("viceroy: response status: 200", False),
        ("GET", False),
        ("", False),
    ],
)
def test_a_log_says_it_too(line: str, told: bool) -> None:
    explain = make_explainer(Tracer(STARTER.plan, "self"), host_entries(STARTER.plan.routes, OWN))
    assert (explain(line) != line) is told
    assert explain(line).startswith(line)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("example.com", "example.com"),
        ("example.com.", "example.com"),
        ("https://Example.COM.", "https://example.com"),
        ("HTTP://a_b", "http://a_b"),
        ("127.0.0.1.", "127.0.0.1"),
    ],
)
def test_a_host_is_given_as_a_request_has_it(given: str, host: str) -> None:
    """With any case and a final dot, as `host_name` takes the host of a request."""
    assert serve.make_context("serve", ["--as-host", given]).params["as_host"] == host
    name = given.lower().rpartition("://")[2]
    assert serve.make_context("serve", ["--allow-host", name]).params["allowed"] == {host.rpartition("://")[2]}


NO_HOSTS = """
. example.com.. example.com:80 example.com.:80 a@example.com *.example.com https:// ftp://a ://a https://a/
[::1] http://https://a é.example.com
""".split()


@pytest.mark.parametrize("given", [*NO_HOSTS, "", "a b"])
def test_what_is_no_host_is_told(given: str) -> None:
    with pytest.raises(BadParameter) as raised:
        serve.make_context("serve", ["--as-host", given])
    suggestion = "write chat.example.com or https://chat.example.com, without a port"
    assert raised.value.message == f"{given!r} is not a host: {suggestion}"
