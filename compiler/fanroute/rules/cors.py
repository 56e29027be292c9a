"""Checks what pages of other origins may do, by `cors` and `origins`: FR240-FR243, FR430-FR432, FR446 and FR447."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fanroute.analysis.box import Box, Point, box_of
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import AUTH, LOOPBACK, START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.places import header_of_script
from fanroute.plan.routes import declared_routes, is_declared, preflight_match
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.rules.headers import header_names, routes_and_mappings
from fanroute.spec import raw
from fanroute.spec.actions import WEBSOCKET_ACTIONS
from fanroute.spec.defaults import takes_default
from fanroute.syntax.source import Path, Source
from fanroute_runtime.http.origins import ANY
from fanroute_runtime.plan import Action, Condition, Forward, Handoff, Hold, Plan, Preflight, Route, Template, WebSocket
from fanroute_runtime.plan.auth import Auth

FR240 = Rule(
    "FR240",
    "error",
    "credentials are allowed for any origin, port or header",
    "With credentials, browsers refuse a `*` in the answer. Otherwise any page of the web could act as its visitor, and read "
    "what only that visitor may read. `http://localhost:*` is for any program of the visitor's machine that serves pages.",
    START + "routes:\n  - respond: {status: 200, cors: {origins: '*', credentials: true}}\n",
    "Name the origins with their ports, and the headers, or remove `credentials`.",
)


@source_check("credentials")
def check_credentials(source: Source) -> Iterator[Diagnostic]:
    """Reports FR240: `cors` allows credentials for any origin, port or header."""
    for owner_path, owner in ((("defaults",), raw.defaults(source)), *(mapping for _, mapping in routes_and_mappings(source))):
        path, cors = (*owner_path, "cors"), owner.get("cors")
        if not isinstance(cors, dict) or cors.get("credentials") is not True:
            continue
        for key in ("origins", "headers", "expose"):
            if cors.get(key) in ("*", ["*"]):
                note = Note("the '*'", source.value_span((*path, key)))
                message = f"'credentials' cannot be used with '*' in '{key}'"
                yield Diagnostic(FR240, message, source.key_span((*path, "credentials")), "name them one by one", (note,))
        for place, origin in raw.any_ports((*path, "origins"), cors.get("origins")):
            note, span = Note("the ':*'", source.value_span(place)), source.key_span((*path, "credentials"))
            yield Diagnostic(FR240, f"'credentials' cannot be used with '{origin}'", span, "name the port", (note,))


FR241 = Rule(
    "FR241",
    "error",
    "a header rule sets a header that `cors` sets",
    "With `cors`, the edge sets the `Access-Control-*` headers of the answer, for the origin that asks. Of two values for one "
    "header, one would be lost.",
    START
    + "routes:\n  - respond:\n      status: 200\n      cors: {origins: 'https://a.example.com'}\n"
    + "      headers: {Access-Control-Max-Age: '60'}\n",
    "Remove the header, or `cors`. docs/reference.md has all keys of `cors`.",
)


@source_check("cors")
def check_cors_headers(source: Source) -> Iterator[Diagnostic]:
    """Reports FR241: a header rule sets a header that `cors` sets."""
    by_default = list(header_names(source, ("defaults", "response_headers"), raw.defaults(source).get("response_headers")))
    reported: set[Span] = set()
    for route, (path, mapping) in routes_and_mappings(source):
        cors = cors_path(source, path, mapping)
        by_action = header_names(source, path, mapping, ("headers",))
        by_route = header_names(source, (*path[:2], "response_headers"), route.get("response_headers"))
        by_defaults = by_default if takes_default(str(path[-1]), "response_headers") else ()
        for name, span in (*by_action, *by_route, *by_defaults) if cors else ():
            if name.lower().startswith("access-control-") and span not in reported:
                reported.add(span)
                note = Note("the 'cors'", source.key_span(cors or ()))
                message = f"'{name}' and 'cors' cannot be used together"
                yield Diagnostic(FR241, message, span, "leave it to 'cors'", (note,))


def cors_path(source: Source, path: Path, mapping: dict[str, Any]) -> Path | None:
    """Returns the path of the `cors` that applies to an action, its own or the default one; None if there is none."""
    if "cors" in mapping:
        return (*path, "cors")
    return ("defaults", "cors") if "cors" in raw.defaults(source) and takes_default(str(path[-1]), "cors") else None


FR242 = Rule(
    "FR242",
    "error",
    "a route has `origins` without WebSockets, or `cors` with nothing else",
    "The key `origins` says whose pages may open a WebSocket, which goes through the edge only by `websocket`, `tunnel` or "
    "`handoff`. It does not stop any other request. `cors` says which pages may read an answer, which does not stop a WebSocket.",
    START + "routes:\n  - match: {path: /hello}\n    respond: {status: 200}\n    origins: 'https://a.example.com'\n",
    "Remove it, or use the other one.",
)


@source_check("origins")
def check_origins_places(source: Source) -> Iterator[Diagnostic]:
    """Reports FR242: `origins` is on a route that takes no WebSocket."""
    for index, route in raw.routes(source):
        path, match = ("routes", index), route.get("match")
        for action in raw.actions(route)[:1] if "origins" in route else ():
            span = source.key_span((*path, "origins"))
            if action not in WEBSOCKET_ACTIONS:
                note = Note("the action", source.key_span((*path, action)))
                message = f"'origins' has no effect on '{action}', which is not a WebSocket"
                suggestion = "remove it; 'cors' says which pages may read an answer"
                yield Diagnostic(FR242, message, span, suggestion, (note,))
            elif isinstance(match, dict) and match.get("websocket") is False:
                note = Note("the condition", source.value_span((*path, "match", "websocket")))
                yield Diagnostic(FR242, "'origins' has no effect: this match excludes WebSockets", span, "remove it", (note,))


@source_check("cors")
def check_cors_places(source: Source) -> Iterator[Diagnostic]:
    """Reports FR242: `cors` is on a route that takes only WebSockets."""
    for route, (path, mapping) in routes_and_mappings(source):
        match = route.get("match")
        if "cors" in mapping and isinstance(match, dict) and match.get("websocket") is True and path[-1] in WEBSOCKET_ACTIONS:
            note = Note("the condition", source.value_span((*path[:2], "match", "websocket")))
            suggestion = "remove it; 'origins' says whose pages may open a WebSocket"
            message = "'cors' has no effect: this match takes only WebSockets"
            yield Diagnostic(FR242, message, source.key_span((*path, "cors")), suggestion, (note,))


FR243 = Rule(
    "FR243",
    "error",
    "any page may open a WebSocket, or publish, with a cookie as the token",
    "A browser sends its visitor's cookies with a WebSocket, whichever page opens it, and lets that page read and write there. "
    "This is called cross-site WebSocket hijacking. It also sends them with the request of a page that publishes. For a "
    "`tunnel`, `origins: '*'` leaves it to the backend to check the page's origin.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /socket}\n    websocket: {channel: 'user-{claim.sub}'}\n"
    "    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {cookie: session}}\n",
    "Say whose pages may open it: `origins: https://chat.example.com`. The service's own pages always may.",
)


@source_check("cookie")
def check_cookie_tokens(source: Source) -> Iterator[Diagnostic]:
    """Reports FR243: any page may open a WebSocket with a cookie as the token (RFC 6455, 10.2)."""
    for index, route in raw.routes(source):
        cookie, origins = _cookie_span(source, index, route), raw.origins_of(source, index, route)
        for action in raw.actions(route)[:1] if cookie else ():
            # The backend of a tunnel may check a page's origin itself.
            if action == "websocket" and origins and origins[1] in ("*", ["*"]):
                span = source.value_span(origins[0])
            elif action == "websocket" and origins and (ports := [*raw.any_ports(*origins)]):
                message = f"pages of '{ports[0][1]}' may open this WebSocket, with their visitor's cookie as the token"
                yield Diagnostic(FR243, message, source.value_span(ports[0][0]), "name the port", (Note("the cookie", cookie),))
                continue
            elif action in ("websocket", "tunnel") and origins is None:
                span = source.key_span(("routes", index, action))
            else:
                continue
            message = "pages of any origin may open this WebSocket, with their visitor's cookie as the token"
            yield Diagnostic(FR243, message, span, "name those of your pages under 'origins'", (Note("the cookie", cookie),))


@source_check("publish")
def check_cookie_publications(source: Source) -> Iterator[Diagnostic]:
    """Reports FR243: pages of any origin, or of any port, may publish with a cookie as the token."""
    for index, path, publish in raw.publications(source):
        cookie = _cookie_span(source, index, source.data["routes"][index])
        cors = publish.get("cors", raw.defaults(source).get("cors")) if len(path) == 3 else None
        origins = cors.get("origins") if isinstance(cors, dict) else None
        if cookie and (origins in ("*", ["*"]) or [*raw.any_ports((), origins or [])]):
            message = "pages of any origin or port may publish, with their visitor's cookie as the token"
            yield Diagnostic(
                FR243, message, source.key_span(path), "name those of your pages in 'cors'", (Note("the cookie", cookie),)
            )


def _cookie_span(source: Source, index: int, route: dict[str, Any]) -> Span | None:
    """Returns where the file names a cookie that may be the token of a route; None if it names none."""
    auth = raw.auth_of(source, index, route)
    cookies = (path for path, place in (auth.token_places() if auth else ()) if isinstance(place, dict) and "cookie" in place)
    return next((source.value_span(path) for path in cookies), None)


FR430 = Rule(
    "FR430",
    "warning",
    "a WebSocket lets in pages that `cors` keeps out",
    "Browsers hide an endpoint's answer from pages that `cors` does not name, but they hide nothing of a WebSocket. Without "
    "`origins`, a page that may not read a channel by `sse`, `stream` or `long_poll` may read it by the WebSocket, with its "
    "visitor's cookies. The warning compares channels as they are written in the file.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events}\n"
    "    sse: {channel: news, cors: {origins: 'https://chat.example.com'}}\n"
    "  - match: {path: /socket}\n    websocket: {channel: news}\n",
    "Say whose pages may open it: `origins: https://chat.example.com`, or `origins: '*'` if all may.",
)


@plan_check
def check_websocket_origins(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR430: any page may open a WebSocket, but another route restricts the same channel to some origins."""
    restricted: dict[Template, tuple[int, tuple[str, ...]]] = {}
    routes = declared_routes(file.plan)
    for index, route in enumerate(routes):
        if isinstance(route.action, Hold) and route.cors and route.cors.origins != ANY:
            for channel in route.action.channels:
                restricted.setdefault(channel.name, (index, route.cors.origins))
    for (index, data), route in zip(raw.routes(file.source), routes, strict=True) if restricted else ():
        # With a token, a page needs its visitor's cookie, which is FR243.
        if isinstance(route.action, WebSocket) and route.auth is None and raw.origins_of(file.source, index, data) is None:
            found = next((restricted[channel.name] for channel in route.action.channels if channel.name in restricted), None)
            if found:
                yield _lets_others_in(file.source, index, *found)


def _lets_others_in(source: Source, index: int, restricted: int, origins: tuple[str, ...]) -> Diagnostic:
    ((path, mapping),) = raw.action_mappings(restricted, source.data["routes"][restricted])
    message = "pages of any origin may open this WebSocket, but another route lets only some of them read its channel"
    suggestion = f"add 'origins: [{', '.join(origins)}]', or 'origins: \"*\"' if any page may"
    note = Note("the origins that may read it", source.value_span((*(cors_path(source, path, mapping) or path), "origins")))
    return Diagnostic(FR430, message, source.key_span(("routes", index, "websocket")), suggestion, (note,))


FR431 = Rule(
    "FR431",
    "warning",
    "the preflight request for a route with a token gets an error",
    "Before a page of another origin sends a token in `Authorization` or a header of its own, its browser sends a preflight "
    "request, which has no token. A `handoff` or `forward` with `auth` and without `cors` answers it with 401, and the browser "
    "sends nothing more. The warning is for routes whose token can be in no other place, if no other route answers the preflight "
    "requests.",
    START + "routes:\n  - forward: origin\n    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}\n",
    "Say whose pages may send requests: `forward: {backend: origin, cors: {origins: https://chat.example.com, headers: "
    "Authorization}}`. If no page of another origin should, or if your backend answers preflight requests itself, add a route "
    "before it, without `auth`, that takes them: `match: {method: OPTIONS}`.",
)


@plan_check
def check_preflights(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR431: a page of another origin cannot send its token, because the preflight request gets an error."""
    budget = Budget(MAX_TOTAL_STEPS)
    for (index, data), route in zip(raw.routes(file.source), declared_routes(file.plan), strict=True):
        if _needs_preflight(route) and (status := _preflight_error(route, file.plan, file.boxes, Budget(MAX_STEPS, budget))):
            (action,) = raw.actions(data)
            message = f"a page of another origin cannot send the token: its preflight request gets a {status}"
            header = header_of_script(route.auth.places[0]) if route.auth else ""
            cors = f"cors: {{origins: ORIGINS, headers: {header}}}"
            suggestion = f"say whose pages may, as in '{action}: {{backend: NAME, {cors}}}'"
            yield Diagnostic(FR431, message, file.source.key_span(("routes", index, action)), suggestion)


def _needs_preflight(route: Route) -> bool:
    """Returns True if only headers that a script sets can have the route's token, and `cors` could be added to the route."""
    allows_cors = isinstance(route.action, Handoff | Forward) and route.cors is None and route.match.websocket is not True
    return allows_cors and route.auth is not None and all(map(header_of_script, route.auth.places))


def _preflight_error(route: Route, plan: Plan, boxes: Boxes, budget: Budget) -> int:
    """Returns the error status that a preflight request for a route gets; 0 if routes without `auth` take all of them."""
    statuses: list[int] = []

    def taken(request: Point) -> Box | None:
        refused = boxes.refusals.box(request.segments)
        if refused is not None:
            return refused
        first = boxes.first_match(request, len(plan.routes), budget)
        if first is not None and plan.routes[first].auth is None:
            return boxes.boxes[first]
        statuses.append(404 if first is None else 401)
        return None

    try:
        return statuses[-1] if find_untaken([box_of(preflight_match(route.match))], taken, boxes.named, budget) else 0
    except BudgetExceeded:
        return 0


FR446 = Rule(
    "FR446",
    "warning",
    "a page of another origin cannot send the token that its route requires",
    "A browser sends a preflight request first. It lets a page send `Authorization` only if `cors` names that header (`*` does "
    "not count), and cookies only with `credentials: true`. Otherwise every request of such a page gets a 401.",
    LOOPBACK
    + "  - match: {path: /news}\n    "
    + AUTH % "audience: chat"
    + '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add `headers: Authorization` to `cors`, or for a cookie `credentials: true`, or let the token also be in the query.",
)


@plan_check
def check_cors_tokens(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR446: `cors` does not let a page of another origin send the token that its route requires."""
    reported: set[Span] = set()
    for shared in _routes_with_cors(file):
        auth = shared.route.auth
        if auth and not _can_send_token(auth, shared.preflight) and shared.cors not in reported:
            reported.add(shared.cors)
            message = "a page of another origin cannot send the token that the route requires"
            header = next(filter(None, map(header_of_script, auth.places)), "")
            suggestion = f"add '{f'headers: {header}' if header else 'credentials: true'}' to 'cors'"
            yield Diagnostic(FR446, message, shared.cors, suggestion)


def _can_send_token(auth: Auth, preflight: Route) -> bool:
    """Returns True if a page may send a token in one of its places."""
    assert preflight.cors is not None
    credentials = "access-control-allow-credentials" in dict(preflight.cors.headers)
    allowed = _allowed_headers(preflight)
    can = {"authorization": "authorization" in allowed, "cookie": credentials, "query": True}
    return any(can.get(place.kind, not allowed.isdisjoint({place.name, "*"})) for place in auth.places)


FR447 = Rule(
    "FR447",
    "warning",
    "a page of another origin cannot send a header that its route requires",
    "A browser lets a page of another origin send only those headers that `cors` names. If a match requires another one, no "
    "request of such a page ever gets the route. Headers that browsers send themselves are not reported, such as `Cookie`, "
    "`Origin` and `Sec-*`.",
    LOOPBACK
    + "  - match: {path: /news, header: {x-client: web}}\n"
    + '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add the header to the `headers` of `cors`, or remove it from the match.",
)

FR432 = Rule(
    "FR432",
    "note",
    "a page that reads events by `fetch` cannot send `Last-Event-ID`",
    "An EventSource sends `Last-Event-ID` to another origin without a preflight request. A client that uses `fetch` sends one "
    "first, and may send only headers that `cors` names. The note is for a match that requires that header on a route that an "
    "EventSource may use.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /news, header: {last-event-id: {present: true}}}\n"
    '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add `headers: Last-Event-ID` to `cors` if your pages read events by `fetch`.",
)


@plan_check
def check_cors_matches(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR447 or FR432: `cors` does not let a page of another origin send a header that the match requires."""
    for shared in _routes_with_cors(file):
        for name, condition in _required_headers(file.source, shared):
            if not _needs_permission(condition) or _has_permission(condition.name, shared.preflight):
                continue
            span = file.source.key_span(("routes", shared.index, "match", "header", name))
            note = Note("the 'cors'", shared.cors)
            if condition.name == "last-event-id" and _may_be_event_source(shared.route.action):
                message = f"a page of another origin can send '{name}' by an EventSource, but not by fetch"
                suggestion = f"add '{name}' to the 'headers' of 'cors' if a page should use fetch"
                yield Diagnostic(FR432, message, span, suggestion, (note,))
            else:
                message = f"a page of another origin cannot send '{name}', which the match requires"
                yield Diagnostic(FR447, message, span, f"add '{name}' to the 'headers' of 'cors'", (note,))


@dataclass(frozen=True, slots=True)
class _RouteWithCors:
    """Holds a route with `cors`, its index in the file, the route for its preflight requests, and the place of its `cors`."""

    index: int
    route: Route
    preflight: Route
    cors: Span


def _routes_with_cors(file: ValidFile) -> Iterator[_RouteWithCors]:
    written = iter(raw.routes(file.source))
    preflight: Route | None = None
    for route in file.plan.routes:
        if isinstance(route.action, Preflight):
            preflight = route
            continue
        if not is_declared(route):
            continue
        index, data = next(written)
        if route.cors and preflight:
            (mapping,) = raw.action_mappings(index, data)
            yield _RouteWithCors(index, route, preflight, file.source.key_span(cors_path(file.source, *mapping) or ()))


def _required_headers(source: Source, shared: _RouteWithCors) -> Iterator[tuple[str, Condition]]:
    """Yields each header that a route's requests must have: its name as the file writes it, and the condition."""
    header = source.data["routes"][shared.index].get("match", {}).get("header", {})
    names = {name.lower(): name for name in header}
    yield from ((names[one.name], one) for one in shared.route.match.headers if one.values or one.pattern or one.present)


# Headers that a browser lets any page send without a preflight request: those that it sends itself, those that no script can
# set, and safelisted ones. Fastly's own headers come from no client.
# Source: https://fetch.spec.whatwg.org/#forbidden-request-header and #cors-safelisted-request-header
_WITHOUT_PERMISSION = frozenset(
    "accept accept-charset accept-encoding accept-language access-control-request-headers access-control-request-method "
    "cache-control connection content-language content-length cookie cookie2 date dnt expect host if-modified-since "
    "if-none-match keep-alive origin pragma priority referer save-data te trailer transfer-encoding upgrade "
    "upgrade-insecure-requests user-agent via".split()
)
_PREFIXES_WITHOUT_PERMISSION = ("proxy-", "sec-", "fastly-")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
# Headers that are safelisted with some values only.
_SAFE_VALUES: dict[str, Callable[[str], bool]] = {
    "content-type": lambda value: value.partition(";")[0].strip().lower() in _FORM_TYPES,
    "range": lambda value: re.fullmatch(r"bytes=[0-9]+-[0-9]*", value) is not None,
}


def _needs_permission(condition: Condition) -> bool:
    """Returns True if a browser sends a preflight request before a header with any value that fits the condition."""
    if condition.name in _SAFE_VALUES:
        is_safe = _SAFE_VALUES[condition.name]
        return bool(condition.values) and not any(is_safe(value) for value in condition.values)
    return condition.name not in _WITHOUT_PERMISSION and not condition.name.startswith(_PREFIXES_WITHOUT_PERMISSION)


def _has_permission(name: str, preflight: Route) -> bool:
    allowed = _allowed_headers(preflight)
    return name in allowed or ("*" in allowed and name != "authorization")


def _allowed_headers(preflight: Route) -> set[str]:
    """Returns the names of the headers that the answer to a preflight request allows."""
    assert preflight.cors is not None
    names = dict(preflight.cors.headers).get("access-control-allow-headers", b"").decode()
    return {name.strip().lower() for name in names.split(",")}


def _may_be_event_source(action: Action) -> bool:
    """Returns True if the client may be an EventSource, which sends `Last-Event-ID` without a preflight request."""
    if isinstance(action, Hold):
        return dict(action.headers)["content-type"].startswith(b"text/event-stream")
    return isinstance(action, Handoff | Forward)
