"""The rules of a whole routes.yaml about pages of other origins, one function a code."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.headers import FR232, named
from fanroute.spec import raw
from fanroute.spec.actions import UNSEEN_ANSWERS, WEBSOCKET_ACTIONS
from fanroute.spec.defaults import takes_default
from fanroute.syntax.source import Path, Source

FR240 = Rule(
    "FR240",
    "error",
    "who shares with credentials says with whom",
    "With credentials, browsers take no `*` in the answer, and rightly: any page of the web could then act as its visitor, "
    "and read what only that one may.",
    START + "routes:\n  - respond: {status: 200, cors: {origins: '*', credentials: true}}\n",
    "Name the origins and headers, or leave out `credentials`.",
)

FR241 = Rule(
    "FR241",
    "error",
    "the headers of CORS are set by `cors` or by hand, not both",
    "For the origin that asks, `cors` sets the answer's `Access-Control-*` headers. Of two values for one header, one would "
    "be lost.",
    START
    + "routes:\n  - respond:\n      status: 200\n      cors: {origins: 'https://a.example.com'}\n"
    + "      headers: {Access-Control-Max-Age: '60'}\n",
    "Leave out the header, or `cors`; docs/reference.md has all that `cors` can say.",
)

FR242 = Rule(
    "FR242",
    "error",
    "whose pages may open a WebSocket is said where one is opened",
    "A WebSocket goes through the edge by `websocket`, `tunnel` or `handoff` only. No other request is asked what `origins` "
    "says: it would go on from everywhere.",
    START + "routes:\n  - match: {path: /hello}\n    respond: {status: 200}\n    origins: 'https://a.example.com'\n",
    "Leave it out. `cors` says which pages may read an answer, and is of no use to a route for WebSockets alone.",
)

FR243 = Rule(
    "FR243",
    "error",
    "a WebSocket that takes a cookie for a token is for pages that are named",
    "A browser sends its visitor's cookies with a WebSocket that any page of the web opens, and lets that page read and "
    "write there: cross-site hijacking. For a `tunnel`, `origins: '*'` leaves it to the backend to look at a page's origin.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /socket}\n    websocket: {channel: 'user-{claim.sub}'}\n"
    "    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {cookie: session}}\n",
    "Say whose pages may open it: `origins: https://chat.example.com`. The service's own pages always may.",
)


def any_origin_has_no_credentials(source: Source) -> Iterator[Diagnostic]:
    """FR240"""
    for owner, given in ((("defaults",), raw.defaults(source)), *(mapping for _, mapping in _mappings(source))):
        path, cors = (*owner, "cors"), given.get("cors")
        if not isinstance(cors, dict) or cors.get("credentials") is not True:
            continue
        for key in ("origins", "headers", "expose"):
            if cors.get(key) in ("*", ["*"]):
                note = Note("here", source.value_span((*path, key)))
                message = f"'credentials' together with any of the {'headers' if key == 'expose' else key}"
                yield Diagnostic(FR240, message, source.key_span((*path, "credentials")), "name them", (note,))


def cors_sets_its_headers(source: Source) -> Iterator[Diagnostic]:
    """FR241"""
    default = list(named(source, ("defaults", "response_headers"), raw.defaults(source).get("response_headers")))
    told: set[Span] = set()
    for route, (path, given) in _mappings(source):
        cors = place_of_cors(source, path, given)
        ruled = named(source, (*path[:2], "response_headers"), route.get("response_headers"))
        by_default = default if takes_default(str(path[-1]), "response_headers") else ()
        for name, span in (*named(source, path, given, ("headers",)), *ruled, *by_default) if cors else ():
            if name.lower().startswith("access-control-") and span not in told:
                told.add(span)
                note = Note("the other", source.key_span(cors or ()))
                yield Diagnostic(FR241, f"both '{name}' and 'cors'", span, "leave it to 'cors'", (note,))


def forwards_share_their_answers(source: Source) -> Iterator[Diagnostic]:
    """FR232"""
    for path, owner in ((("defaults",), raw.defaults(source)), *(mapping for _, mapping in _mappings(source))):
        cors, action = owner.get("cors"), path[-1]
        if isinstance(cors, dict) and "backend_answers" in cors and action != "forward":
            message = f"'backend_answers' on '{action}'" if len(path) > 1 else "'backend_answers' by default"
            seen = (
                f": the edge does not see the answer, {UNSEEN_ANSWERS[str(action)]}"
                if action in UNSEEN_ANSWERS
                else ": no backend answers there"
            )
            mend = (
                "have the backend set them"
                if action in UNSEEN_ANSWERS
                else "leave it out; the edge's own answers have the headers anyway"
            )
            yield Diagnostic(FR232, message + seen, source.key_span((*path, "cors", "backend_answers")), mend)


def origins_are_of_sockets(source: Source) -> Iterator[Diagnostic]:
    """FR242"""
    for index, route in raw.routes(source):
        place, match = ("routes", index), route.get("match")
        for action in raw.actions(route)[:1] if "origins" in route else ():
            span = source.key_span((*place, "origins"))
            if action not in WEBSOCKET_ACTIONS:
                note = Note("the action", source.key_span((*place, action)))
                mend = "leave it out; 'cors' says which pages may read an answer"
                yield Diagnostic(FR242, f"'origins' on '{action}', which is no WebSocket", span, mend, (note,))
            elif isinstance(match, dict) and match.get("websocket") is False:
                note = Note("here", source.value_span((*place, "match", "websocket")))
                yield Diagnostic(FR242, "'origins' for what is no WebSocket", span, "leave it out", (note,))


def cors_is_of_answers(source: Source) -> Iterator[Diagnostic]:
    """FR242"""
    for route, (path, given) in _mappings(source):
        match = route.get("match")
        if "cors" in given and isinstance(match, dict) and match.get("websocket") is True and path[-1] in WEBSOCKET_ACTIONS:
            note = Note("here", source.value_span((*path[:2], "match", "websocket")))
            mend = "leave it out; 'origins' says whose pages may open a WebSocket"
            yield Diagnostic(FR242, "'cors' for nothing but WebSockets", source.key_span((*path, "cors")), mend, (note,))


def cookies_are_for_known_pages(source: Source) -> Iterator[Diagnostic]:
    """FR243"""
    for index, route in raw.routes(source):
        cookie, said = _cookie(source, index, route), raw.origins_of(source, index, route)
        for action in raw.actions(route)[:1] if cookie else ():
            # A tunnel's backend may itself look where a page is from.
            if action == "websocket" and said and said[1] in ("*", ["*"]):
                span = source.value_span(said[0])
            elif action in ("websocket", "tunnel") and said is None:
                span = source.key_span(("routes", index, action))
            else:
                continue
            message = "pages of any origin may open this WebSocket, with the cookie of whoever visits them as token"
            yield Diagnostic(FR243, message, span, "name those of your pages under 'origins'", (Note("the cookie", cookie),))


def _cookie(source: Source, index: int, route: dict[str, Any]) -> Span | None:
    """Where a cookie is said to be the token of a route's clients; None where none is."""
    path, auth = raw.auth_of(source, index, route) or ((), None)
    given = auth.get("token") if isinstance(auth, dict) else None
    places = (place for place, token in raw.items((*path, "token"), given) if isinstance(token, dict) and "cookie" in token)
    return next((source.value_span(place) for place in places), None)


def _mappings(source: Source) -> Iterator[tuple[dict[str, Any], tuple[Path, dict[str, Any]]]]:
    """The actions that are mappings, with their places, each after its route."""
    yield from ((route, mapping) for index, route in raw.routes(source) for mapping in raw.action_mappings(index, route))


def place_of_cors(source: Source, path: Path, given: dict[str, Any]) -> Path | None:
    """Where it is said which pages may read an action's answers; None where it is not."""
    if "cors" in given:
        return (*path, "cors")
    return ("defaults", "cors") if "cors" in raw.defaults(source) and takes_default(str(path[-1]), "cors") else None


RULES = {
    any_origin_has_no_credentials: ("credentials",),
    cors_sets_its_headers: ("cors",),
    forwards_share_their_answers: ("backend_answers",),
    origins_are_of_sockets: ("origins",),
    cors_is_of_answers: ("cors",),
    cookies_are_for_known_pages: ("cookie",),
}
