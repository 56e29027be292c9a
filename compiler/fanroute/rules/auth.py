"""The rules of a whole routes.yaml about clients' tokens, one function a code."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.plan.references import reference_text
from fanroute.rules.texts.trust import FR260, FR261, FR262
from fanroute.spec import raw
from fanroute.spec.template import references_in
from fanroute.syntax.source import Path, Source


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
