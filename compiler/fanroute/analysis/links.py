"""Computes who answers the links of streams. Fanout requests a link of its own accord, without a pin."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from fanroute.analysis.addresses import address_text, paths_of
from fanroute.analysis.box import CLIENT_IP, Box, box_of, intersect, is_empty, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.client_addresses import UNKNOWN
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.analysis.witness import request_of
from fanroute.plan.request import RequestData
from fanroute.plan.routes import declared_routes
from fanroute_runtime.grip.instructions import expand_uri
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.predicates import bound_value
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import (
    Bound,
    Condition,
    Forward,
    Handoff,
    Hold,
    Match,
    Plan,
    Redirect,
    Respond,
    Route,
    Template,
    Tunnel,
    WebSocket,
)


def unusable_links(plan: Plan, host: str) -> Iterator[tuple[int, str, str]]:
    """Finds links whose answer cannot continue their stream.

    `host` is the Host with which Fanout requests this service.

    Yields:
        The index of the route with the link, an example of the link, and what happens instead.
    """
    links = [(index, target) for index, route in enumerate(declared_routes(plan)) for target in _examples(route)]
    matcher, paths = Matcher(plan.routes if links else ()), Paths(plan.refused_paths)
    for index, target in links:
        client = ClientRequest(RequestData("GET", f"https://{host}{target}"), through_fanout=True, link=True)
        if problem := _refusal(paths, client) or _problem_of_answer(matcher.match(client), client):
            yield index, target, problem


def _examples(route: Route) -> Iterator[str]:
    """Yields the link of a request that fits the route, if it has a link and there is a request that makes one."""
    if not isinstance(route.action, Hold) or not route.action.link:
        return
    region = box_of(route.match)
    if not is_empty(region):
        with suppress(Refused):
            yield _link(route.action.link, route, ClientRequest(request_of(sample_point(region, {})), through_fanout=False))


def _link(link: Template, route: Route, client: ClientRequest) -> str:
    def value(bound: Bound) -> str | None:
        return bound.name if bound.source.startswith("claim") else bound_value(bound, route, client)

    return expand_uri(link, value).decode()


def _refusal(paths: Paths, client: ClientRequest) -> str:
    """Returns why the request is refused before it is matched; "" if it is not."""
    try:
        paths.check(client.path)
    except Refused as refused:
        return f"the edge answers 400: {refused.reason}"
    return ""


def _problem_of_answer(route: Route | None, client: ClientRequest) -> str:
    """Returns what the route of a request answers instead of a part of a stream; "" if the stream can continue with it."""
    if route is None:
        return "no route takes that request"
    if route.auth and not any(place.kind == "query" and place.name in client.query for place in route.auth.places):
        return f"the route '{route.name}' answers 401, because Fanout does not have the client's token"
    match route.action:
        case Handoff():
            return f"the route '{route.name}' would hand it off again, which is a loop"
        case Hold(mode="response") | WebSocket():
            return f"the route '{route.name}' does not answer with a part of a stream"
        case Tunnel() | Redirect():
            return f"the route '{route.name}' answers 403, because no link may lead there"
        case Respond(status=status) if not 200 <= status < 300:
            return f"the route '{route.name}' answers {status}"
    return ""


def linked_backends(plan: Plan, host: str) -> tuple[str, ...]:
    """Returns the backends that may get a request for a link, sorted.

    `host` is the Host with which Fanout requests this service. If the search takes too long, a backend counts as one of them.
    """
    boxes, budget = Boxes(route.match for route in plan.routes), Budget(MAX_TOTAL_STEPS)
    from_fanout = _requests_of_fanout(plan, host)
    holds = [(route.action.link, route.match) for route in plan.routes if isinstance(route.action, Hold) and route.action.link]
    regions = [_requests_for(link, from_fanout) for link in {address_text(*each) for each in holds}]
    forwards = ((number, route.action.backend) for number, route in enumerate(plan.routes) if isinstance(route.action, Forward))
    return tuple(sorted({backend for number, backend in forwards if _gets_some(boxes, number, regions, budget)}))


def _gets_some(boxes: Boxes, number: int, regions: list[Box], budget: Budget) -> bool:
    """Returns True if a route gets some request of the regions, or if it would take too much to find out."""
    own = [region for one in regions if (region := intersect(one, boxes.boxes[number])) is not None]
    limited = Budget(MAX_STEPS, budget)
    try:
        return find_untaken(own, lambda request: boxes.taken_box(request, number, limited), boxes.named, limited) is not None
    except BudgetExceeded:
        budget.charge(MAX_STEPS)
        return True


def _requests_of_fanout(plan: Plan, host: str) -> Match:
    """Returns a match for Fanout's own requests: they have no header or query parameter that a route names."""
    headers = {condition.name for route in plan.routes for condition in route.match.headers}
    query = {condition.name for route in plan.routes for condition in route.match.query}
    return Match(
        hosts=(host,),
        methods=("GET",),
        websocket=False,
        headers=tuple(Condition(name, present=False) for name in sorted(headers)),
        query=tuple(Condition(name, present=False) for name in sorted(query)),
    )


def _requests_for(link: str, from_fanout: Match) -> Box:
    """Returns the requests for the `address_text` of a link. If the link has a query, that may be any query."""
    path, has_query, _ = link.partition("?")
    asked = box_of(replace(from_fanout, query=() if has_query else from_fanout.query))
    return {**asked, CLIENT_IP: UNKNOWN, **paths_of(path)}
