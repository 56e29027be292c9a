"""Describes a route's answer as data, which is equal for two routes if they answer the same, however routes.yaml says it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from itertools import chain, groupby
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from fanroute.analysis.box import HOST, LENGTH, Box, Dimension, Point
from fanroute.analysis.sets import Lengths, Texts
from fanroute.plan.routes import references, rest_name, rewrite_of
from fanroute_runtime.matching.predicates import bound_value
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import (
    Action,
    Bound,
    Condition,
    Forward,
    Handoff,
    Hold,
    Parameter,
    PathFault,
    Redirect,
    Route,
    Template,
    Tunnel,
)
from fanroute_runtime.plan.auth import Auth
from fanroute_runtime.plan.rewriting import Rewrite
from fanroute_runtime.rewriting import Rewriter

# The fields of an answer by name, and its `kind`.
Answer = Mapping[str, Any]
# Returns what stands for a value of the request.
_ValueOf = Callable[[Bound], Any]

# Fields whose items have no order.
_UNORDERED = frozenset(
    "add algorithms audiences channels claims drop_query headers issuers key_sets keys meta origins remove secret_headers set "
    "templates values".split()
)
# What is before the path of an address.
_ORIGIN = re.compile(r"(?:https?://[^/?#]*)?")


class KnownPaths(NamedTuple):
    """Says what is known of the paths of some requests: how many segments they have, and which texts some of these are."""

    least: int
    is_exact: bool
    texts: Mapping[int, str]

    def segment(self, index: int) -> Any:
        """Returns a segment: its text, or its dimension."""
        return self.texts.get(index, ("segment", index))

    def rest(self, first: int) -> list[Any]:
        """Returns the segments from an index on."""
        found = [self.segment(index) for index in range(first, self.least)]
        return found if self.is_exact else [*found, ("rest", max(first, self.least))]


def known_paths(region: Box) -> KnownPaths:
    """Returns what is known of the paths of the requests in a region."""
    lengths, texts = region.get(LENGTH, Lengths()), {}
    assert isinstance(lengths, Lengths)
    for (kind, index), values in region.items():
        if kind == "segment" and isinstance(values, Texts) and not values.non_texts and len(values.values or ()) == 1:
            texts[int(index)] = min(values.values or ())
    return KnownPaths(lengths.least, lengths.least == lengths.most, texts)


def answer_of(
    route: Route,
    backends: Mapping[str, Any],
    point: Point | None = None,
    known: KnownPaths | None = None,
    refused: Collection[PathFault] = (),
) -> Answer:
    """Returns what a route answers to a request. It does not matter which characters of a path are percent-encoded.

    Without a request, each value that is taken from it is replaced by its dimension, so the names of parameters do not matter.
    With `known`, it is what the route answers to the requests with such paths. A backend's name is replaced by its entry in
    `backends`. No backend gets a path with a fault that is `refused`.
    """
    claims = {part.name: (part.path, part.words) for part in (route.auth.parts if route.auth else ())}

    def value_of(bound: Bound) -> Any:
        if bound.source.startswith("claim"):
            return "claim", *claims.get(bound.name, ((bound.name,), False))
        if point is not None:
            return bound_value(bound, route, point)
        dimension = dimension_of(bound, route)
        if known and dimension[0] == "segment":
            return known.segment(int(dimension[1]))
        return _Segments(known.rest(int(dimension[1]))) if known and known.is_exact and dimension[0] == "rest" else dimension

    route = replace(route, auth=route.auth and _with_whole_names(route.auth, claims))
    found = {name: _as_data(value, backends, value_of, name) for name, value in _fields(route).items()}
    return {**found.pop("action"), **found, **_addresses(route, value_of, point, known, refused)}


def dimensions_used(route: Route) -> set[Dimension]:
    """Returns the dimensions of a request on which a route's answer depends."""
    found = {dimension_of(bound, route) for bound in _bounds(tuple(_fields(route).values())) if bound.source != "claim"}
    found |= {("query", name) for name in (rewrite_of(route.action) or Rewrite()).remove_query}
    kept = _kept_from(route.action)
    return found if kept is None else found | {("rest", kept)}


def dimension_of(bound: Bound, route: Route) -> Dimension:
    """Returns the dimension of a request from which a value is taken."""
    if bound.source != "path":
        return bound.source, bound.name
    if (label := route.match.host_parameter) and label.name == bound.name:
        return HOST
    segments = route.match.path.segments if route.match.path else ()
    if bound.name == rest_name(route.match):
        return "rest", len(segments)
    return "segment", [isinstance(each, Parameter) and each.name for each in segments].index(bound.name)


def _with_whole_names(auth: Auth, claims: Mapping[str, tuple[tuple[str, ...], bool]]) -> Auth:
    """Returns an `auth` in which each claim has one name: where it stands in a token."""

    def name_of(name: str) -> str:
        return repr(claims.get(name, ((name,), False)))

    named: tuple[Condition, ...] = tuple(replace(condition, name=name_of(condition.name)) for condition in auth.claims)
    return replace(auth, claims=named, channels=auth.channels and name_of(auth.channels), parts=())


def _addresses(
    route: Route, value_of: _ValueOf, point: Point | None, known: KnownPaths | None, refused: Collection[PathFault]
) -> dict[str, Any]:
    """Returns the addresses in an answer: where a redirect or link leads to, and the path and query for a backend."""

    def path_of(template: Template, kept: int | None = None) -> Any:
        after = [] if kept is None else point.segments[kept:] if point else [("rest", kept)]
        segments = [*_joined_path([*_segments(template, value_of), *([each] for each in after)])]
        if known:
            segments = [part for each in segments for part in (known.rest(each[1]) if each[:1] == ("rest",) else [each])]
        return tuple(segments) or ("",)

    match route.action:
        case Handoff() | Forward() | Tunnel():
            rewrite = route.action.rewrite
            if rewrite and point and _is_refused(rewrite, route, value_of, point, refused):
                return {"rewrite": "refused"}
            changes = rewrite or Rewrite()
            from_client = any(bound.source != "path" for bound in references(changes.path))
            address = path_of(changes.path, _kept_from(route.action)), from_client and sorted(refused)
            removed = {name for name in changes.remove_query if point is None or name in point.query}
            values = {name: _joined([_value(part, value_of) for part in template]) for name, template in changes.set_query}
            return {"rewrite": (address, sorted(values.items()), sorted(removed))}
        case Redirect(location=template):
            origin, path, rest = _split(template)
            tail = _joined([_value(part, partial(_encoded, value_of)) for part in rest])
            return {"location": (origin, path_of(path, _kept_from(route.action)), tail), "keep_path": None}
        case Hold(link=template) if template:
            _, path, rest = _split(template)
            return {"link": (path_of(path), _joined([_value(part, partial(_encoded, value_of)) for part in rest]))}
    return {}


def _kept_from(action: Action) -> int | None:
    """Returns the index from which an action keeps the segments of the request's path, or None if it keeps none."""
    if isinstance(action, Redirect):
        return 0 if action.keep_path else None
    if isinstance(action, Handoff | Forward | Tunnel):
        return action.rewrite.strip if action.rewrite else 0
    return None


def _is_refused(rewrite: Rewrite, route: Route, value_of: _ValueOf, point: Point, refused: Collection[PathFault]) -> bool:
    """Returns True if a request gets a 400 because of the path for the backend."""
    from fanroute.analysis.witness import request_of  # late: `check` compares answers, but not these

    def text_of(bound: Bound) -> str | None:
        return bound.name if bound.source.startswith("claim") else bound_value(bound, route, point)

    try:
        Rewriter(refused).rewrite_uri(rewrite, request_of(point).url, text_of)
    except Refused:
        return True
    return False


def _split(address: Template) -> tuple[str, Template, Template]:
    """Splits an address into its origin, its path, and its query and fragment."""
    origin = _ORIGIN.match(str(address[0]) if address else "")
    assert origin is not None
    parts = [str(address[0])[origin.end() :], *address[1:]] if address else []
    for index, part in enumerate(parts):
        end = re.search(r"[?#]", part) if isinstance(part, str) else None
        if isinstance(part, str) and end:
            return origin[0], (*parts[:index], part[: end.start()]), (part[end.start() :], *parts[index + 1 :])
    return origin[0], tuple(parts), ()


def _segments(path: Template, value_of: _ValueOf) -> list[list[Any]]:
    """Returns the decoded segments of a path, each as its texts and values."""
    found: list[list[Any]] = [[]]
    for part in path:
        pieces: list[Any]
        if isinstance(part, str):
            pieces = [unquote(piece) for piece in part.split("/")]
        else:
            value = value_of(part)
            pieces = [value]
            if isinstance(value, _Segments):
                pieces = [*value]
            elif isinstance(value, str) and part.source == "path":  # only the rest of a path has slashes
                pieces = [*value.split("/")]
        found[-1].append(pieces[0])
        found += [[piece] for piece in pieces[1:]]
    return found[1:]


def _joined_path(segments: list[list[Any]]) -> Iterator[Any]:
    """Yields segments with their texts joined. Segments that stand before the rest of a path are parts of it."""
    found: list[Any] = [_joined([part for part in segment if part != ""]) for segment in segments]
    found = [segment[0] if len(segment) == 1 else segment or "" for segment in found]
    for index in reversed(range(len(found) - 1)):
        match found[index : index + 2]:
            case [("segment", one), ("rest", following)] if following == one + 1:
                found[index : index + 2] = [("rest", one)]
    yield from found


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


def _as_data(value: Any, backends: Mapping[str, Any], value_of: _ValueOf, field: str = "") -> Any:
    if is_dataclass(value):
        found = _fields(value)
        if found.get("backend") in backends:
            found["backend"] = backends[found["backend"]]
        return {"kind": type(value).__name__} | {name: _as_data(each, backends, value_of, name) for name, each in found.items()}
    if not isinstance(value, tuple):
        return value
    if any(isinstance(each, Bound) for each in value):
        return _joined([_value(each, value_of) for each in value])
    items = [_as_data(each, backends, value_of) for each in value]
    return tuple(sorted(items, key=repr) if field in _UNORDERED else items)


def _value(part: str | Bound, value_of: _ValueOf) -> Any:
    return part if isinstance(part, str) else value_of(part)


class _Segments(tuple[Any, ...]):
    """Stands for the segments of a path, separated by slashes: the text of each, or its dimension."""


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
    return [part for segment in segments for part in ("/", segment)][1:]


def _encoded(value_of: _ValueOf, bound: Bound) -> Any:
    """Returns a value from the request as a URL has it."""
    value = value_of(bound)
    if isinstance(value, _Segments):
        return _Segments(quote(each) if isinstance(each, str) else each for each in value)
    return quote(value, safe="/" if bound.source == "path" else "") if isinstance(value, str) else value
