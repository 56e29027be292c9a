"""The rules of a whole routes.yaml about clients' tokens, one function a code."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import AUTH, LOOPBACK, START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.spec import raw
from fanroute.spec.template import references_in
from fanroute.syntax.source import Path, Source

FR260 = Rule(
    "FR260",
    "error",
    "a route is public, or asks for a token",
    "With `public: true` a route is meant for anybody, also where `defaults` ask for a token.",
    START + "routes:\n  - handoff: origin\n    public: true\n    " + AUTH % "audience: chat",
    "Leave one of them out.",
)

FR261 = Rule(
    "FR261",
    "error",
    "a client's token is told to nobody",
    "Who has a token can ask in its owner's place. In a channel's name it is seen by whoever publishes, in a redirect by "
    "another server. In a `link` it may be: Fanout asks this service for it.",
    LOOPBACK + "  - match: {query: {token: {present: true}}}\n    " + AUTH % "token: {query: token}" + "    sse: {channel: "
    '"user-{query.token}"}\n',
    "Take what the token says of the client, as in `user-{claim.sub}`.",
)

FR262 = Rule(
    "FR262",
    "error",
    "what is closed when a token expires is a WebSocket",
    "With `on_expiry: close` the edge closes a WebSocket that it answers itself, when Fanout asks next after the token has "
    "expired. A stream is held by Fanout and a handoff by your backend; a long-poll ends by itself.",
    LOOPBACK + "  - match: {path: /news}\n    " + AUTH % "on_expiry: close" + "    sse: {channel: news}\n",
    "Leave it out there. Among `defaults` it may stand, for the routes with a `websocket`.",
)


def routes_are_public_or_not(source: Source) -> Iterator[Diagnostic]:
    """FR260"""
    for index, route in raw.routes(source):
        if "auth" in route and "public" in route:
            note = Note("the other", source.key_span(("routes", index, "auth")))
            message, span = "both 'public' and 'auth'", source.key_span(("routes", index, "public"))
            yield Diagnostic(FR260, message, span, "keep one", (note,))


def tokens_are_not_told(source: Source) -> Iterator[Diagnostic]:
    """FR261"""
    for index, route in raw.routes(source):
        found = raw.auth_of(source, index, route)
        if found is None:
            continue
        path, auth = found
        tokens = dict(_parameters(path, auth))
        for place, text in raw.templates(index, route):
            for bound in references_in(text) if place[-1] != "link" else ():
                if bound.source == "query" and bound.name in tokens:
                    message = f"'{reference_text(bound)}' is a client's token, and would be told here"
                    note = Note("it is looked for there", source.value_span(tokens[bound.name]))
                    yield Diagnostic(FR261, message, source.value_span(place), "take a claim, as '{claim.sub}'", (note,))


def only_websockets_are_closed(source: Source) -> Iterator[Diagnostic]:
    """FR262"""
    for index, route in raw.routes(source):
        auth = route.get("auth")
        if not isinstance(auth, dict) or auth.get("on_expiry") != "close":
            continue
        for action in raw.actions(route)[:1]:
            if action != "websocket":
                note = Note("the action", source.key_span(("routes", index, action)))
                message, span = f"'on_expiry: close' on '{action}'", source.value_span(("routes", index, "auth", "on_expiry"))
                mend = "leave it out: the edge can close its own WebSockets only"
                yield Diagnostic(FR262, message, span, mend, (note,))


def _parameters(path: Path, auth: Any) -> Iterator[tuple[str, Path]]:
    """The query parameters that tokens are looked for in, with their places."""
    given = auth.get("token") if isinstance(auth, dict) else None
    for place, token in raw.items((*path, "token"), given):
        if isinstance(token, dict) and isinstance(token.get("query"), str):
            yield token["query"], (*place, "query")


RULES = {
    routes_are_public_or_not: ("public",),
    tokens_are_not_told: ("auth",),
    only_websockets_are_closed: ("on_expiry",),
}
