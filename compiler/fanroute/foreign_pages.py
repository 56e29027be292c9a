"""Warns of requests that pages of other origins cannot send: of their tokens, and of the headers that a match asks for."""

from collections.abc import Iterator

from fanroute import parts
from fanroute.cors_checks import place_of_cors
from fanroute.diagnostics import Diagnostic, Span
from fanroute.lower import written_routes
from fanroute.reach.box import Box, Point, box
from fanroute.reach.routes import MAX_WORK, MAX_WORK_IN_ALL
from fanroute.reach.search import Boxes, search
from fanroute.sharing import preflights_of
from fanroute.source import Source
from fanroute.work import TooMuch, Work
from fanroute_runtime.plan import Auth, Forward, Handoff, Plan, Preflight, Route


def pages_can_send_tokens(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR446"""
    told: set[Span] = set()
    given = iter(parts.routes(source))
    preflight: Route | None = None
    for route in plan.routes:
        if isinstance(route.action, Preflight):
            preflight = route
            continue
        index, written_route = next(given)
        if route.auth and route.cors and preflight and not _can_send(route.auth, preflight):
            (at,) = parts.mappings(index, written_route)
            span = source.key_span(place_of_cors(source, *at) or ())
            if span not in told:
                told.add(span)
                message = "a page of another origin cannot send the token that the route asks for"
                yield Diagnostic("FR446", message, span, _mend(route.auth))


def _can_send(auth: Auth, preflight: Route) -> bool:
    """Whether a page may use one of the places of a token."""
    assert preflight.cors is not None
    allowed = dict(preflight.cors.headers)
    names = {name.strip().lower() for name in allowed.get("access-control-allow-headers", b"").split(b",")}
    can = {"authorization": b"authorization" in names, "cookie": "access-control-allow-credentials" in allowed, "query": True}
    return any(can[place.kind] for place in auth.places)


def _mend(auth: Auth) -> str:
    if any(place.kind == "authorization" for place in auth.places):
        return "add 'headers: Authorization' to 'cors'"
    return "add 'credentials: true' to 'cors'"


def preflights_are_answered(source: Source, plan: Plan, boxes: Boxes) -> Iterator[Diagnostic]:
    """FR431"""
    work = Work(MAX_WORK_IN_ALL)
    for (index, written), route in zip(parts.routes(source), written_routes(plan), strict=True):
        if route.auth and _asks_first(route) and (status := _unanswered(route, plan, boxes, Work(MAX_WORK, work))):
            (action,) = parts.actions(written)
            message = f"a page of another origin cannot send the token: its preflight request gets a {status}"
            mend = f"say whose pages may, as in '{action}: {{backend: NAME, cors: {{origins: ORIGINS, headers: Authorization}}}}'"
            yield Diagnostic("FR431", message, source.key_span(("routes", index, action)), mend)


def _asks_first(route: Route) -> bool:
    """Returns True if the edge could answer a route's preflight requests, and pages can send its token by no other request."""
    passed_on = isinstance(route.action, Handoff | Forward) and route.cors is None and route.match.websocket is not True
    return passed_on and route.auth is not None and all(place.kind == "authorization" for place in route.auth.places)


def _unanswered(route: Route, plan: Plan, boxes: Boxes, work: Work) -> int:
    """Returns the status of some preflight request of a route that nobody answers; 0 if a route without a token takes each."""
    statuses: list[int] = []

    def taken(asked: Point) -> Box | None:
        first = boxes.first(asked, len(plan.routes), work)
        if first is not None and plan.routes[first].auth is None:
            return boxes.boxes[first]
        statuses.append(404 if first is None else 401)
        return None

    try:
        return statuses[-1] if search([box(preflights_of(route.match))], taken, boxes.named, work) else 0
    except TooMuch:
        return 0
