"""Warns of requests that pages of other origins cannot send: of their tokens, and of the headers that a match asks for."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fanroute.analysis.box import Box, Point, box_of
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import AUTH, LOOPBACK, START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_routes, preflight_match
from fanroute.rules.cors import place_of_cors
from fanroute.spec import raw
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Action, Auth, Condition, Forward, Handoff, Hold, Plan, Preflight, Route

FR431 = Rule(
    "FR431",
    "warning",
    "a preflight request for a backend's answer needs no token",
    "Before a page of another origin sends a token in `Authorization`, its browser sends a preflight request, which has "
    "no token. A `handoff` or `forward` with `auth` and without `cors` answers it with 401, and the browser sends "
    "nothing more. The warning is for routes whose token can be in no other place, if no other route answers the "
    "preflight requests.",
    START + "routes:\n  - forward: origin\n    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}\n",
    "Say whose pages may ask: `forward: {backend: origin, cors: {origins: https://chat.example.com, headers: "
    "Authorization}}`. If no page of another origin should ask, or if your backend answers preflight requests itself, "
    "add a route before it, without `auth`, that takes them: `match: {method: OPTIONS}`.",
)

FR432 = Rule(
    "FR432",
    "note",
    "a page that reads events by fetch can send `Last-Event-ID`",
    "An EventSource sends `Last-Event-ID` to another origin without a preflight request. A client that uses `fetch` "
    "sends one first, and may send only headers that `cors` names. The note is for a match that asks for that header on "
    "a route that an EventSource may use.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /news, header: {last-event-id: {present: true}}}\n"
    '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add `headers: Last-Event-ID` to `cors` if your pages read events by `fetch`.",
)

FR446 = Rule(
    "FR446",
    "warning",
    "a page of another origin can send the token that a route asks for",
    "A browser sends a preflight request first. It lets a page send `Authorization` only if `cors` names that header "
    "(`*` does not count), and cookies only with `credentials: true`. Otherwise every request of such a page gets a 401.",
    LOOPBACK
    + "  - match: {path: /news}\n    "
    + AUTH % "audience: chat"
    + '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add `headers: Authorization` to `cors`, or for a cookie `credentials: true`, or let the token also be in the query.",
)

FR447 = Rule(
    "FR447",
    "warning",
    "a page of another origin can send the headers that a match asks for",
    "A browser lets a page of another origin send only those headers of its own that `cors` names. If a match asks for "
    "another one, no request of such a page ever gets the route. Headers that browsers send themselves are not reported, "
    "such as `Cookie`, `Origin` and `Sec-*`.",
    LOOPBACK
    + "  - match: {path: /news, header: {x-client: web}}\n"
    + '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add the header to the `headers` of `cors`, or leave it out of the match.",
)


# What a browser lets any page send without asking first: what it sends itself, what no script can set, and what is safelisted.
# Headers of Fastly's own come from no client.
# Source: https://fetch.spec.whatwg.org/#forbidden-request-header and #cors-safelisted-request-header
_UNASKED = frozenset(
    "accept accept-charset accept-encoding accept-language access-control-request-headers access-control-request-method "
    "cache-control connection content-language content-length cookie cookie2 date dnt expect host if-modified-since "
    "if-none-match keep-alive origin pragma priority referer save-data te trailer transfer-encoding upgrade "
    "upgrade-insecure-requests user-agent via".split()
)
_UNASKED_BEGIN = ("proxy-", "sec-", "fastly-")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
# Headers that are safelisted with some values only.
_SAFE_VALUES: dict[str, Callable[[str], bool]] = {
    "content-type": lambda value: value.partition(";")[0].strip().lower() in _FORM_TYPES,
    "range": lambda value: re.fullmatch(r"bytes=[0-9]+-[0-9]*", value) is not None,
}


def pages_can_send_tokens(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR446: a page of another origin cannot send its token."""
    told: set[Span] = set()
    for shared in _shared(source, plan):
        auth = shared.route.auth
        if auth and not _can_send(auth, shared.preflight) and shared.cors not in told:
            told.add(shared.cors)
            message = "a page of another origin cannot send the token that the route asks for"
            yield Diagnostic(FR446, message, shared.cors, _mend(auth))


def pages_can_send_headers(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR447 and FR432: a page of another origin cannot send a header that the match asks for."""
    for shared in _shared(source, plan):
        for name, condition in _matched(source, shared):
            if _needs_leave(condition) and not _may_have(condition.name, shared.preflight):
                span, note = source.key_span(("routes", shared.index, "match", "header", name)), Note("the 'cors'", shared.cors)
                if condition.name == "last-event-id" and _may_be_event_source(shared.route.action):
                    message = f"a page of another origin can send '{name}' by an EventSource, but not by a fetch"
                    mend = f"add '{name}' to the 'headers' of 'cors' if a page is to use fetch"
                    yield Diagnostic(FR432, message, span, mend, (note,))
                else:
                    message = f"a page of another origin cannot send '{name}', which the match asks for"
                    yield Diagnostic(FR447, message, span, f"add '{name}' to the 'headers' of 'cors'", (note,))


@dataclass(frozen=True, slots=True)
class _Shared:
    """Holds a route with `cors`, its index in the file, the route for its preflight requests, and the place of its `cors`."""

    index: int
    route: Route
    preflight: Route
    cors: Span


def _shared(source: Source, plan: Plan) -> Iterator[_Shared]:
    given = iter(raw.routes(source))
    preflight: Route | None = None
    for route in plan.routes:
        if isinstance(route.action, Preflight):
            preflight = route
            continue
        index, written = next(given)
        if route.cors and preflight:
            (at,) = raw.action_mappings(index, written)
            yield _Shared(index, route, preflight, source.key_span(place_of_cors(source, *at) or ()))


def _matched(source: Source, shared: _Shared) -> Iterator[tuple[str, Condition]]:
    """Yields the headers that a route's requests must have, each with its name as the file writes it."""
    given = source.data["routes"][shared.index].get("match", {}).get("header", {})
    names = {name.lower(): name for name in given}
    yield from ((names[one.name], one) for one in shared.route.match.headers if one.values or one.pattern or one.present)


def _needs_leave(condition: Condition) -> bool:
    """Returns True if a browser sends a preflight request before a header with any value that fits the condition."""
    if condition.name in _SAFE_VALUES:
        is_safe = _SAFE_VALUES[condition.name]
        return bool(condition.values) and not any(is_safe(value) for value in condition.values)
    return condition.name not in _UNASKED and not condition.name.startswith(_UNASKED_BEGIN)


def _may_be_event_source(action: Action) -> bool:
    """Returns True if the client may be an EventSource, which sends `Last-Event-ID` without a preflight request."""
    if isinstance(action, Hold):
        return dict(action.headers)["content-type"].startswith(b"text/event-stream")
    return isinstance(action, Handoff | Forward)


def _allowed(preflight: Route) -> set[str]:
    """Returns the names of the headers that the preflight answer allows."""
    assert preflight.cors is not None
    names = dict(preflight.cors.headers).get("access-control-allow-headers", b"").decode()
    return {name.strip().lower() for name in names.split(",")}


def _may_have(name: str, preflight: Route) -> bool:
    allowed = _allowed(preflight)
    return name in allowed or ("*" in allowed and name != "authorization")


def _can_send(auth: Auth, preflight: Route) -> bool:
    """Returns True if a page may send a token in one of its places."""
    assert preflight.cors is not None
    credentials = "access-control-allow-credentials" in dict(preflight.cors.headers)
    can = {"authorization": "authorization" in _allowed(preflight), "cookie": credentials, "query": True}
    return any(can[place.kind] for place in auth.places)


def _mend(auth: Auth) -> str:
    if any(place.kind == "authorization" for place in auth.places):
        return "add 'headers: Authorization' to 'cors'"
    return "add 'credentials: true' to 'cors'"


def preflights_are_answered(source: Source, plan: Plan, boxes: Boxes) -> Iterator[Diagnostic]:
    """Yields FR431: a page of another origin cannot send its token, because the preflight request gets an error."""
    budget = Budget(MAX_TOTAL_STEPS)
    for (index, written), route in zip(raw.routes(source), declared_routes(plan), strict=True):
        if route.auth and _asks_first(route) and (status := _unanswered(route, plan, boxes, Budget(MAX_STEPS, budget))):
            (action,) = raw.actions(written)
            message = f"a page of another origin cannot send the token: its preflight request gets a {status}"
            mend = f"say whose pages may, as in '{action}: {{backend: NAME, cors: {{origins: ORIGINS, headers: Authorization}}}}'"
            yield Diagnostic(FR431, message, source.key_span(("routes", index, action)), mend)


def _asks_first(route: Route) -> bool:
    """Returns True if only the `Authorization` header can have the route's token, and `cors` could be added to the route."""
    passed_on = isinstance(route.action, Handoff | Forward) and route.cors is None and route.match.websocket is not True
    return passed_on and route.auth is not None and all(place.kind == "authorization" for place in route.auth.places)


def _unanswered(route: Route, plan: Plan, boxes: Boxes, budget: Budget) -> int:
    """Returns the error status that a preflight request for a route gets; 0 if routes without `auth` take all of them."""
    statuses: list[int] = []

    def taken(point: Point) -> Box | None:
        refused = boxes.refusals.box(point.segments)
        if refused is not None:
            return refused
        first = boxes.first_match(point, len(plan.routes), budget)
        if first is not None and plan.routes[first].auth is None:
            return boxes.boxes[first]
        statuses.append(404 if first is None else 401)
        return None

    try:
        return statuses[-1] if find_untaken([box_of(preflight_match(route.match))], taken, boxes.named, budget) else 0
    except BudgetExceeded:
        return 0
