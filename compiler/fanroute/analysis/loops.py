"""Finds redirects that lead a client in a circle."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urldefrag, urljoin, urlsplit

from fanroute.analysis.addresses import BOUND, address_text, bound_segments, paths_of
from fanroute.analysis.box import (
    HOST,
    LENGTH,
    METHOD,
    SCHEME,
    WEBSOCKET,
    Box,
    Dimension,
    ValueSet,
    box_of,
    intersect,
    is_empty,
    sample_point,
)
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import REGION_STEPS, Boxes, find_untaken
from fanroute.analysis.sets import METHODS, SCHEMES, WEBSOCKETS, Hosts, Texts
from fanroute.analysis.witness import request_of
from fanroute.plan.request import RequestData, client_of
from fanroute_runtime.decide import redirect
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.predicates import bound_value, host_name
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, Condition, Match, Plan, Redirect, Route

# How many redirects browsers follow, one after another (https://fetch.spec.whatwg.org/#http-redirect-fetch).
MAX_REDIRECTS = 20
# With these, a client sends the same method again (RFC 9110, 15.4).
_SAME_METHOD = (307, 308)


def find_loops(plan: Plan, boxes: Boxes) -> Iterator[tuple[int, RequestData]]:
    """Yields the number of each route that redirects a request again and again, with such a request.

    Of several routes that redirect to each other, only the first is yielded.
    """
    redirects = {number: route for number, route in enumerate(plan.routes) if isinstance(route.action, Redirect)}
    follower = _Follower(plan) if redirects else None
    names = {condition.name for route in plan.routes for condition in route.match.query}
    no_query = box_of(Match(query=tuple(Condition(name, present=False) for name in sorted(names))))
    budget = Budget(MAX_TOTAL_STEPS)
    for number, route in redirects.items():
        if route.match.websocket or is_empty(boxes.boxes[number]):
            continue
        limited = Budget(MAX_STEPS, budget)
        try:
            for request in _requests_for(number, redirects, boxes, no_query, limited):
                if follower and number == follower.first_in_circle(request):
                    yield number, request
                    break
        except BudgetExceeded:
            budget.charge(MAX_STEPS)


def _requests_for(
    number: int, redirects: Mapping[int, Route], boxes: Boxes, no_query: Box, budget: Budget
) -> Iterator[RequestData]:
    """Yields requests that a redirect takes, those first to which redirects lead back. Raises BudgetExceeded."""
    own: Box = {**boxes.boxes[number], WEBSOCKET: Texts.of(WEBSOCKETS, ("no",))}
    returning = False
    for region in _returning(number, own, redirects, boxes, no_query, budget):
        returning = True
        found = find_untaken([region], lambda point: boxes.taken_box(point, number, budget), boxes.named, budget)
        if found:
            yield request_of(sample_point(found, boxes.named))
    if returning:  # a value of a location can be another one on each way round
        found = find_untaken([own], lambda point: boxes.taken_box(point, number, budget), boxes.named, budget)
        if found:
            yield request_of(sample_point(found, boxes.named))


def _returning(
    number: int, own: Box, redirects: Mapping[int, Route], boxes: Boxes, no_query: Box, budget: Budget
) -> Iterator[Box]:
    """Yields regions of the requests to which a redirect leads back, by way of other redirects, each at most once.

    Raises BudgetExceeded.
    """
    ways: list[tuple[Box, tuple[int, ...]]] = [(own, (number,))]
    for region, passed in ways:  # it grows, so short ways come first
        targets = _targets(redirects[passed[-1]], region, no_query)
        for other in boxes.index.of_box(targets, len(boxes.boxes), budget):
            budget.spend(REGION_STEPS)
            if other not in redirects or other in passed[1:]:
                continue
            following = intersect(targets, boxes.boxes[other])
            if following is not None and other == number:
                yield following
            elif following is not None:
                ways.append((following, (*passed, other)))


def _targets(route: Route, region: Box, no_query: Box) -> Box:
    """Returns a box that contains the requests to which a redirect leads those of a region.

    `no_query` has the requests without query parameters.
    """
    action = route.action
    assert isinstance(action, Redirect)
    address, has_query, _ = address_text(action.location, route.match).partition("#")[0].partition("?")
    url = urlsplit(address)
    paths = ("length", "segment", "rest") if action.keep_path else ()
    queries = ("query",) if action.keep_query else ()
    # A client sends the same headers again, from the same address.
    kept = ("host", "scheme", "method", "websocket", "header", "client_ip", *paths, *queries)
    found: dict[Dimension, ValueSet] = {dimension: values for dimension, values in region.items() if dimension[0] in kept}
    if action.status not in _SAME_METHOD:
        found[METHOD] = Texts.of(METHODS, ("GET", "HEAD"))
    if url.scheme:
        found[SCHEME] = Texts.of(SCHEMES, (url.scheme,))
    if url.netloc:  # only a whole label of the host can be bound
        found[HOST] = Hosts.of((host_name(url.netloc).replace(BOUND, "*"),))
    if not action.keep_path:
        found |= paths_of(url.path or "/")
        for index, place in bound_segments(action.location, route.match):
            if ("segment", place) in region:
                found["segment", index] = region["segment", place]
    if not has_query and not action.keep_query:
        found |= no_query
    return dict(sorted(found.items(), key=lambda item: item[0] != LENGTH))


class _Follower:
    """Follows the redirects of a Plan, as far as this service answers them."""

    def __init__(self, plan: Plan) -> None:
        self._matcher, self._paths = Matcher(plan.routes), Paths(plan.refused_paths)
        self._hosts = Hosts.of(tuple(dict.fromkeys(host for route in plan.routes for host in route.match.hosts)))

    def first_in_circle(self, request: RequestData) -> int | None:
        """Returns the least number of the routes that redirect a request again and again, or None if they come to an end."""
        passed: list[int] = []
        for _ in range(2 * MAX_REDIRECTS):
            step = self._follow(request)
            if step is None:
                return None
            number, request = step
            passed.append(number)
        return min(passed[MAX_REDIRECTS:])

    def _follow(self, request: RequestData) -> tuple[int, RequestData] | None:
        """Returns the number of the route that redirects a request, and the request that a client sends then."""
        client = client_of(request)
        try:
            self._paths.check(client.path)
            number = self._matcher.match_number(client)
            route = None if number is None else self._matcher.route(number)
            if number is None or route is None or not isinstance(route.action, Redirect):
                return None

            def value_of(bound: Bound) -> str | None:
                return bound.name if bound.source.startswith("claim") else bound_value(bound, route, client)

            answer = redirect(route.action, request, value_of)
        except Refused:
            return None
        location = dict(answer.headers)["location"].decode()
        url, _ = urldefrag(urljoin(request.url, location))
        same_method = answer.status in _SAME_METHOD or request.verb in ("GET", "HEAD")
        next_request = replace(request, url=url, verb=request.verb if same_method else "GET")
        return (number, next_request) if self._is_ours(route.action, location, next_request) else None

    def _is_ours(self, action: Redirect, location: str, target: RequestData) -> bool:
        """Returns True if a redirect leads to this service: to the same host, a host of the file, or just to another host.

        Another host that no route names can be another server's. But a redirect that only changes the host is meant for the other
        hosts of this service.
        """
        return location.startswith("/") or action.keep_path or self._hosts.contains(client_of(target).host)
