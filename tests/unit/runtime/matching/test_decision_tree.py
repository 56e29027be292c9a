"""Tests the matcher: it finds the same route as testing all in order, but tests few routes and reads little of the request."""

from dataclasses import dataclass, field
from functools import cache, cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis.box import Point
from fanroute_runtime.matching.decision_tree import MAX_KEPT, MAX_UNFORKED, Matcher
from fanroute_runtime.matching.predicates import Segments, match_predicates, path_segments
from fanroute_runtime.plan import Condition, Handoff, Match, Parameter, PathPattern, Route
from tests.support import universe
from tests.support.budget import Budget

MANY = 10_000


def routes_of(*matches: Match) -> tuple[Route, ...]:
    return tuple(Route(f"r{number}", match, Handoff("origin")) for number, match in enumerate(matches))


def path(text: str) -> PathPattern:
    segments = tuple(Parameter(part[1:-1]) if part.startswith("{") else part for part in text.split("/")[1:])
    return PathPattern(segments[:-1], rest=True) if segments[-1] == "*" else PathPattern(segments)


@dataclass
class Asked:
    """A client's request that records which facts are read."""

    target: str = "/"
    name: str = "x"
    verb: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str | None] = field(default_factory=dict)
    scheme: str = "https"
    websocket: bool = False
    asked: list[str] = field(default_factory=list)

    @cached_property
    def segments(self) -> Segments:
        return path_segments(self.target)

    @property
    def host(self) -> str:
        self.asked.append("host")
        return self.name

    @property
    def method(self) -> str:
        self.asked.append("method")
        return self.verb

    def header(self, name: str) -> str | None:
        self.asked.append(name)
        return self.headers.get(name)


@st.composite
def routes_and_requests(draw: st.DrawFn) -> tuple[tuple[Route, ...], list[Point]]:
    dimensions = draw(universe.DIMENSIONS)
    matches = draw(st.lists(universe.matches(dimensions), min_size=1, max_size=40))
    return routes_of(*matches), draw(st.lists(st.sampled_from(universe.requests(dimensions)), min_size=1, max_size=10))


@settings(max_examples=400, deadline=None)
@given(routes_and_requests())
def test_the_same_as_one_after_the_other(drawn: tuple[tuple[Route, ...], list[Point]]) -> None:
    routes, points = drawn
    matcher, needed = Matcher(routes), [match_predicates(route.match).values() for route in routes]
    for point in points:
        fitting = [number for number, of_route in enumerate(needed) if all(test(point) for test in of_route)]
        candidates = list(matcher.candidates(point))
        assert candidates == sorted(candidates)
        assert set(fitting) <= set(candidates)
        assert matcher.match(point) == (routes[fitting[0]] if fitting else None)


def kinds(number: int) -> list[Match]:
    return [
        Match(("*.edgecompute.app",), path(f"/events{number}/{{room}}")),
        Match(path=path(f"/app{number}/*")),
        Match(path=path(f"/api{number}/users"), methods=("GET", "HEAD")),
        Match(path=path(f"/api/v1/{{tenant}}/things{number}")),
        Match(path=path(f"/{{any}}/other{number}/{{more}}")),
    ]


WORST = {
    "hosts": ([Match((f"h{n}.example.com",)) for n in range(MANY)], Asked(name="h7777.example.com"), 7777),
    "suffixes": ([Match((f"*.h{n}.example.com",)) for n in range(MANY)], Asked(name="a.b.h7777.example.com"), 7777),
    "labels": (
        [Match((f"*.h{n}.example.com",), host_parameter=Parameter("tenant")) for n in range(MANY)],
        Asked(name="a.h7777.example.com"),
        7777,
    ),
    "aliases": ([Match((f"h{n}.com", f"*.h{n}.com", f"{n}.net")) for n in range(MANY)], Asked(name="7777.net"), 7777),
    "hosts and paths": (
        [Match((f"h{n % 100}.com",), path(f"/p{n // 100}/{{x}}")) for n in range(MANY)],
        Asked("/p77/x", name="h33.com"),
        7733,
    ),
    "literals": ([Match(path=path(f"/a/b/c/{n}")) for n in range(MANY)], Asked("/a/b/c/7777"), 7777),
    "after a parameter": ([Match(path=path(f"/a/{{x}}/b{n}")) for n in range(MANY)], Asked("/a/x/b7777"), 7777),
    "rests": ([Match(path=path(f"/{n}/*")) for n in range(MANY)], Asked("/7777/x/y"), 7777),
    "deep": (
        [Match(path=path("/" + "/".join(f"{n:04}"))) for n in range(MANY)],
        Asked("/7/7/7/7"),
        7777,
    ),
    "methods": (
        [Match(path=path("/"), methods=(f"M{n}", f"N{n}")) for n in range(MANY)],
        Asked(verb="N7777"),
        7777,
    ),
    "header": (
        [Match(headers=(Condition("tenant", (f"t{n}",)),)) for n in range(MANY)],
        Asked(headers={"tenant": "t7777"}),
        7777,
    ),
    "query": (
        [Match(query=(Condition("other"), Condition("id", (f"{n}",)))) for n in range(MANY)],
        Asked(query={"other": "", "id": "7777"}),
        7777,
    ),
    "many kinds": ([match for n in range(MANY // 5) for match in kinds(n)], Asked("/x/other1999/y"), MANY - 1),
    "before what takes all": ([*(Match(path=path(f"/{n}")) for n in range(MANY)), Match()], Asked("/none"), MANY),
    "behind what takes all": ([Match(methods=("PUT",)), *(Match(path=path(f"/{n}")) for n in range(MANY))], Asked("/5"), 6),
}


@cache
def matcher_of(kind: str) -> Matcher:
    return Matcher(routes_of(*WORST[kind][0]))


@pytest.mark.budget
def test_the_routes_tested_of_many(budget: Budget) -> None:
    """Counts how many of 10,000 routes are tested for a request."""
    budget.check("routes tested of 10,000", {kind: len(list(matcher_of(kind).candidates(WORST[kind][1]))) for kind in WORST})


@pytest.mark.parametrize("kind", WORST)
def test_few_of_many_routes_are_tested(kind: str) -> None:
    _, asked, expected = WORST[kind]
    matcher = matcher_of(kind)
    candidates = list(matcher.candidates(asked))
    assert expected in candidates
    assert len(candidates) <= MAX_UNFORKED + 1
    route = matcher.match(asked)
    assert route is not None
    assert route.name == f"r{expected}"


def test_only_what_tells_the_next_route_is_asked() -> None:
    """Reading a header costs a call of the host."""
    by_header = [Match(path=path("/a"), headers=(Condition("h", (f"{n}",)),)) for n in range(9)]
    by_method = [Match(path=path("/b"), methods=(f"M{n}",)) for n in range(9)]
    by_host = [Match((f"h{n}",), path=path("/c")) for n in range(9)]
    matcher = Matcher(routes_of(Match(path=path("/a"), query=(Condition("q"),)), *by_header, *by_method, *by_host, Match()))
    for asked, name, needed in [
        (Asked("/a", query={"q": ""}), "r0", []),
        (Asked("/a", headers={"h": "3"}), "r4", ["h"]),
        (Asked("/b", verb="M3"), "r13", ["method"]),
        (Asked("/c", name="h3"), "r22", ["host"]),
        (Asked("/d"), "r28", []),
    ]:
        route = matcher.match(asked)
        assert route is not None
        assert route.name == name
        assert list(dict.fromkeys(asked.asked)) == needed


def test_what_one_branch_tells_another_may_not() -> None:
    """A route is tested for everything that not every fork on the way to it has settled."""
    by_method = [Match(("a",), methods=(f"M{n}",)) for n in range(9)]
    by_host = [Match((f"h{n}",)) for n in range(20)]
    matcher = Matcher(routes_of(Match(("b", "a"), methods=("X",)), *by_method, *by_host))
    assert list(matcher.candidates(Asked(name="b"))) == list(matcher.candidates(Asked(name="a", verb="X"))) == [0]
    assert matcher.match(Asked(name="b")) is None
    assert matcher.match(Asked(name="b", verb="X")) is matcher.match(Asked(name="a", verb="X")) is not None


def test_as_many_kinds_as_routes() -> None:
    """There are more kinds than are kept. The other routes are tested for everything that they require."""
    pairs = [path(f"/a{n}/{last}{n}") for n in range(MAX_KEPT) for last in "bc"]
    matcher = Matcher(routes_of(*(Match(path=pair) for pair in pairs)))
    for number, pair in enumerate(pairs):
        text = "/".join(map(str, ("", *pair.segments)))
        assert [matcher.match(Asked(asked)) for asked in (f"{text}x", f"{text}/x", f"/x{text[1:]}")] == [None] * 3
        route = matcher.match(Asked(text))
        assert route is not None
        assert route.name == f"r{number}"


def test_no_routes() -> None:
    assert Matcher(()).match(Asked()) is None


def test_a_hosts_many_dots() -> None:
    """Only suffixes that a route can name are looked up."""
    matches = [Match((f"*.h{n}",)) for n in range(9)]
    route = Matcher(routes_of(*matches)).match(Asked(name="." * 100_000 + "h3"))
    assert route is not None
    assert route.name == "r3"
