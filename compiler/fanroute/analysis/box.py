"""A match as a box: by dimension of a request, which values fit. What is not there is free."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from fanroute.analysis.sets import (
    HEADERS,
    METHODS,
    NONE,
    QUERIES,
    SCHEMES,
    SEGMENTS,
    WEBSOCKETS,
    Hosts,
    Lengths,
    Names,
    Other,
    Set,
    Texts,
)
from fanroute_runtime.match import Segments
from fanroute_runtime.plan import Condition, Match, PathPattern

# A kind, and which of that kind: `("segment", 1)`, `("header", "x-plan")`.
Dimension = tuple[str, int | str]
Box = Mapping[Dimension, Set]

LENGTH: Dimension = ("length", "")
HOST: Dimension = ("host", "")
METHOD: Dimension = ("method", "")
SCHEME: Dimension = ("scheme", "")
WEBSOCKET: Dimension = ("websocket", "")
# The path as a whole, of which the rest is said by length and segments: for messages only.
PATH: Dimension = ("path", "")

# What a parameter does not bind, beside what has a slash in it and what is not UTF-8: see `match.binds`.
UNBOUND = frozenset({"", ".", ".."})
# Stands for every segment with a slash in it.
_SLASHED = "x/y"

# Any header, any query parameter.
HEADER, QUERY = Texts.all(HEADERS), Texts.all(QUERIES)
# What a free dimension of each kind has.
_FREE: dict[str, Set] = {
    "length": Lengths(),
    "segment": Texts.all(SEGMENTS),
    "host": Hosts(),
    "query": QUERY,
    "header": HEADER,
    "method": Texts.all(METHODS),
    "websocket": Texts.of(WEBSOCKETS, ("no", "yes")),
    "scheme": Texts.of(SCHEMES, ("https", "http")),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A client's request, as matching sees it (`match.Matched`)."""

    host: str
    segments: Segments
    method: str
    scheme: str
    websocket: bool
    query: Mapping[str, str | None]
    headers: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


def box(match: Match) -> Box:
    """The requests that a match fits. A segment is spoken of only where the length says that it is there."""
    found = {} if match.path is None else _path(match.path)
    if match.hosts:
        found[HOST] = Hosts.of(match.hosts)
    for condition in match.query:
        found["query", condition.name] = _condition(condition, QUERY)
    for condition in match.headers:
        found["header", condition.name] = _condition(condition, HEADER)
    if match.methods:
        found[METHOD] = Texts.of(METHODS, match.methods)
    if match.websocket is not None:
        found[WEBSOCKET] = Texts.of(WEBSOCKETS, ("yes" if match.websocket else "no",))
    if match.scheme is not None:
        found[SCHEME] = Texts.of(SCHEMES, (match.scheme,))
    return found


def _path(path: PathPattern) -> dict[Dimension, Set]:
    size = len(path.segments)
    found: dict[Dimension, Set] = {LENGTH: Lengths(size + 1) if path.rest else Lengths(size, size)}
    for index, segment in enumerate(path.segments):
        if isinstance(segment, str):
            found["segment", index] = Texts(SEGMENTS, values=frozenset({segment}))
        else:
            found["segment", index] = Texts(SEGMENTS, without=UNBOUND, fits=frozenset(filter(None, [segment.pattern])))
    return found


def _condition(condition: Condition, free: Texts) -> Texts:
    if condition.values:
        return Texts.of(free.space, condition.values)
    if condition.pattern:
        return Texts(free.space, fits=frozenset({condition.pattern}))
    absent = frozenset({Other.ABSENT})
    return free._replace(others=free.others - absent) if condition.present else Texts(free.space, absent, values=NONE)


def free(dimension: Dimension) -> Set:
    """All that a dimension can have."""
    return _FREE[dimension[0]]


def meet(*boxes: Box) -> Box | None:
    """What is in all of some boxes; None where nothing is."""
    found: dict[Dimension, Set] = {}
    for dimension, wanted in chain.from_iterable(box.items() for box in boxes):
        had = found.get(dimension)
        found[dimension] = wanted if had is None else wanted.meet(had)  # type: ignore[arg-type]
        if found[dimension].is_empty:
            return None
    return found


def minus(region: Box, other: Box) -> Iterator[Box]:
    """What is left of a region without a match's box, in boxes that have nothing in common."""
    inside = dict(region)
    for dimension, wanted in other.items():
        had = inside.get(dimension, free(dimension))
        yield from ({**inside, dimension: rest} for rest in had.minus(wanted) if not rest.is_empty)  # type: ignore[arg-type]
        inside[dimension] = had.meet(wanted)  # type: ignore[arg-type]
        if inside[dimension].is_empty:
            return


def point(region: Box, named: Mapping[Dimension, Names]) -> Point:
    """A request of a region that is not empty, rather with values that no route names."""

    def pick(dimension: Dimension) -> Any:
        return region.get(dimension, free(dimension)).pick(named.get(dimension, NONE))

    picked = {dimension: pick(dimension) for dimension in region if dimension[0] in ("query", "header")}
    values = {dimension: _text(value) for dimension, value in picked.items() if value is not Other.ABSENT}
    return Point(
        host=pick(HOST),
        segments=tuple(_text(pick(("segment", index))) for index in range(pick(LENGTH))),
        method=pick(METHOD),
        scheme=pick(SCHEME),
        websocket=pick(WEBSOCKET) == "yes",
        query={str(name): value for (kind, name), value in values.items() if kind == "query"},
        headers={str(name): value for (kind, name), value in values.items() if kind == "header" and value is not None},
    )


def _text(value: str | Other) -> str | None:
    if isinstance(value, Other):
        return _SLASHED if value is Other.SLASHED else None
    return value


def at(asked: Point, dimension: Dimension) -> Texts:
    """What a request has in one of its segments, headers or query parameters, which is there, as a set."""
    kind, which = dimension
    values = {"segment": asked.segments, "header": asked.headers, "query": asked.query}[kind]
    space = {"segment": SEGMENTS, "header": HEADERS, "query": QUERIES}[kind]
    value = values[which]  # type: ignore[index]
    return Texts(space, frozenset({Other.BROKEN}), values=NONE) if value is None else Texts.of(space, (value,))
