"""Finds redirects that lead a client in a circle."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urldefrag, urljoin, urlsplit

from fanroute.analysis.addresses import BOUND, address_text, paths_of
from fanroute.analysis.box import (
    HOST,
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
from fanroute.analysis.search import Boxes, find_untaken
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
        limited = Budget(MAX_STEPS, budget)
        try:
            targets = _targets(route, no_query)
            redirected_again = any(other in redirects for other in boxes.index.of_box(targets, len(boxes.boxes), limited))
            request = _request_for(route, targets, boxes, number, limited) if redirected_again else None
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            continue
        if follower and request and number == follower.first_in_circle(request):
            yield number, request


def _request_for(route: Route, targets: Box, boxes: Boxes, number: int, budget: Budget) -> RequestData | None:
    """Returns a request that a redirect takes, if possible one to which it may redirect. Raises BudgetExceeded."""
    own: Box = {**boxes.boxes[number], WEBSOCKET: Texts.of(WEBSOCKETS, ("no",))}
    if is_empty(boxes.boxes[number]) or route.match.websocket:
        return None
    for region in (intersect(own, targets), own):
        found = region and find_untaken([region], lambda point: boxes.taken_box(point, number, budget), boxes.named, budget)
        if found:
            return request_of(sample_point(found, boxes.named))
    return None


def _targets(route: Route, no_query: Box) -> Box:
    """Returns a box that contains all requests to which a redirect leads. `no_query` has those without query parameters."""
    action = route.action
    assert isinstance(action, Redirect)
    address, has_query, _ = address_text(action.location, route.match).partition("#")[0].partition("?")
    url = urlsplit(address)
    region: dict[Dimension, ValueSet] = {}
    if action.status not in _SAME_METHOD:
        region[METHOD] = Texts.of(METHODS, ("GET", "HEAD"))
    if url.scheme:
        region[SCHEME] = Texts.of(SCHEMES, (url.scheme,))
    if url.netloc and BOUND not in url.netloc:
        region[HOST] = Hosts.of((host_name(url.netloc),))
    if not action.keep_path:
        region |= paths_of(url.path or "/")
    if not has_query and not action.keep_query:
        region = {**region, **no_query}
    return region


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
                return bound.name if bound.source == "claim" else bound_value(bound, route, client)

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
