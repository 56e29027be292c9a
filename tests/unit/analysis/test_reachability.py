"""Compares which requests reach which route with every request of small universes, and with examples."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis.box import UNBOUND, Point
from fanroute.analysis.budget import Budget
from fanroute.analysis.overlap import find_overlaps
from fanroute.analysis.reachability import MAX_TOTAL_STEPS, Reachability, Reachable, Unreachable, reachability_of
from fanroute.analysis.search import Boxes
from fanroute.analysis.witness import match_arguments, request_of
from fanroute.pipeline import compile_routes
from fanroute.plan.describe import path_texts
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.matching.predicates import can_bind
from fanroute_runtime.plan import Condition, Handoff, Match, Parameter, PathFault, PathPattern, Route
from tests.conftest import inputs_of
from tests.golden.test_cases import CASES
from tests.support import universe


def reaches(*matches: Match) -> list[Reachability]:
    return list(reachability_of(Boxes(matches), Budget(MAX_TOTAL_STEPS)))


def path(text: str, **patterns: str) -> PathPattern:
    parts = [Parameter(part[1:-1], patterns.get(part[1:-1], "")) if part[:1] == "{" else part for part in text.split("/")[1:]]
    return PathPattern(tuple(parts[:-1]), rest=True) if parts[-1] == "*" else PathPattern(tuple(parts))


def header(name: str, *values: str, present: bool = True, pattern: str = "") -> Match:
    return Match(headers=(Condition(name, values, present, pattern),))


def query(name: str, *values: str, present: bool = True, pattern: str = "") -> Match:
    return Match(query=(Condition(name, values, present, pattern),))


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


@pytest.mark.parametrize(
    ("matches", "covering"),
    [
        pytest.param([Match(), Match(path=path("/a"))], (0,), id="one takes all"),
        pytest.param([Match(path=path("/*")), Match(path=path("/a/{b}"))], (0,), id="a rest"),
        pytest.param([Match(methods=METHODS), Match()], None, id="there are other methods"),
        pytest.param([Match(methods=METHODS), Match(methods=("PATCH", "GET"))], (0,), id="these methods"),
        pytest.param([Match(methods=("GET",)), Match(websocket=True)], (0,), id="a WebSocket begins with a GET"),
        pytest.param([Match(websocket=True), Match(methods=("GET",))], None, id="a GET need not begin one"),
        pytest.param([Match(websocket=True, methods=("POST",))], (), id="nothing else does"),
        pytest.param([Match(scheme="http"), Match(scheme="https"), Match(path=path("/a"))], (0, 1), id="both schemes"),
        pytest.param(
            [Match(websocket=True), Match(methods=("GET",)), Match(websocket=False), Match()], (1, 2), id="one is spared"
        ),
        pytest.param([Match(hosts=("*.a.b",)), Match(hosts=("a.b",)), Match(hosts=("*.b",))], None, id="other hosts of a suffix"),
        pytest.param([Match(hosts=("*.b",)), Match(hosts=("x.a.b", "*.a.b"))], (0,), id="a suffix of a suffix"),
        pytest.param([Match(hosts=("*.a.b",)), Match(hosts=("a.b",))], None, id="a suffix is not its own host"),
        pytest.param([Match(path=path("/a/*")), Match(path=path("/a"))], None, id="a rest begins with a slash"),
        pytest.param([Match(path=path("/{x}")), Match(path=path("/a"))], (0,), id="a literal under a parameter"),
        pytest.param([Match(path=path("/{x}")), Match(path=path("/"))], None, id="a parameter is not empty"),
        pytest.param([Match(path=path("/a/{x}")), Match(path=path("/a/*"))], None, id="a rest is more than a parameter"),
        pytest.param([Match(path=path("/*")), Match()], (0,), id="every request has a path"),
        pytest.param(
            [Match(path=path("/{x}", x="[a-m].*")), Match(path=path("/{y}", y="[n-z].*")), Match(path=path("/{z}", z="[a-z]+"))],
            (0, 1),
            id="patterns together",
        ),
        pytest.param(
            [Match(path=path("/{x}", x="[a-m].*")), Match(path=path("/{y}", y="[n-y].*")), Match(path=path("/{z}", z="[a-z]+"))],
            None,
            id="patterns together, but for a letter",
        ),
        pytest.param([Match(path=path("/{x}", x="[\\s\\S]{0,2}")), Match(path=path("/{y}", y="[^a]"))], (0,), id="longer texts"),
        pytest.param([Match(path=path("/{x}", x="[^a]+")), Match(path=path("/a"))], None, id="a literal that does not fit"),
        pytest.param([Match(path=path("/a")), Match(path=path("/{x}", x="a"))], (0,), id="a pattern of one text"),
        pytest.param([header("x"), header("x", present=False), Match()], (0, 1), id="there or not"),
        pytest.param([header("x", "a", "b"), header("x")], None, id="other values"),
        pytest.param([header("x", pattern=".*[^ \t]|"), header("x", "a")], (0,), id="a value fits"),
        pytest.param([header("x", pattern="([^ ].*)?"), header("x")], (0,), id="no header's value begins with a space"),
        pytest.param([query("x", pattern="([^ ].*)?"), query("x")], None, id="a parameter's value does"),
        pytest.param([query("x", pattern="[\\s\\S]*"), query("x")], None, id="a parameter that is not UTF-8"),
        pytest.param([query("x", pattern="[\\s\\S]*"), query("x", pattern="é")], (0,), id="a parameter that is"),
        pytest.param([header("x", pattern="[\t -~\x80-\xff]*"), header("x")], (0,), id="a header is Latin-1"),
    ],
)
def test_the_last_route(matches: list[Match], covering: tuple[int, ...] | None) -> None:
    *_, last = reaches(*matches)
    assert (last.covering if isinstance(last, Unreachable) else None) == covering
    if isinstance(last, Reachable):
        assert first(matches, last.witness) == len(matches) - 1


@pytest.mark.parametrize(
    ("match", "impossible"),
    [
        (header("x", " a"), ("header", "x")),
        (header("x", "a\n", "✓"), ("header", "x")),
        (header("x", "é", "✓"), None),
        (header("x", pattern="✓+"), ("header", "x")),
        (header("x", pattern="a ✓?"), ("header", "x")),
        (query("x", " a", "✓"), None),
        (Match(path=path("/{a}", a="\\.{1,2}")), ("segment", 0)),
        (Match(path=path("/{a}", a="\\.{1,3}")), None),
        (Match(path=path("/x/{a}", a="(b/c)?")), ("segment", 1)),
    ],
)
def test_what_no_request_has(match: Match, impossible: tuple[str, object] | None) -> None:
    (reach,) = reaches(match)
    if impossible is None:
        assert isinstance(reach, Reachable)
        assert first([match], reach.witness) == 0
    else:
        assert reach == Unreachable(impossible=(impossible,))


@pytest.mark.parametrize(
    ("faults", "text", "patterns", "reaches_some"),
    [
        (("dot_segments",), "/a/..;x", {}, False),
        (("dot_segments",), "/a/...;x", {}, True),
        ((), "/a/..;x", {}, True),
        (("dot_segments",), "/{a}", {"a": r"\.\.;.*"}, False),
        (("dot_segments",), "/{a}", {"a": r"\.\.?;?.?"}, True),
        (("backslashes",), "/x/{a}", {"a": r"[a-z]*\\"}, False),
        (("backslashes",), "/x/{a}", {"a": r"[a-z]*\\?"}, True),
        (("controls",), "/{a}/x", {"a": "[\n\t]"}, False),
        (("controls",), "/{a}/*", {"a": "[\n\x7f;]"}, True),
        (("empty_segments",), "/a//b", {}, False),
        (("empty_segments",), "/a/", {}, True),
        (("empty_segments",), "//*", {}, False),
        (("empty_segments",), "/*", {}, True),
        (("parameters",), "/a;b", {}, False),
        (("encoded_slashes",), "/a/*", {}, True),
    ],
)
def test_a_route_for_refused_paths_is_dead(
    faults: tuple[PathFault, ...], text: str, patterns: dict[str, str], reaches_some: bool
) -> None:
    (reach,) = reachability_of(Boxes([Match(path=path(text, **patterns))], faults), Budget(MAX_TOTAL_STEPS))
    if reaches_some:
        assert isinstance(reach, Reachable) and not universe.is_refused(reach.witness, faults)
    else:
        assert reach == Unreachable(impossible=(("path", ""),))


def test_what_earlier_routes_leave_may_be_refused() -> None:
    matches = [Match(path=path(text)) for text in ("/{a}/*", "/{a}", "/", "/*")]
    *_, dead = reachability_of(Boxes(matches, ("dot_segments", "empty_segments")), Budget(MAX_TOTAL_STEPS))
    assert isinstance(dead, Reachable) and dead.witness.segments[0] is None, (
        "only what is not UTF-8, or has a slash in it, is left"
    )


def first(matches: list[Match], request: Point) -> int | None:
    """Returns the number of the first match that a request fits, by the matcher that ships."""
    routes = tuple(Route(str(number), match, Handoff("")) for number, match in enumerate(matches))
    found = Matcher(routes).match(ClientRequest(request_of(request), through_fanout=False))
    return int(found.name) if found else None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_all_requests_of_a_universe_agree(data: st.DataObject) -> None:
    dimensions = data.draw(universe.DIMENSIONS)
    routes, faults = data.draw(universe.routes(dimensions)), data.draw(universe.FAULTS)
    matcher = Matcher(routes)
    requests = [request for request in universe.requests(dimensions) if not universe.is_refused(request, faults)]
    gotten = {route.name for request in requests if (route := matcher.match(request))}
    boxes = Boxes((route.match for route in routes), faults)
    for number, (route, reach) in enumerate(zip(routes, reachability_of(boxes, Budget(10**9)), strict=True)):
        if isinstance(reach, Reachable):
            assert first([each.match for each in routes], reach.witness) == number
            assert not universe.is_refused(reach.witness, faults)
        else:
            assert isinstance(reach, Unreachable)
            assert route.name not in gotten
            left = (*(routes[earlier] for earlier in reach.covering), route)
            assert route not in map(Matcher(left).match, requests)
            assert isinstance([*reachability_of(Boxes((each.match for each in left), faults), Budget(10**9))][-1], Unreachable)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_shared_is_found(data: st.DataObject) -> None:
    dimensions = data.draw(universe.DIMENSIONS)
    routes, faults = data.draw(universe.routes(dimensions)), data.draw(universe.FAULTS)
    matcher, alone = Matcher(routes), [Matcher((route,)) for route in routes]
    boxes, last = Boxes((route.match for route in routes), faults), len(routes) - 1
    found = dict(find_overlaps(boxes, last, lambda one, other: routes[one].action != routes[other].action, Budget(10**9)))
    for earlier, request in found.items():
        client = ClientRequest(request_of(request), through_fanout=False)
        assert not universe.is_refused(request, faults)
        assert matcher.match(client) == routes[earlier]
        assert alone[last].match(client) == routes[last]
    requests = [request for request in universe.requests(dimensions) if not universe.is_refused(request, faults)]
    for earlier, route in enumerate(routes[:-1]):
        shared = any(matcher.match(request) is route and alone[last].match(request) for request in requests)
        further = any(alone[earlier].match(request) and not alone[last].match(request) for request in requests)
        if shared and further and route.action != routes[last].action:
            assert earlier in found


@given(st.sampled_from(list(universe.VALUES)).flatmap(lambda name: st.sampled_from(universe.requests((name,)))))
def test_a_request_comes_back(request: Point) -> None:
    """A request that is written as a URL and headers is matched as the same request."""
    client = ClientRequest(request_of(request), through_fanout=False)
    seen = (client.host, client.segments, client.method, client.scheme, client.websocket, dict(client.query))
    assert seen == (request.host, request.segments, request.method, request.scheme, request.websocket, request.query)
    assert client.header("h") == request.header("h")


def test_a_request_for_a_shell() -> None:
    request = Point("a.b", ("a b", "'", None), "M'SEARCH", "http", True, {"q&": "é+"}, {"x-a": "it's é\xff"})
    assert match_arguments(request_of(request)) == (
        """'M'"'"'SEARCH' 'http://a.b/a%20b/%27/%FF?q%26=%C3%A9%2B' -H 'upgrade: websocket' -H $'x-a: it\\x27s \\xe9\\xff'"""
    )
    dashed = replace(request_of(request), verb="-x", headers=())
    assert match_arguments(dashed, " --routes a").startswith("--routes a -- -x 'http://")
    assert match_arguments(dashed).startswith("-- -x 'http://")


@pytest.mark.parametrize("folder", [folder for folder in CASES if (folder / "app.py").exists()], ids=lambda folder: folder.name)
def test_the_routes_of_every_case(folder: Path) -> None:
    compiled = compile_routes((folder / "routes.yaml").read_bytes(), inputs_of(folder))
    routes = compiled.plan.routes
    # Each begins with "route 'NAME'". If the route has several paths, "with the path '/PATH'" follows.
    dead = [told.message.split("'")[1:] for told in compiled.diagnostics if told.code in ("FR301", "FR303")]
    names = {name for name, between, *_ in dead if between != " with the path "}
    paths = {(name, path) for name, between, path, *_ in (each for each in dead if each[0] not in names)}
    for number, (route, reach) in enumerate(zip(routes, reachability_of(Boxes.of(compiled.plan), Budget(10**9)), strict=True)):
        path = next(path_texts(route.match.path)) if route.match.path else ""
        assert isinstance(reach, Reachable) == (route.name not in names and (route.name, path) not in paths)
        if isinstance(reach, Reachable):
            assert first([each.match for each in routes], reach.witness) == number


def test_what_no_parameter_binds() -> None:
    assert not any(map(can_bind, UNBOUND))


def test_too_much_is_not_guessed() -> None:
    conditions = [Match(headers=tuple(Condition(f"x-{i}", present=bool(n >> i & 1)) for i in range(12))) for n in range(2**12)]
    budget = Budget(1000)
    *_, last = reachability_of(Boxes([*conditions, Match()]), budget)
    assert not isinstance(last, Reachable | Unreachable)
    assert budget.left < 0
