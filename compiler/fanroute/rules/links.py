"""Who answers a stream's link, which Fanout asks of its own accord, without a pin."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from fanroute.analysis.box import LENGTH, Box, Dimension, box_of, intersect, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.analysis.sets import SEGMENTS, Lengths, Texts, ValueSet
from fanroute.analysis.witness import request_of
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.request import RequestData
from fanroute.plan.routes import declared_routes
from fanroute.spec.actions import STREAM_ACTIONS
from fanroute.syntax.source import Source
from fanroute_runtime.client import Client
from fanroute_runtime.exchange import Refused
from fanroute_runtime.grip import encoded
from fanroute_runtime.match import bound_value, path_segments
from fanroute_runtime.matcher import Matcher
from fanroute_runtime.paths import Paths
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

FR420 = Rule(
    "FR420",
    "warning",
    "a stream's link answers Fanout",
    "Fanout asks a link at this service, under the loopback backend's host, by a GET with nothing of the client's. If "
    "that request gets a handoff, an error or no route, the stream ends at the first message that is missing. The "
    "warning shows one such request.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events, query: {after: {present: true}}}\n"
    '    sse: {channel: {name: news, prev_id: "{query.after}"}, link: /missed}\n'
    "  - match: {path: /missed}\n    handoff: origin\n",
    "Put a route for the link's path there, without a host or with the loopback backend's, that forwards it to your origin.",
)


# Stands in a link for what is bound; no link has it.
_BOUND = "\0"


def links_are_answered(source: Source, plan: Plan, host: str) -> Iterator[Diagnostic]:
    """FR420; `host` is the Host that Fanout asks this service with."""
    linked = [(index, target) for index, route in enumerate(declared_routes(plan)) for target in _examples(route)]
    matcher, paths = Matcher(plan.routes if linked else ()), Paths(plan.refused_paths)
    for index, target in linked:
        client = Client(RequestData("GET", f"https://{host}{target}"), through_fanout=True, link=True)
        if instead := _refused(paths, client) or _instead(matcher.match(client), client):
            stream, sse = (("routes", index, kind, "link") for kind in STREAM_ACTIONS)
            message = f"Fanout asks {host} for the link, as in GET {target}, and {instead}"
            mend = "have a route for that path forward it to your origin, or answer it with a stream"
            yield Diagnostic(FR420, message, source.value_span(sse if source.has(sse) else stream), mend)


def _examples(route: Route) -> Iterator[str]:
    """The link of a request that fits the route, if it has one and there is such a request that gives one."""
    if not isinstance(route.action, Hold) or not route.action.link:
        return
    region = box_of(route.match)
    if not any(wanted.is_empty for wanted in region.values()):
        with suppress(Refused):
            yield _link(route.action.link, route, Client(request_of(sample_point(region, {})), through_fanout=False))


def _link(link: Template, route: Route, client: Client) -> str:
    def bound(value: Bound) -> str | None:
        return value.name if value.source == "claim" else bound_value(value, route, client)

    return encoded(link, bound).decode()


def _refused(paths: Paths, client: Client) -> str:
    """Why a link's request is refused before it is matched; "" if it is not."""
    try:
        paths.check(client.path)
    except Refused as refused:
        return f"the edge answers 400: {refused.reason}"
    return ""


def _instead(route: Route | None, client: Client) -> str:
    """What becomes of a link's request that gets a route; "" if a stream can go on with it."""
    if route is None:
        return "no route is for that"
    if route.auth and not any(place.kind == "query" and place.name in client.query for place in route.auth.places):
        return f"the route '{route.name}' answers 401, since Fanout has not the client's token"
    match route.action:
        case Handoff():
            return f"the route '{route.name}' would hand it off once more, which is a loop"
        case Hold(mode="response") | WebSocket():
            return f"the route '{route.name}' gives no part of a stream"
        case Tunnel() | Redirect():
            return f"the route '{route.name}' answers 403, since no link may lead there"
        case Respond(status=status) if not 200 <= status < 300:
            return f"the route '{route.name}' answers {status}"
    return ""


def linked(plan: Plan, host: str) -> tuple[str, ...]:
    """The backends to which a request for a link of the routes is forwarded, as far as can be found out.

    `host` is the Host that Fanout asks this service with. If the search takes too long, a backend counts as one of them.
    """
    boxes, budget = Boxes(route.match for route in plan.routes), Budget(MAX_TOTAL_STEPS)
    from_fanout = _asked_by_fanout(plan, host)
    links = {route.action.link for route in plan.routes if isinstance(route.action, Hold) and route.action.link}
    regions = [_requests(link, from_fanout) for link in links]
    forwards = ((number, route.action.backend) for number, route in enumerate(plan.routes) if isinstance(route.action, Forward))
    found = {backend for number, backend in forwards if _gets(boxes, number, regions, budget)}
    return tuple(sorted(found))


def _gets(boxes: Boxes, number: int, regions: list[Box], budget: Budget) -> bool:
    """Returns True if some request of the regions gets a route."""
    own = [region for one in regions if (region := intersect(one, boxes.boxes[number])) is not None]
    limited = Budget(MAX_STEPS, budget)
    try:
        return find_untaken(own, lambda point: boxes.taken_box(point, number, limited), boxes.named, limited) is not None
    except BudgetExceeded:
        budget.charge(MAX_STEPS)
        return True


def _asked_by_fanout(plan: Plan, host: str) -> Match:
    """A match for requests that Fanout makes itself: they have no header or query parameter that a route asks for."""
    headers = {condition.name for route in plan.routes for condition in route.match.headers}
    query = {condition.name for route in plan.routes for condition in route.match.query}
    return Match(
        hosts=(host,),
        methods=("GET",),
        websocket=False,
        headers=tuple(Condition(name, present=False) for name in sorted(headers)),
        query=tuple(Condition(name, present=False) for name in sorted(query)),
    )


def _requests(link: Template, from_fanout: Match) -> Box:
    """The requests for a link. A segment with a part that is bound may be any; so may a query, if the link has one."""
    text = "".join(part if isinstance(part, str) else _BOUND for part in link)
    path, has_query, _ = text.partition("?")
    segments = path_segments(path)
    region: dict[Dimension, ValueSet] = {**box_of(replace(from_fanout, query=() if has_query else from_fanout.query))}
    region[LENGTH] = Lengths(len(segments), len(segments))
    for index, segment in enumerate(segments):
        # What has a slash in it is no value of the dimension, and fits a final `*` alone, as what is free does.
        if segment is not None and _BOUND not in segment and "/" not in segment:
            region["segment", index] = Texts.of(SEGMENTS, (segment,))
    return region
