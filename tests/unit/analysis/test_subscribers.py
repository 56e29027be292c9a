"""Tests which routes can have a channel, and that the request that is made from the values gets it."""

import pytest

from fanroute.analysis.channels import Reference, find_values
from fanroute.analysis.examples import example_headers, example_target, example_values, needed_host
from fanroute.analysis.subscribers import channel_names, find_subscribers
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute.routetests.outcome import predict, subscribed_channels
from fanroute_runtime.plan import Bound
from tests.conftest import INPUTS

ROUTES = b"""
version: 1
service: {name: chat}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - {name: fixed, match: {path: /fixed}, sse: {channel: [news, other]}}
  - name: room
    match: {path: "/rooms/{room}", where: {room: "[a-z]{1,8}"}}
    stream: {channel: "room-{room}"}
  - name: socket
    match: {path: "/sockets/{room}"}
    websocket: {channel: "room-{room}"}
  - name: query
    match: {path: /query, query: {id: {present: true}, kind: [a, b]}}
    long_poll: {channel: "{query.kind}:{query.id}"}
  - name: header
    match: {path: "/header/{a}", header: {x-b: {present: true}}}
    sse: {channel: "{a}/{header.x-b}/{a}"}
  - name: tenant
    match: {host: "{tenant}.example.com", path: "/tenants/{room}", where: {tenant: "[a-z-]+"}}
    sse: {channel: "{tenant}.{room}"}
  - handoff: origin
"""
COMPILED = compile_routes(ROUTES, INPUTS)
HOST = "chat.example.com"
TRACER = Tracer(COMPILED.plan, COMPILED.loopback)


@pytest.mark.parametrize(
    ("channel", "routes"),
    [
        ("news", ["fixed"]),
        ("other", ["fixed"]),
        ("new", []),
        ("room-blue", ["room", "socket"]),
        ("room-Blue", ["socket"]),
        ("room-", []),
        ("room-blue,x", []),
        ("room-blu\u00e9", []),
        ("room-" + "x" * 300, []),
        ("a:7", ["query"]),
        ("c:7", []),
        ("b::", ["query"]),
        ("x/y/x", ["header"]),
        ("x/y/z", []),
        ("a/b/c/b/a", ["header"]),
        ("acme.x.y", ["tenant"]),
        ("-.x", []),
        ("ACME.x", []),
        ("", []),
    ],
)
def test_a_channel_has_routes_whose_requests_get_it(channel: str, routes: list[str]) -> None:
    found = find_subscribers(COMPILED.plan, channel)
    assert [subscriber.route.name for subscriber in found] == routes
    for subscriber in found:
        values = example_values(subscriber.route.match) | subscriber.values
        headers = [(name, value.encode()) for name, value in example_headers(values)]
        if subscriber.kind == "websocket":
            headers.append(("upgrade", b"websocket"))
        host = needed_host(subscriber.route.match, values, HOST) or HOST
        request = RequestData("GET", f"http://{host}{example_target(subscriber.route.match, values)}", tuple(headers))
        outcome = predict(TRACER, request)
        assert COMPILED.plan.routes[outcome.route or 0] == subscriber.route
        assert channel in subscribed_channels(outcome.answer)


def test_a_value_may_have_the_text_around_it() -> None:
    (subscriber,) = find_subscribers(COMPILED.plan, "b:b:b")
    assert subscriber.values == {Bound("query", "kind"): "b", Bound("query", "id"): "b:b"}


def test_no_search_is_made_twice() -> None:
    """There are more than 10 ** 9 ways to divide this text among the references, and none fits."""
    names = [Bound("path", name) for name in "abcdef"]
    template = tuple(part for name in names for part in (Reference(name), ":"))
    assert find_values((*template, "!"), ":" * 255 + "?") is None
    assert find_values(template, "x:" * 6) == dict.fromkeys(names, "x")


def test_a_template_gives_a_text_with_no_values() -> None:
    assert find_values(("news",), "news") == {}
    assert find_values(("news",), "newsletter") is None
    assert find_values((), "news") is None


def test_the_channels_are_listed_as_they_are_written() -> None:
    names = ["news", "other", "room-{room}", "{query.kind}:{query.id}", "{a}/{header.x-b}/{a}", "{tenant}.{room}"]
    assert channel_names(COMPILED.plan) == names
