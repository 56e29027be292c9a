"""Who can use what the edge answers: endpoints that are open to anybody, and pages that cannot send their token."""

from collections.abc import Iterator, Sequence

from fanroute import parts
from fanroute.channels.advice import Chosen
from fanroute.channels.values import references
from fanroute.cors_checks import place_of_cors
from fanroute.diagnostics import Diagnostic, Span
from fanroute.source import Source
from fanroute.template import written
from fanroute_runtime.plan import Auth, Plan, Preflight, Route


def endpoints_are_open_knowingly(source: Source, chosen: Sequence[Chosen]) -> Iterator[Diagnostic]:
    """FR445"""
    for index, route, templates in chosen:
        if route.auth is None and "public" not in source.data["routes"][index]:
            place, template = templates[0]
            message = f"anybody may subscribe, to a channel for each '{written(references(template)[0].bound)}'"
            yield Diagnostic("FR445", message, source.value_span(place), "add 'auth:', or 'public: true' if that is meant")


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
