"""Describes a route's answer as data, which is equal for two routes if they answer the same."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import chain, groupby
from typing import Any
from urllib.parse import quote

from fanroute.analysis.box import Dimension, Point
from fanroute.plan.routes import rest_name
from fanroute_runtime.matching.predicates import bound_value
from fanroute_runtime.plan import Bound, Parameter, Route

# The fields that are URLs: values from the request are percent-encoded there.
_URLS = ("location", "link", "path")
# The fields of an answer by name, and its `kind`.
Answer = Mapping[str, Any]


def answer_of(route: Route, backends: Mapping[str, Any], point: Point | None = None, size: int | None = None) -> Answer:
    """Returns what a route answers to a request.

    Without a request, each value that is taken from it is replaced by its dimension, so the names of parameters do not matter.
    With a `size`, it is what the route answers to the requests whose paths have so many segments: the rest of a path is replaced
    by its segments. A backend's name is replaced by its entry in `backends`.
    """

    def value_of(bound: Bound) -> Any:
        if bound.source == "claim":
            return bound
        if point is not None:
            return bound_value(bound, route, point)
        dimension = dimension_of(bound, route)
        return dimension if size is None or dimension[0] != "rest" else _Segments(range(int(dimension[1]), size))

    found = {name: _as_data(value, backends, value_of) for name, value in _fields(route).items()}
    return {**found.pop("action"), **found}


def dimensions_used(route: Route) -> set[Dimension]:
    """Returns the dimensions of a request on which a route's answer depends."""
    return {dimension_of(bound, route) for bound in _bounds(tuple(_fields(route).values())) if bound.source != "claim"}


def dimension_of(bound: Bound, route: Route) -> Dimension:
    """Returns the dimension of a request from which a value is taken."""
    if bound.source != "path":
        return bound.source, bound.name
    segments = route.match.path.segments if route.match.path else ()
    if bound.name == rest_name(route.match):
        return "rest", len(segments)
    return "segment", [isinstance(each, Parameter) and each.name for each in segments].index(bound.name)


def _fields(value: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass; for a route, only those that make its answer."""
    left_out = ("name", "match", "fingerprint", "alternative") if isinstance(value, Route) else ()
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in left_out}


def _bounds(value: Any) -> Iterator[Bound]:
    if isinstance(value, Bound):
        yield value
    elif isinstance(value, tuple) or is_dataclass(value):
        for each in value if isinstance(value, tuple) else _fields(value).values():
            yield from _bounds(each)


def _as_data(value: Any, backends: Mapping[str, Any], value_of: Callable[[Bound], Any]) -> Any:
    if is_dataclass(value):
        found = _fields(value)
        if found.get("backend") in backends:
            found["backend"] = backends[found["backend"]]
        encoded = partial(_encoded, value_of)
        data = {name: _as_data(each, backends, encoded if name in _URLS else value_of) for name, each in found.items()}
        return {"kind": type(value).__name__, **data}
    if not isinstance(value, tuple):
        return value
    items = [value_of(each) if isinstance(each, Bound) else _as_data(each, backends, value_of) for each in value]
    return _joined(items) if any(isinstance(each, Bound) for each in value) else tuple(items)


class _Segments(tuple[int, ...]):
    """Stands for the segments of a path with these indices, separated by slashes."""


def _joined(template: list[Any]) -> tuple[Any, ...]:
    """Returns a template with adjacent texts joined, and with segments that stand before the rest of a path as parts of it."""
    parts = chain.from_iterable(_with_slashes(part) if isinstance(part, _Segments) else [part] for part in template)
    groups = groupby(parts, lambda part: isinstance(part, str))
    joined = [part for is_text, group in groups for part in (["".join(group)] if is_text else group)]
    for index in reversed(range(len(joined) - 2)):
        match joined[index : index + 3]:
            case [("segment", one), "/", ("rest", following)] if following == one + 1:
                joined[index : index + 3] = [("rest", one)]
    return tuple(joined)


def _with_slashes(segments: _Segments) -> list[Any]:
    return [part for index in segments for part in ("/", ("segment", index))][1:]


def _encoded(value_of: Callable[[Bound], Any], bound: Bound) -> Any:
    """Returns a value from the request as a URL has it."""
    value = value_of(bound)
    return quote(value, safe="/" if bound.source == "path" else "") if isinstance(value, str) else value
