"""Tests the sample requests that a component serves while it is built."""

from fanroute.codegen.samples import sample_requests
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import make_full_decider
from fanroute_runtime.messages import Answer, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import Plan
from tests.conftest import INPUTS

ROUTES = b"""\
version: 1
service: {name: s}
backends: {origin: {url: "http://o.example"}, self: {loopback: true}}
routes:
  - match: {path: "/rooms/{room}", where: {room: "[a-z]{3}[0-9]"}, header: {x-key: k}}
    stream: {channel: "room-{room}"}
  - {match: {path: /other}, stream: {channel: other}}
  - {match: {path: /poll}, long_poll: {channel: poll}}
  - {match: {path: /socket}, websocket: {channel: socket}}
  - {match: {path: /tunnel}, tunnel: origin}
  - {match: {path: /gone}, respond: {status: 410}}
  - {match: {path: "/*", method: POST}, forward: origin}
  - {handoff: origin}
"""


def test_one_of_each_kind() -> None:
    plan = compile_routes(ROUTES, INPUTS).plan
    decider = make_full_decider(plan)
    decisions = [decider.decide(RequestData(*sample)) for sample in sample_requests(plan)]
    assert [(type(decision), getattr(decision, "backend", "")) for decision in decisions] == [
        (ToFanout, "self"),
        (ToFanout, "self"),
        (ToFanout, "self"),
        (ToWebSocket, "origin"),
        (Answer, ""),
        (ToBackend, "origin"),
        (ToFanout, "origin"),
    ]
    # The sample of the first stream satisfies its route's conditions.
    (method, uri, headers), *_ = sample_requests(plan)
    assert (method, uri[:-1].rpartition("/")[0], headers) == ("GET", "https://example.com/rooms", (("x-key", b"k"),))


def test_without_routes_there_are_none() -> None:
    assert sample_requests(Plan("s", ())) == ()
