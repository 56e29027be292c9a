"""Tests with generated routes.yaml and requests that all code that chooses a route chooses the same one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanroute.analysis.budget import Budget
from fanroute.analysis.reachability import MAX_TOTAL_STEPS, Reachable, Unreachable, reachability_of
from fanroute.analysis.search import Boxes
from fanroute.analysis.witness import request_of
from fanroute.bundle.builder import app_files
from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import trace
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.plan import Plan, Preflight, Route
from tests.conftest import INPUTS, times
from tests.golden.test_cases import evaluated, shipped
from tests.property import reference
from tests.property.language import STYLES, specs, written
from tests.property.requests import requests
from tests.support.counts import COUNTS

Data = dict[str, Any]


def compiled(spec: Data, style: Data) -> Compiled:
    return compile_routes(written(spec, style), INPUTS)


@given(specs(), STYLES)
def test_what_is_emitted_is_the_plan(spec: Data, style: Data) -> None:
    result = compiled(spec, style)
    files = app_files(result.plan)
    assert evaluated(files) == shipped(result.plan)
    assert app_files(compiled(spec, style).plan) == files


@given(specs(), STYLES, STYLES)
def test_a_way_of_writing_changes_nothing(spec: Data, style: Data, other: Data) -> None:
    assert compiled(spec, style).plan == compiled(spec, other).plan


@times(2)
@given(st.data())
def test_a_request_gets_one_route(data: st.DataObject) -> None:
    spec = data.draw(specs())
    plan = compiled(spec, data.draw(STYLES)).plan
    numbers = {(number, route.action == Preflight()): n for n, (number, route) in enumerate(numbered(plan))}
    matcher = Matcher(plan.routes)
    boxes = Boxes.of(plan)
    reaches = list(reachability_of(boxes, Budget(MAX_TOTAL_STEPS)))
    for number, reach in enumerate(reaches):
        if isinstance(reach, Reachable):
            found = gets(spec, request_of(reach.witness))
            assert found is not None and numbers[found] == number
            COUNTS["witness requests, asked of the reference"] += 1
    COUNTS["generated routes.yaml"] += 1
    for _ in range(10):
        asked = data.draw(requests(spec))
        found = gets(spec, asked)
        number = None if found is None else numbers[found]
        expected = None if number is None else plan.routes[number]
        steps = trace(plan, "self", asked).steps
        if reference.is_refused(spec, reference.facts(asked.verb, asked.url, asked.headers)):
            assert steps == () and expected is None
            continue
        assert matcher.match(ClientRequest(asked, through_fanout=False)) == expected
        assert [not step.mismatches for step in steps] == [False] * (len(steps) - 1) + [expected is not None]
        assert len(steps) == (len(plan.routes) if number is None else number + 1)
        assert number is None or not isinstance(reaches[number], Unreachable)
        COUNTS["pairs of a generated routes.yaml and a request, asked of the matcher and of fanroute match"] += 1


def numbered(plan: Plan) -> list[tuple[int, Route]]:
    """Returns the routes of a Plan, each with the number of its route in routes.yaml."""
    found, number = [], 0
    for route in plan.routes:
        found.append((number, route))
        number += route.action != Preflight()
    return found


def gets(spec: Data, asked: RequestData) -> tuple[int, bool] | None:
    return reference.route_of(spec, reference.facts(asked.verb, asked.url, asked.headers))
