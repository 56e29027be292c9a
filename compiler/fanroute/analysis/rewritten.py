"""Finds requests that reach a backend by one route as those of another route, which requires a token or some addresses."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from sys import maxsize

from fanroute.analysis.box import (
    CLIENT_IP,
    HOST,
    HOST_LABEL,
    LENGTH,
    Box,
    Dimension,
    Point,
    ValueSet,
    box_of,
    intersect,
    sample_point,
)
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.client_addresses import Addresses
from fanroute.analysis.host_labels import Labels
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.analysis.sets import NONE, QUERIES, SEGMENTS, Hosts, Lengths, NonText, Texts
from fanroute.analysis.witness import request_of
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.routes import keeps_path, rewrite_of
from fanroute_runtime.matching.predicates import Segments, bound_value, path_segments, split_uri
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, Forward, Handoff, Parameter, Plan, Route, Template, Tunnel
from fanroute_runtime.plan.rewriting import Rewrite
from fanroute_runtime.rewriting import Rewriter

# Stands in a path for a bound value. No path contains it.
_BOUND = "\0"


def find_ways_around_guards(
    plan: Plan, boxes: Boxes, places: Mapping[str, Hashable]
) -> Iterator[tuple[int, int, RequestData, str]]:
    """Yields the number of a route without a guard, that of one with it, a request for the first, and the backend's path.

    A guard is an `auth` or a `client_ip`. The backend gets the request as it gets one that the second route sends to the same
    server. `places` has what identifies the server of each backend. One of the routes changes the path.
    """
    passing = [
        (number, route) for number, route in enumerate(plan.routes) if isinstance(route.action, Forward | Handoff | Tunnel)
    ]
    guarded = [(number, route) for number, route in passing if route.auth or route.match.client_ips]
    changing = [(number, route) for number, route in guarded if not keeps_path(route.action)]
    budget, rewriter = Budget(MAX_TOTAL_STEPS), Rewriter(plan.refused_paths)
    for number, route in passing:
        if route.auth:
            continue
        for other, guarding in guarded if rewrite_of(route.action) else changing:
            # A route says itself which addresses may ask for its own paths.
            is_own = keeps_path(route.action) and route.match.client_ips and not guarding.auth
            if is_own or other == number or _place_of(guarding, places) != _place_of(route, places):
                continue
            try:
                found = _find_request(boxes, rewriter, (number, route), (other, guarding), Budget(MAX_STEPS, budget))
            except BudgetExceeded:
                budget.charge(MAX_STEPS)
                continue
            if found:
                yield number, other, *found
                break


def _place_of(route: Route, places: Mapping[str, Hashable]) -> Hashable:
    assert isinstance(route.action, Forward | Handoff | Tunnel)
    return places[route.action.backend]


# A route with its number.
_Numbered = tuple[int, Route]


def _find_request(
    boxes: Boxes, rewriter: Rewriter, free: _Numbered, guarded: _Numbered, budget: Budget
) -> tuple[RequestData, str] | None:
    """Returns a request of a free route that its backend gets as one of a guarded route, and its path there.

    Raises BudgetExceeded.
    """
    number, route = free
    wanted, others = _sent_by(boxes, *guarded), _others(guarded[1])
    rewrite = rewrite_of(route.action) or Rewrite()
    source = None if wanted is None else _source_of(wanted, route, rewrite)
    region = None if source is None else intersect(boxes.boxes[number], source, others)
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
    asked = _asked(replace(point, query=query), path_segments(path), boxes, *guarded)
    return (request, path) if asked and boxes.fits(asked, guarded[0]) else None


def _others(guarding: Route) -> Box:
    """Returns the box of the clients that a route keeps away by their addresses, if it does not need a token."""
    if guarding.auth:
        return {}
    (others,) = Addresses().subtract(Addresses.of(guarding.match.client_ips))
    return {CLIENT_IP: others}


def _sent_by(boxes: Boxes, number: int, route: Route) -> Box | None:
    """Returns a box of the requests that a backend gets from a route, of any clients. Returns None if that is not known."""
    box = {dimension: values for dimension, values in box_of(boxes.matches[number]).items() if dimension != CLIENT_IP}
    rewrite = rewrite_of(route.action)
    if rewrite is None or keeps_path(route.action):
        return box
    rewrite = _without_rest(rewrite, route)
    added = _segments(rewrite.path)
    shift = len(added) - (rewrite.strip or 0)
    found: dict[Dimension, ValueSet] = {}
    for dimension, values in box.items():
        kind, index = dimension
        if kind == "length" and isinstance(values, Lengths):
            most = values.most if values.most == maxsize else values.most + shift
            is_whole = rewrite.strip is None
            found[dimension] = Lengths(len(added), len(added)) if is_whole else Lengths(max(1, values.least + shift), most)
        elif kind == "segment" and isinstance(index, int):
            if rewrite.strip is not None and index >= rewrite.strip:
                found["segment", index + shift] = values
        elif kind != "rest":  # the request that is found is tested
            found[dimension] = values
    for index, segment in enumerate(added):
        place = _place(segment, route)
        if place is not None:
            found["segment", index] = box.get(("segment", place), Texts.all(SEGMENTS))
        elif _BOUND in segment:
            return None
        else:
            found["segment", index] = Texts.of(SEGMENTS, (segment,))
    return dict(sorted(found.items(), key=lambda item: item[0] != LENGTH))


def _asked(point: Point, segments: Segments, boxes: Boxes, number: int, route: Route) -> Point | None:
    """Returns a request that a route sends to its backend with these segments. Returns None if that is not known."""
    if route.match.client_ips:
        point = replace(point, address=Addresses.of(route.match.client_ips).sample(NONE))
    rewrite = rewrite_of(route.action)
    if rewrite is None or keeps_path(route.action):
        return replace(point, segments=segments)
    rewrite = _without_rest(rewrite, route)
    added, known = _segments(rewrite.path), route.match.path.segments if route.match.path else ()
    sampled = sample_point(boxes.boxes[number], boxes.named).segments
    places = {_place(segment, route): index for index, segment in enumerate(added)}
    stripped = len(known) if rewrite.strip is None else rewrite.strip
    if len(segments) < len(added) or len(sampled) < stripped:
        return None
    before = [segments[places[index]] if index in places else sampled[index] for index in range(stripped)]
    return replace(point, segments=(*before, *segments[len(added) :]))


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
    label = route.match.host_parameter
    if label and added[index] == _marked(label.name):
        assert isinstance(values, Texts)
        return _with_label(values, route.match.hosts)
    fits = intersect({dimension: values}, {dimension: Texts.of(SEGMENTS, (added[index],))}) is not None
    return {} if fits and _BOUND not in added[index] else None


def _with_label(values: Texts, hosts: tuple[str, ...]) -> Box:
    """Returns a box of the requests to hosts whose first label is one of the values. Those excluded need no look: no label is."""
    if values.values is not None:
        return {HOST: Hosts.of(tuple(host.replace("*", value) for host in hosts for value in sorted(values.values)))}
    labels = [Labels.of(hosts, pattern) for pattern in values.patterns]
    return {HOST_LABEL: reduce(Labels.intersect, labels, Labels())}


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
    text = "".join(part if isinstance(part, str) else _marked(part.name if part.source == "path" else "") for part in path)
    return [segment or "" for segment in path_segments(text)] if text else []


def _marked(name: str) -> str:
    return f"{_BOUND}{name}{_BOUND}"


def _place(segment: str, route: Route) -> int | None:
    """Returns the index of the segment whose value this segment is, or None if it is no parameter of the path."""
    for index, each in enumerate(route.match.path.segments if route.match.path else ()):
        if isinstance(each, Parameter) and segment == _marked(each.name):
            return index
    return None
