"""Defines small sets of requests and matches, for tests that go through all combinations."""

from itertools import product
from typing import Any, get_args

from hypothesis import strategies as st

from fanroute.analysis.box import Point
from fanroute.analysis.witness import request_of
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, Condition, Handoff, Match, Parameter, PathFault, PathPattern, Redirect, Respond, Route

SEGMENTS: list[str | None] = ["", "a", "b", "ab", "ba", "é", "..", "..;", "a/b", None]
PATHS = [
    *((one,) for one in SEGMENTS),
    *product(SEGMENTS, ["", "a", "ab", "a;", None]),
    ("a", "b", "a"),
    ("a", "", ""),
    ("a", "b", ""),
    ("a", "", "b"),
    ("a", "b", None),
    ("a", "b", ".."),
    ("ab", "a", "b", "a"),
]
TEXTS = ["", "a", "b", "ab", "aab", "é"]
# All values of a request, by dimension. The first is its default.
VALUES: dict[str, list[Any]] = {
    "segments": PATHS,
    "host": ["x", "a.b", "b", "c.a.b", "x.a.b", "x.b", "x.c.a.b", "-.b", "ab.b", "_.a.b", "b.a.b", ".b"],
    "method": ["GET", "POST", "OPTIONS", "X"],
    "scheme": ["https", "http"],
    "websocket": [False, True],
    "address": ["192.0.2.1", "192.0.2.77", "192.0.3.0", "2001:db8::1", "::ffff:192.0.2.77", "::", None],
    "headers": [{}, *({"h": text} for text in TEXTS)],
    "query": [{}, {"q": None}, *({"q": text} for text in [*TEXTS, " a", "✓"])],
}
PATTERNS = ["a+", "[ab]{1,2}", "a|b", "(ab)*", "[.;]*", "b.*", "[^a]+", "a?", ".*b", "(aa)+|b"]


def requests(dimensions: tuple[str, ...]) -> list[Point]:
    """Returns all requests of the universe that differ only in these dimensions."""
    values = {name: all_values if name in dimensions else all_values[:1] for name, all_values in VALUES.items()}
    points = (Point(**dict(zip(values, chosen, strict=True))) for chosen in product(*values.values()))
    return [point for point in points if point.method == "GET" or not point.websocket]


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)


PATTERN = st.sampled_from(PATTERNS)
PATH = st.builds(
    lambda parts, rest: PathPattern(
        tuple(Parameter(f"p{i}", part[1:]) if part.startswith("{") else part for i, part in enumerate(parts)),
        rest is not None or not parts,
        rest or None,
    ),
    st.lists(st.one_of(st.sampled_from(["", "a", "b", "ab", "é", "a;", "..;", "{"]), PATTERN.map("{{{}".format)), max_size=3),
    st.sampled_from([None, None, False, *(Parameter("rest", pattern) for pattern in ["", "", *PATTERNS, "[^;]*/b", "a/.*|é"])]),
)
CONDITION = st.one_of(
    st.lists(st.sampled_from(["", "a", "b", "ab", " a", "✓"]), min_size=1, max_size=2).map(
        lambda values: {"values": tuple(values)}
    ),
    st.booleans().map(lambda present: {"present": present}),
    PATTERN.map(lambda pattern: {"pattern": pattern}),
)
KEYS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "segments": ("path", PATH),
    "host": (
        "hosts",
        st.one_of(
            some(["a.b", "b", "*.b", "*.a.b", "c.a.b", "*.c.a.b"]),
            st.tuples(some(["*.b", "*.a.b", "*.c.a.b"]), st.sampled_from(["", "", *PATTERNS])),
        ),
    ),
    "method": ("methods", some(["GET", "POST", "OPTIONS"])),
    "scheme": ("scheme", st.sampled_from(["https", "http"])),
    "websocket": ("websocket", st.booleans()),
    "address": ("client_ips", some(["192.0.2.0/24", "192.0.2.77", "192.0.2.0/23", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1"])),
    "headers": ("headers", CONDITION.map(lambda given: (Condition("h", **given),))),
    "query": ("query", CONDITION.map(lambda given: (Condition("q", **given),))),
}
DIMENSIONS = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3, unique=True).map(tuple)


FAULTS = st.sets(st.sampled_from(get_args(PathFault))).map(lambda faults: tuple(sorted(faults)))


def is_refused(request: Point, faults: tuple[PathFault, ...]) -> bool:
    """Returns True if the runtime refuses a request because of its path."""
    try:
        Paths(faults).check(split_uri(request_of(request).url)[1])
    except Refused:
        return True
    return False


@st.composite
def matches(draw: st.DrawFn, dimensions: tuple[str, ...]) -> Match:
    """Generates a match with conditions on some of the dimensions."""
    given = {}
    for name in dimensions:
        key, values = KEYS[name]
        if draw(st.integers(0, 2)):
            given[key] = draw(values)
    match given.get("hosts"):
        case (tuple() as hosts, str() as pattern):
            given |= {"hosts": hosts, "host_parameter": Parameter("label", pattern)}
    return Match(**given)


@st.composite
def routes(draw: st.DrawFn, dimensions: tuple[str, ...]) -> tuple[Route, ...]:
    """Generates routes with few different answers."""
    drawn = draw(st.lists(matches(dimensions), min_size=1, max_size=6))
    return tuple(Route(f"r{number}", match, draw(actions(match))) for number, match in enumerate(drawn))


def actions(match: Match) -> st.SearchStrategy[Any]:
    """Generates actions, some of which depend on the request."""
    bound = (
        [Bound("path", segment.name) for segment in match.path.segments if isinstance(segment, Parameter)] if match.path else []
    )
    bound += [Bound("path", "rest")] * (match.path is not None and match.path.bound_rest is not None)
    bound += [Bound("path", "label")] * (match.host_parameter is not None)
    bound += [Bound("query", condition.name) for condition in match.query if condition.present]
    bound += [Bound("header", condition.name) for condition in match.headers if condition.present]
    # As `template.parse` returns them: no two texts are adjacent.
    values = st.lists(st.sampled_from(bound), max_size=2) if bound else st.just([])
    parts = st.tuples(st.sampled_from(["/", "/a", "/b"]), values, st.sampled_from(["", "b"])).map(
        lambda drawn: (drawn[0], *drawn[1], drawn[2]) if drawn[1] and drawn[2] else (drawn[0], *drawn[1])
    )
    return st.one_of(
        st.sampled_from([Handoff("one"), Handoff("two"), Respond(200, (), b"")]), st.builds(Redirect, st.just(302), parts)
    )
