"""What a route answers, as a value that is equal where the answers are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import quote

from fanroute.reach.box import Dimension, Point
from fanroute_runtime.match import bound_value
from fanroute_runtime.plan import Bound, Parameter, Redirect, Route


def answer(route: Route, backends: Mapping[str, Any], asked: Point | None = None) -> Any:
    """What a route answers to a request; without one, as it depends on the request, whatever its parameters are called.

    In the place of a backend's name is what `backends` has for it.
    """

    def standing(bound: Bound) -> Any:
        return dimension(bound, route) if asked is None else bound_value(bound, route, asked)

    return tuple(_plain(part, backends, standing) for part in _parts(route))


def bound_by(route: Route) -> set[Dimension]:
    """The dimensions of a request that a route's answer depends on."""
    return {dimension(bound, route) for part in _parts(route) for bound in _bounds(part)}


def dimension(bound: Bound, route: Route) -> Dimension:
    """The dimension of a request that something bound is taken from."""
    if bound.source != "path":
        return bound.source, bound.name
    segments = route.match.path.segments if route.match.path else ()
    return "segment", [isinstance(each, Parameter) and each.name for each in segments].index(bound.name)


def _parts(route: Route) -> list[Any]:
    return [getattr(route, field.name) for field in fields(route) if field.name not in ("name", "match")]


def _bounds(value: Any) -> Iterator[Bound]:
    if isinstance(value, Bound):
        yield value
    elif is_dataclass(value) or isinstance(value, tuple):
        inner = value if isinstance(value, tuple) else [getattr(value, field.name) for field in fields(value)]
        yield from (bound for each in inner for bound in _bounds(each))


def _plain(value: Any, backends: Mapping[str, Any], standing: Callable[[Bound], Any]) -> Any:
    if isinstance(value, Redirect):
        standing = partial(_encoded, standing)
    if is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        if named.get("backend") in backends:
            named["backend"] = backends[named["backend"]]
        return type(value).__name__, *(_plain(each, backends, standing) for each in named.values())
    if not isinstance(value, tuple):
        return value
    parts = [standing(each) if isinstance(each, Bound) else _plain(each, backends, standing) for each in value]
    return _joined(parts) if any(isinstance(each, Bound) for each in value) else tuple(parts)


def _joined(parts: list[Any]) -> tuple[Any, ...]:
    """The parts of a template, with neighbouring texts as one."""
    groups = groupby(parts, lambda part: isinstance(part, str))
    return tuple(part for text, group in groups for part in (["".join(group)] if text else group))


def _encoded(standing: Callable[[Bound], Any], bound: Bound) -> Any:
    value = standing(bound)
    return quote(value, safe="") if isinstance(value, str) else value
