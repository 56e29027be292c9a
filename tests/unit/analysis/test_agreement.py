"""Compares the compiled matcher and `fanroute match` with a naive reference matcher."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis.box import Point
from fanroute.analysis.witness import request_of
from fanroute.plan.trace import trace
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.plan import Plan, Route
from tests.support import naive, universe


@st.composite
def routes_and_requests(draw: st.DrawFn) -> tuple[tuple[Route, ...], list[Point]]:
    dimensions = draw(universe.DIMENSIONS)
    points = [point for point in universe.requests(dimensions) if point.segments]
    return draw(universe.routes(dimensions)), draw(st.lists(st.sampled_from(points), min_size=1, max_size=10))


@settings(max_examples=400, deadline=None)
@given(routes_and_requests())
def test_all_give_a_request_the_same_route(drawn: tuple[tuple[Route, ...], list[Point]]) -> None:
    routes, points = drawn
    matcher = Matcher(routes)
    for point in points:
        request = request_of(point)
        expected = naive.first(routes, request)
        assert matcher.match(point) == expected
        assert matcher.match(ClientRequest(request, through_fanout=False)) == expected
        *earlier, last = trace(Plan("x", routes, refused_paths=()), "", request).steps
        assert all(step.mismatches for step in earlier)
        assert (None if last.mismatches else last.route) == (expected and expected.name)
