"""Generated routes.yaml and requests: all that says which route a request gets says the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanroute.pipeline import Compiled, compile_routes
from fanroute.trace import trace
from fanroute_runtime.client import Client
from fanroute_runtime.match import Matcher
from tests.conftest import COUNTS, SURROUNDINGS, times
from tests.property import reference
from tests.property.language import STYLES, specs, written
from tests.property.requests import requests
from tests.test_cases import evaluated

Data = dict[str, Any]


def compiled(spec: Data, style: Data) -> Compiled:
    return compile_routes(written(spec, style), SURROUNDINGS)


@given(specs(), STYLES)
def test_what_is_emitted_is_the_plan(spec: Data, style: Data) -> None:
    result = compiled(spec, style)
    files = result.files()
    assert evaluated(files["app.py"]) == result.plan
    assert compiled(spec, style).files() == files


@given(specs(), STYLES, STYLES)
def test_a_way_of_writing_changes_nothing(spec: Data, style: Data, other: Data) -> None:
    assert compiled(spec, style).plan == compiled(spec, other).plan


@times(2)
@given(st.data())
def test_a_request_gets_one_route(data: st.DataObject) -> None:
    spec = data.draw(specs())
    plan = compiled(spec, data.draw(STYLES)).plan
    matcher = Matcher(plan.routes)
    COUNTS["generated routes.yaml"] += 1
    for _ in range(10):
        asked = data.draw(requests(spec))
        facts = reference.facts(asked.verb, asked.url, asked.headers)
        number = reference.route_of(spec, facts)
        expected = None if number is None else plan.routes[number]
        assert matcher.match(Client(asked, through_fanout=False)) == expected
        told = trace(plan, "self", asked)
        assert [not step.unfit for step in told.steps] == [False] * (len(told.steps) - 1) + [expected is not None]
        COUNTS["pairs of a generated routes.yaml and a request, asked of the matcher and of fanroute match"] += 1
        assert len(told.steps) == (len(plan.routes) if number is None else number + 1)
