"""What a route answers, as data that is equal where the answers are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import quote

from fanroute.analysis.box import Dimension, Point
from fanroute_runtime.match import bound_value
from fanroute_runtime.plan import Bound, Parameter, Route

# Parts that are URLs: what is bound is percent-encoded there.
_URLS = ("location", "link")
# The parts of an answer by name, and its `kind`.
Answer = Mapping[str, Any]


def answer(route: Route, backends: Mapping[str, Any], asked: Point | None = None) -> Answer:
    """What a route answers to a request; without one, as it depends on the request, whatever its parameters are called.

    In the place of a backend's name is what `backends` has for it.
    """

    def standing(bound: Bound) -> Any:
        if bound.source == "claim":
            return bound
        return dimension(bound, route) if asked is None else bound_value(bound, route, asked)

    further = {name: _plain(value, backends, standing) for name, value in _parts(route).items()}
    return {**further.pop("action"), **further}


def bound_by(route: Route) -> set[Dimension]:
    """The dimensions of a request that a route's answer depends on."""
    return {dimension(bound, route) for bound in _bounds(tuple(_parts(route).values())) if bound.source != "claim"}


def dimension(bound: Bound, route: Route) -> Dimension:
    """The dimension of a request that something bound is taken from."""
    if bound.source != "path":
        return bound.source, bound.name
    segments = route.match.path.segments if route.match.path else ()
    return "segment", [isinstance(each, Parameter) and each.name for each in segments].index(bound.name)


def _parts(value: Any) -> dict[str, Any]:
    """The fields of a dataclass; of a route those that make its answer."""
    left_out = ("name", "match", "fingerprint") if isinstance(value, Route) else ()
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in left_out}


def _bounds(value: Any) -> Iterator[Bound]:
    if isinstance(value, Bound):
        yield value
    elif isinstance(value, tuple) or is_dataclass(value):
        for each in value if isinstance(value, tuple) else _parts(value).values():
            yield from _bounds(each)


def _plain(value: Any, backends: Mapping[str, Any], standing: Callable[[Bound], Any]) -> Any:
    if is_dataclass(value):
        parts = _parts(value)
        if parts.get("backend") in backends:
            parts["backend"] = backends[parts["backend"]]
        encoded = partial(_encoded, standing)
        plain = {name: _plain(part, backends, encoded if name in _URLS else standing) for name, part in parts.items()}
        return {"kind": type(value).__name__, **plain}
    if not isinstance(value, tuple):
        return value
    items = [standing(each) if isinstance(each, Bound) else _plain(each, backends, standing) for each in value]
    return _joined(items) if any(isinstance(each, Bound) for each in value) else tuple(items)


def _joined(parts: list[Any]) -> tuple[Any, ...]:
    """The parts of a template, with neighbouring texts as one."""
    groups = groupby(parts, lambda part: isinstance(part, str))
    return tuple(part for text, group in groups for part in (["".join(group)] if text else group))


def _encoded(standing: Callable[[Bound], Any], bound: Bound) -> Any:
    """What stands for something bound, as a URL has it."""
    value = standing(bound)
    return quote(value, safe="") if isinstance(value, str) else value
