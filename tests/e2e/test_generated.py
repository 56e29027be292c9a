"""Generated routes on Viceroy: generated requests get what docs/language says, by the reference in tests/property."""

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest
import tomlkit
from hypothesis import HealthCheck, Phase, given, settings

from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import trace
from fanroute_runtime.messages import ToFanout
from fanroute_runtime.plan import Plan
from tests.conftest import INPUTS
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, running
from tests.e2e.origin import Origin
from tests.property import reference
from tests.property.language import STORED, some_together, written
from tests.property.requests import requests
from tests.property.test_component import ROUTES, answered, from_fanout
from tests.support.counts import COUNTS
from tests.support.pins import pin

Data = dict[str, Any]
Served = tuple[Data, Plan, Edge]


@pytest.fixture(scope="module")
def served(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Viceroy with generated routes, and these routes as data and as a Plan."""
    spec = some_together(ROUTES)
    local = {name: backend | {"local": origin.url} for name, backend in spec["backends"].items() if "url" in backend}
    raw = written(spec | {"backends": spec["backends"] | local}, {"sort_keys": False})
    folder = tmp_path_factory.mktemp("generated-viceroy")
    (folder / "routes.yaml").write_bytes(raw)
    entries = {store: [{"key": name, "data": "x"} for name in names] for store, names in STORED.items()}
    (folder / "fastly.toml").write_text(tomlkit.dumps({"manifest_version": 3, "local_server": {"secret_stores": entries}}))
    with running("viceroy", folder) as edge:
        yield spec, compile_routes(raw, INPUTS).plan, edge


def observed(edge: Edge, asked: RequestData) -> reference.Outcome:
    """Returns the outcome of a request. It is written to a socket as it is, because an HTTP client would correct its target."""
    parts = urlsplit(asked.url)
    target = asked.url[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
    head = [f"{asked.verb} {target} HTTP/1.1".encode(), b"Host: " + parts.netloc.encode(), b"Connection: close"]
    head += [name.encode() + b": " + value for name, value in asked.headers]
    head += [b"Content-Length: %d" % len(asked.content)] if asked.content else []
    with socket.create_connection(("127.0.0.1", edge.port), timeout=ANSWER_TIMEOUT) as client:
        client.sendall(b"\r\n".join([*head, b"", asked.content]))
        answer = HTTPResponse(client, method=asked.verb)
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if "aiohttp" in headers.get("server", ""):  # our origin
            return "passed on", ""
        return answered(answer.status, headers, answer.read())


def generated(spec: Data, wanted: int) -> list[RequestData]:
    """Returns generated requests.

    They are asked afterwards. In a test of hypothesis that asked them, it sometimes found its own generation inconsistent.
    """
    found: list[RequestData] = []

    @settings(max_examples=wanted, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(requests(spec))
    def collect(asked: RequestData) -> None:
        found.append(asked)

    collect()
    return found


@pytest.mark.viceroy
def test_viceroy_does_what_is_said(served: Served) -> None:
    spec, plan, edge = served
    asked_of_viceroy = 0
    for asked in generated(spec, 600):
        sendable, expected = prepared(spec, plan, asked)
        if sendable is not None:
            asked_of_viceroy += 1
            assert observed(edge, sendable) == expected, asked
    assert asked_of_viceroy >= 200
    COUNTS["pairs of generated routes and a request, asked of Viceroy over HTTP"] += asked_of_viceroy


def prepared(spec: Data, plan: Plan, asked: RequestData) -> tuple[RequestData | None, reference.Outcome]:
    """Returns what to send for a request, as a client or as Fanout, and what comes of it. None if it cannot be sent here."""
    # Our origin knows no `get`, and Viceroy's clients are all on this machine.
    asked = replace(asked, verb=asked.verb.upper(), address="127.0.0.1")
    if not re.fullmatch(r"[a-z]+://[\w.:-]+(/.*)?", asked.url, re.ASCII):
        asked = replace(asked, url=re.sub(r"//[^/?]*", "//x.example.com", asked.url, count=1))  # a Host that is none is refused
    facts = reference.facts(asked.verb, asked.url, asked.headers, asked.address)
    expected = reference.outcome(spec, facts)
    passed_on: reference.Outcome = ("passed on", "")
    # A WebSocket to our origin needs a complete handshake, and for Pushpin any method with an Upgrade is one.
    if expected[0] in ("handoff", "tunnel") and facts.headers.get("upgrade", "").lower() == "websocket":
        return None, expected
    decision = trace(plan, "self", asked).decision
    if isinstance(decision, ToFanout) and decision.backend == "self":
        forwarded = (("x-forwarded-host", urlsplit(asked.url).netloc.encode()), ("x-forwarded-proto", facts.scheme.encode()))
        others = tuple(pair for pair in asked.headers if not pair[0].startswith("x-forwarded-"))
        pinned = pin(plan, asked.url, *asked.headers, verb=asked.verb, address=asked.address)
        asked = from_fanout(replace(asked, headers=(*others, *forwarded, *pinned)), facts.websocket)
    elif facts.scheme != "http":  # Viceroy listens without TLS: only Fanout can ask for a client that has it
        return None, expected
    return asked, passed_on if expected[0] in ("handoff", "forward") else expected
