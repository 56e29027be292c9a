"""Compares the interpreted Plan with its component: both do the same with the same request, whatever the host does."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fanroute.host.component import CALLS, INFALLIBLE
from fanroute.host.exchange import Exchange, HostError
from fanroute.host.interpreted import InterpretedComponent
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute_runtime.plan import Plan
from tests.component.test_agreement import PLAN as LANGUAGE
from tests.component.test_agreement import REQUESTS as GENERATED
from tests.component.test_agreement import ask, connection, language
from tests.component.test_component import GATHERED, PLAN, REQUESTS, Host, errors_of, host, session_host
from tests.component.test_sandbox import Line

__all__ = ["host", "language", "session_host"]
TRACER = Tracer(LANGUAGE, "self")


def interpreted(component: Host, plan: Plan) -> Host:
    """Returns a host like that of a component, for the interpreted Plan."""
    other = copy.copy(component)
    other.calls = []
    other.component = InterpretedComponent(plan, other._intercept)  # type: ignore[assignment]
    return other


def done(asked: Host, exchange: Exchange | None) -> Any:
    """Returns what was done with a request, and which request a backend got."""
    if exchange is None:
        return None
    return exchange.uri, exchange.headers, exchange.handoff, exchange.tunnel, exchange.answer, asked.asked, asked.target


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=GENERATED)
def test_it_does_what_the_component_does(language: Host, asked: RequestData) -> None:
    other = interpreted(language, LANGUAGE)
    for request in (asked, replace(TRACER.through_fanout(asked), content=asked.content)):
        facts: dict[str, Any] = {"clock": lambda: asked.time}
        assert done(other, ask(other, request, **facts)) == done(language, ask(language, request, **facts))


@pytest.mark.parametrize("kind", REQUESTS)
def test_it_does_so_for_each_kind(host: Host, kind: str) -> None:
    other = interpreted(host, PLAN)
    assert done(other, other.ask(*REQUESTS[kind])) == done(host, host.ask(*REQUESTS[kind]))


@pytest.mark.parametrize(
    ("name", "error"), [(name, error) for name in CALLS if name not in INFALLIBLE | GATHERED for error in errors_of(name)[:4]]
)
def test_it_does_so_if_a_call_fails(host: Host, name: str, error: str) -> None:
    """Facts that the native `handle` gathers are left out: it reads others than Python does."""

    def fault(index: int, called: str) -> None:
        if called == name:
            raise HostError(error, 100_000 if error == "buffer-len" else None)

    host.fault = fault
    other = interpreted(host, PLAN)
    for request in REQUESTS.values():
        assert done(other, other.ask(*request)) == done(host, host.ask(*request))


def test_it_serves_several_requests_in_a_sandbox(language: Host) -> None:
    """As many as the component, and each as in a sandbox of its own."""
    asked = [RequestData("GET", f"http://chat.example.com/rooms/{number}/events") for number in range(5)]
    lines = []
    for each in (language, interpreted(language, LANGUAGE)):
        line = Line(each, [each.exchange(one.url, one.headers, one.content, **connection(one)) for one in asked])
        assert line.run()
        lines.append((line.waits, [(one.uri, one.headers, one.handoff, one.answer) for one in line.taken]))
    assert lines[0] == lines[1]
    assert len(lines[0][1]) == len(asked)
