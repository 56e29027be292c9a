"""Represents a match as a box: for each dimension of a request, the values that fit. Missing dimensions are unrestricted.

The dimensions are independent, except two. REST is about the number of segments and about each of them, and HOST_LABEL about
the host.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from fanroute.analysis.client_addresses import Addresses
from fanroute.analysis.host_labels import Labels, find_host
from fanroute.analysis.rests import SLASHED, Rests, find_path
from fanroute.analysis.sets import (
    HEADERS,
    METHODS,
    NONE,
    QUERIES,
    SCHEMES,
    SEGMENTS,
    UNBOUND,
    WEBSOCKETS,
    Hosts,
    Lengths,
    Names,
    NonText,
    Texts,
)
from fanroute.analysis.sets import ValueSet as SetOfDimension
from fanroute.plan.request import CLIENT_ADDRESS
from fanroute_runtime.matching.predicates import Segments
from fanroute_runtime.plan import Condition, Match, PathPattern

ValueSet = SetOfDimension | Rests | Labels
# The kind of a dimension, and which one of that kind: `("segment", 1)`, `("header", "x-plan")`.
Dimension = tuple[str, int | str]
Box = Mapping[Dimension, ValueSet]

LENGTH: Dimension = ("length", "")
HOST: Dimension = ("host", "")
METHOD: Dimension = ("method", "")
SCHEME: Dimension = ("scheme", "")
WEBSOCKET: Dimension = ("websocket", "")
# Conditions on all segments from some index on.
REST: Dimension = ("rest", "")
# Conditions on the first label of the host.
HOST_LABEL: Dimension = ("host_label", "")
CLIENT_IP: Dimension = ("client_ip", "")
# The path as a whole, for messages only: boxes have its length and its segments.
PATH: Dimension = ("path", "")

# All that a header or a query parameter can have.
HEADER, QUERY = Texts.all(HEADERS), Texts.all(QUERIES)
# All that a dimension of each kind can have.
_ALL_VALUES: dict[str, ValueSet] = {
    "length": Lengths(),
    "segment": Texts.all(SEGMENTS),
    "rest": Rests(),
    "host": Hosts(),
    "host_label": Labels(),
    "query": QUERY,
    "header": HEADER,
    "method": Texts.all(METHODS),
    "websocket": Texts.of(WEBSOCKETS, ("no", "yes")),
    "scheme": Texts.of(SCHEMES, ("https", "http")),
    "client_ip": Addresses(),
}


@dataclass(frozen=True, slots=True)
class Point:
    """Represents a client's request as matching sees it (`predicates.Matchable`)."""

    host: str
    segments: Segments
    method: str
    scheme: str
    websocket: bool
    query: Mapping[str, str | None]
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str | None = CLIENT_ADDRESS

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


def box_of(match: Match) -> Box:
    """Returns the box of the requests that a match fits. Each segment that the box restricts exists in all of its paths."""
    found = {} if match.path is None else _path_dimensions(match.path)
    if match.hosts:
        found[HOST] = Hosts.of(match.hosts)
    if match.host_parameter:
        found[HOST_LABEL] = Labels.of(match.hosts, match.host_parameter.pattern)
    for condition in match.query:
        found["query", condition.name] = _values_of(condition, QUERY)
    for condition in match.headers:
        found["header", condition.name] = _values_of(condition, HEADER)
    if match.methods:
        found[METHOD] = Texts.of(METHODS, match.methods)
    if match.websocket is not None:
        found[WEBSOCKET] = Texts.of(WEBSOCKETS, ("yes" if match.websocket else "no",))
    if match.scheme is not None:
        found[SCHEME] = Texts.of(SCHEMES, (match.scheme,))
    if match.client_ips:
        found[CLIENT_IP] = Addresses.of(match.client_ips)
    return found


def _path_dimensions(path: PathPattern) -> dict[Dimension, ValueSet]:
    size = len(path.segments)
    found: dict[Dimension, ValueSet] = {LENGTH: Lengths(size + 1) if path.rest else Lengths(size, size)}
    for index, segment in enumerate(path.segments):
        if isinstance(segment, str):
            found["segment", index] = Texts(SEGMENTS, values=frozenset({segment}))
        else:
            found["segment", index] = Texts(SEGMENTS, excluded=UNBOUND, patterns=frozenset(filter(None, [segment.pattern])))
    if path.bound_rest:
        found["segment", size] = Texts(SEGMENTS, excluded=UNBOUND)
        found[REST] = Rests(frozenset({(size, path.bound_rest.pattern)}))
    return found


def _values_of(condition: Condition, every: Texts) -> Texts:
    if condition.values:
        return Texts.of(every.space, condition.values)
    if condition.pattern:
        return Texts(every.space, patterns=frozenset({condition.pattern}))
    absent = frozenset({NonText.ABSENT})
    if condition.present:
        return every._replace(non_texts=every.non_texts - absent)
    return Texts(every.space, absent, values=NONE)


def all_values(dimension: Dimension) -> ValueSet:
    """Returns all values that a dimension can have."""
    return _ALL_VALUES[dimension[0]]


def is_empty(box: Box) -> bool:
    """Returns True if no request is in a box. Raises BudgetExceeded."""
    return any(values.is_empty for values in box.values()) or contradiction(box) is not None


def contradiction(box: Box) -> Dimension | None:
    """Returns REST or HOST_LABEL if the conditions there cannot be met together with the others. Raises BudgetExceeded."""
    if REST in box and _path(box, {}) is None:
        return REST
    return HOST_LABEL if HOST_LABEL in box and _host(box, {}) is None else None


def intersect(*boxes: Box) -> Box | None:
    """Returns the box of the requests that are in all boxes, or None if there are none. Raises BudgetExceeded."""
    found: dict[Dimension, ValueSet] = {}
    for dimension, values in chain.from_iterable(box.items() for box in boxes):
        former = found.get(dimension)
        found[dimension] = values if former is None else values.intersect(former)  # type: ignore[arg-type]
        if found[dimension].is_empty:
            return None
    return None if contradiction(found) else found


def subtract(region: Box, match_box: Box) -> Iterator[Box]:
    """Yields disjoint boxes that together are the region without the box of a match. Raises BudgetExceeded."""
    inside = dict(region)
    for dimension, values in match_box.items():
        former = inside.get(dimension, all_values(dimension))
        outside = ({**inside, dimension: rest} for rest in former.subtract(values) if not rest.is_empty)  # type: ignore[arg-type]
        yield from (box for box in outside if not contradiction(box))
        inside[dimension] = former.intersect(values)  # type: ignore[arg-type]
        if inside[dimension].is_empty or contradiction(inside):
            return


def sample_point(region: Box, named: Mapping[Dimension, Names]) -> Point:
    """Returns a request in a region, which must not be empty. It has values that no route names, if there are any.

    Raises BudgetExceeded.
    """

    def sample(dimension: Dimension) -> Any:
        return _sample(region, dimension, named)

    sampled = {dimension: sample(dimension) for dimension in region if dimension[0] in ("query", "header")}
    values = {dimension: _text(value) for dimension, value in sampled.items() if value is not NonText.ABSENT}
    return Point(
        host=_host(region, named) or "",
        segments=_path(region, named) or (),
        method=sample(METHOD),
        scheme=sample(SCHEME),
        websocket=sample(WEBSOCKET) == "yes",
        query={str(name): value for (kind, name), value in values.items() if kind == "query"},
        headers={str(name): value for (kind, name), value in values.items() if kind == "header" and value is not None},
        address=sample(CLIENT_IP),
    )


def _text(value: str | NonText) -> str | None:
    if isinstance(value, NonText):
        return SLASHED if value is NonText.SLASHED else None
    return value


def _sample(region: Box, dimension: Dimension, named: Mapping[Dimension, Names]) -> Any:
    values = region.get(dimension, all_values(dimension))
    assert not isinstance(values, Rests | Labels)
    return values.sample(named.get(dimension, NONE))


def _host(region: Box, named: Mapping[Dimension, Names]) -> str | None:
    """Returns the host of a request in a region, or None if it has none. Raises BudgetExceeded."""
    hosts, labels = region.get(HOST, Hosts()), region.get(HOST_LABEL, Labels())
    assert isinstance(hosts, Hosts) and isinstance(labels, Labels)
    return find_host(hosts, labels, named.get(HOST, NONE)) if HOST_LABEL in region else hosts.sample(named.get(HOST, NONE))


def _path(region: Box, named: Mapping[Dimension, Names]) -> Segments | None:
    """Returns the path of a request in a region, or None if it has none. Raises BudgetExceeded."""
    lengths, rests = region.get(LENGTH, Lengths()), region.get(REST, Rests())
    assert isinstance(lengths, Lengths) and isinstance(rests, Rests)
    dimensions: list[Dimension] = [("segment", index) for index in range(lengths.least)]
    path = tuple(_text(_sample(region, dimension, named)) for dimension in dimensions)
    if REST not in region or rests.contains(path):
        return path
    return find_path(lengths, tuple((index, texts) for (kind, index), texts in region.items() if kind == "segment"), rests)


def box_of_values(point: Point, dimensions: Iterable[Dimension]) -> Box:
    """Returns the box of the requests that have the same values as this one in some dimensions.

    These are segments, headers and query parameters, `("rest", 1)` for the segments from index 1 on, and the host.
    """
    size = len(point.segments)
    found: dict[Dimension, ValueSet] = {}
    for kind, name in dimensions:
        if kind == "rest":
            found[LENGTH] = Lengths(size, size)
            found |= {("segment", index): _value_set(point, ("segment", index)) for index in range(int(name), size)}
        elif kind == "host":
            found[HOST] = Hosts.of((point.host,))
        else:
            found[kind, name] = _value_set(point, (kind, name))
    return dict(sorted(found.items(), key=lambda item: item[0] != LENGTH))  # a segment exists in paths of that length


def _value_set(point: Point, dimension: Dimension) -> Texts:
    kind, name = dimension
    values = {"segment": point.segments, "header": point.headers, "query": point.query}[kind]
    space = {"segment": SEGMENTS, "header": HEADERS, "query": QUERIES}[kind]
    if kind != "segment" and name not in values:
        return Texts(space, frozenset({NonText.ABSENT}), values=NONE)
    value = values[name]  # type: ignore[index]
    return Texts(space, frozenset({NonText.BROKEN}), values=NONE) if value is None else Texts.of(space, (value,))
