"""Finds requests that a route without a token rewrites to a path for which another route requires one."""

from collections.abc import Iterator
from dataclasses import replace
from sys import maxsize

from fanroute.analysis.box import LENGTH, Box, Dimension, ValueSet, box_of, intersect, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.analysis.sets import NONE, QUERIES, SEGMENTS, Lengths, NonText, Texts
from fanroute.analysis.witness import request_of
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.routes import keeps_path, rewrite_of
from fanroute_runtime.matching.predicates import bound_value, path_segments, split_uri
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, Forward, Handoff, Parameter, Plan, Rewrite, Route, Template, Tunnel
from fanroute_runtime.rewriting import Rewriter

# Stands in a path for a bound value. No path contains it.
_BOUND = "\0"


def find_ways_around_auth(plan: Plan, boxes: Boxes) -> Iterator[tuple[int, int, RequestData, str]]:
    """Yields the number of a route without `auth`, that of one with it, a request for the first, and the backend's path.

    The first route rewrites the request to one that the second one would send to the same backend. Routes with `auth` that
    change the path themselves do not count.
    """
    passing = [
        (number, route) for number, route in enumerate(plan.routes) if isinstance(route.action, Forward | Handoff | Tunnel)
    ]
    guarded = [(number, route) for number, route in passing if route.auth and keeps_path(route.action)]
    budget = Budget(MAX_TOTAL_STEPS)
    for number, route in passing:
        rewrite = rewrite_of(route.action)
        if rewrite is None or route.auth:
            continue
        for other, guarding in guarded:
            if _backend(guarding) != _backend(route):
                continue
            try:
                found = _find_request(
                    boxes, Rewriter(plan.refused_paths), number, route, rewrite, other, Budget(MAX_STEPS, budget)
                )
            except BudgetExceeded:
                budget.charge(MAX_STEPS)
                continue
            if found:
                yield number, other, *found
                break


def _backend(route: Route) -> str:
    assert isinstance(route.action, Forward | Handoff | Tunnel)
    return route.action.backend


def _find_request(
    boxes: Boxes, rewriter: Rewriter, number: int, route: Route, rewrite: Rewrite, guarded: int, budget: Budget
) -> tuple[RequestData, str] | None:
    """Returns a request that a route rewrites to a path of a guarded route, and that path. Raises BudgetExceeded."""
    source = _source_of(box_of(boxes.matches[guarded]), route, rewrite)
    region = None if source is None else intersect(boxes.boxes[number], source)
    found = region and find_untaken([region], lambda point: boxes.taken_box(point, number, budget), boxes.named, budget)
    if not found:
        return None
    point = sample_point(found, boxes.named)
    request = request_of(point)
    client = client_of(request)

    def value_of(bound: Bound) -> str | None:
        return bound_value(bound, route, client)

    try:
        rewritten = rewriter.rewrite_uri(rewrite, request.url, value_of)
    except Refused:
        return None
    _, path, _ = split_uri(rewritten)
    query = client_of(replace(request, url=rewritten)).query
    return (request, path) if boxes.fits(replace(point, segments=path_segments(path), query=query), guarded) else None


def _source_of(wanted: Box, route: Route, rewrite: Rewrite) -> Box | None:
    """Returns a box of the requests that a route rewrites to requests of another box.

    Returns None if there are none, or if a value of the request is a part of a segment or query parameter that counts.
    """
    rewrite = _without_rest(rewrite, route)
    added = _segments(rewrite.path)
    found: list[Box] = []
    for dimension, values in wanted.items():
        box = (
            _lengths(values, len(added), rewrite)
            if isinstance(values, Lengths)
            else _values(dimension, values, added, route, rewrite)
        )
        if box is None:
            return None
        found.append(box)
    return intersect(*found)


def _without_rest(rewrite: Rewrite, route: Route) -> Rewrite:
    """Returns a rewrite to the rest of a path as one that removes what is before the rest."""
    pattern = route.match.path
    match rewrite.path:
        case (*before, str(text), Bound("path", name)) if pattern and pattern.bound_rest and text.endswith("/"):
            if name == pattern.bound_rest.name:
                return replace(rewrite, path=(*before, text[:-1]), strip=len(pattern.segments))
    return rewrite


def _lengths(values: Lengths, added: int, rewrite: Rewrite) -> Box | None:
    """Returns a box of the requests whose path has a length of `values` after so many segments are added."""
    if rewrite.strip is None:
        return {} if values.least <= added <= values.most else None
    shift = rewrite.strip - added
    return {LENGTH: Lengths(max(1, values.least + shift), values.most if values.most == maxsize else values.most + shift)}


def _values(dimension: Dimension, values: ValueSet, added: list[str], route: Route, rewrite: Rewrite) -> Box | None:
    """Returns a box of the requests that have these values after they are rewritten."""
    kind, index = dimension
    if kind == "rest":  # the request that is found is tested
        return {}
    if kind == "query":
        return _query(dimension, values, rewrite)
    if kind != "segment" or not isinstance(index, int):
        return {dimension: values}
    if index >= len(added):
        return {} if rewrite.strip is None else {("segment", index - len(added) + rewrite.strip): values}
    place = _place(added[index], route)
    if place is not None:
        return {("segment", place): values}
    fits = intersect({dimension: values}, {dimension: Texts.of(SEGMENTS, (added[index],))}) is not None
    return {} if fits and _BOUND not in added[index] else None


def _query(dimension: Dimension, values: ValueSet, rewrite: Rewrite) -> Box | None:
    """Returns a box of the requests that have these values of a query parameter after they are rewritten."""
    name = str(dimension[1])
    texts = next((template for key, template in rewrite.set_query if key == name), None)
    if texts is None and name not in rewrite.remove_query:
        return {dimension: values}
    if texts is None:
        becomes = Texts(QUERIES, frozenset({NonText.ABSENT}), values=NONE)
    elif all(isinstance(part, str) for part in texts):
        becomes = Texts.of(QUERIES, ("".join(map(str, texts)),))
    else:
        return None
    return {} if intersect({dimension: values}, {dimension: becomes}) is not None else None


def _segments(path: Template) -> list[str]:
    """Returns the decoded segments of a path. A parameter that is a whole segment stands there as its name between marks."""
    text = "".join(
        part if isinstance(part, str) else f"{_BOUND}{part.name if part.source == 'path' else ''}{_BOUND}" for part in path
    )
    return [segment or "" for segment in path_segments(text)] if text else []


def _place(segment: str, route: Route) -> int | None:
    """Returns the index of the segment whose value this segment is, or None if it is no parameter of the path."""
    for index, each in enumerate(route.match.path.segments if route.match.path else ()):
        if isinstance(each, Parameter) and segment == f"{_BOUND}{each.name}{_BOUND}":
            return index
    return None
