"""Tests that the real component agrees with the reference and `fanroute match`, on both passes.

It is built few times, and gets many requests.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.host.exchange import Exchange
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import trace, with_stand_ins
from fanroute.project.workspace import Workspace
from fanroute_runtime.plan import Plan
from tests.component.test_agreement import ask, assert_told
from tests.component.test_component import Host
from tests.conftest import GRIP_SIG, INPUTS, times
from tests.property import reference
from tests.property.language import some_together, written
from tests.property.requests import requests
from tests.support.builds import build_once
from tests.support.counts import COUNTS

Data = dict[str, Any]
Built = tuple[Data, Plan, Host]

ROUTES = 50
# How many components are built: one if the examples are always the same.
COMPONENTS = 1 if settings.default.derandomize else 3
BACKENDS = frozenset({"origin", "other", "self"})
# The domain of the service itself, to which Fanout sends requests.
OWN = "http://r.edgecompute.app"


@pytest.fixture(scope="module", params=range(COMPONENTS))
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Builds a component of generated routes. Gives the routes as data, their Plan, and a host of the component."""
    folder: Path = tmp_path_factory.mktemp("generated")
    spec = some_together(ROUTES)
    raw = written(spec, {"sort_keys": False})
    (folder / "routes.yaml").write_bytes(raw)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return spec, compile_routes(raw, INPUTS).plan, Host(workspace)


def from_fanout(asked: RequestData, websocket: bool) -> RequestData:
    """Returns the request that Fanout sends to the service for a request that was handed off to it."""
    url = OWN + re.sub(r"^https?://[^/?#]*", "", asked.url)
    headers = (*((name.lower(), value) for name, value in asked.headers), ("grip-sig", GRIP_SIG.encode()))
    if not websocket:
        return RequestData(asked.verb, url, headers)
    events = tuple((name, value) for name, value in headers if name != "upgrade")
    return RequestData("POST", url, (*events, ("content-type", b"application/websocket-events")), b"OPEN\r\n")


def answered(status: int, headers: dict[str, str], body: bytes) -> reference.Outcome:
    """Returns the outcome that an answer of the edge stands for."""
    if "grip-channel" in headers:
        return "channels", [channel.partition(";")[0] for channel in headers["grip-channel"].split(", ")]
    if headers.get("content-type") == "application/websocket-events":
        return "channels", subscribed(body)
    return ("redirect", headers["location"]) if "location" in headers else ("answer", status)


def observed(host: Host, exchange: Exchange) -> reference.Outcome:
    """Returns the outcome of a request to the component."""
    if host.asked[0]:
        return "forward", host.asked[0]
    if exchange.handoff is not None:
        return "handoff", exchange.handoff
    if exchange.tunnel is not None:
        return "tunnel", exchange.tunnel
    answer = exchange.answer
    assert answer is not None
    return answered(answer.status, {name: value.decode("latin-1") for name, value in answer.headers}, bytes(answer.body))


def subscribed(events: bytes) -> list[str]:
    """Returns the channels of the subscribe messages in a body of events."""
    messages = map(json.loads, re.findall(rb"c:({.*})\r\n", events))
    return [message["channel"] for message in messages if message["type"] == "subscribe"]


@times(4)
@given(st.data())
def test_the_component_does_what_is_said(built: Built, data: st.DataObject) -> None:
    spec, plan, host = built
    secrets = with_stand_ins({}, plan)
    asked = data.draw(requests(spec))
    facts = reference.facts(asked.verb, asked.url, asked.headers, asked.address)
    first = ask(host, asked, backends=BACKENDS, secret_stores=secrets)
    assert_told(host, asked, trace(plan, "self", asked).decision, first)
    handed_off = replace(asked, headers=tuple(first.headers))
    last = ask(host, from_fanout(handed_off, facts.websocket), backends=BACKENDS) if first.handoff == "self" else first
    COUNTS["pairs of generated routes and a request, asked of the component in-process"] += 1
    assert observed(host, last) == reference.outcome(spec, facts)
    target = reference.target(spec, facts)
    if target is not None and observed(host, last)[0] != "answer":
        assert re.sub(r"^https?://[^/?#]*", "", last.uri) == target
