"""Clients' tokens for what is worked out without an edge: `fanroute match` and route tests. Pure."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fanroute.plan.signing import LIFETIME, token
from fanroute.plan.trace import Asked, Tracer
from fanroute_runtime.plan import Auth, Key, Plan

# What signs them in the issuer's place. No component knows it.
_KEY = b"of fanroute's own tests, and known to no component"


def trusting(plan: Plan) -> Plan:
    """The Plan that accepts these tokens too."""
    ours = Key("HS256", _KEY)
    auths = {route.auth: replace(route.auth, keys=(ours, *route.auth.keys)) for route in plan.routes if route.auth}
    routes = (replace(route, auth=auths[route.auth]) if route.auth else route for route in plan.routes)
    return replace(plan, routes=tuple(routes)) if auths else plan


def with_token(asked: Asked, claims: dict[str, Any], tracer: Tracer) -> Asked:
    """A request with a token of some claims, where the route that takes it looks for one; as it is where that asks for none."""
    for auth in dict.fromkeys(route.auth for route in tracer.plan.routes if route.auth):
        given = _placed(asked, auth, claims)
        taken = tracer.taken(given)
        if taken and taken.auth == auth:
            return given
    return asked


def _placed(asked: Asked, auth: Auth, claims: dict[str, Any]) -> Asked:
    """A request with a token in the first place of an Auth; what that asks for, besides the claims, is so."""
    named = {"iss": auth.issuers[:1], "aud": auth.audiences[:1]}
    filled = {"exp": asked.time + LIFETIME} | {name: values[0] for name, values in named.items() if values}
    signed = token(filled | claims, _KEY)
    place = auth.places[0]
    if place.kind == "query":
        separator = "&" if "?" in asked.url else "?"
        return replace(asked, url=f"{asked.url}{separator}{quote(place.name, safe='')}={signed.decode()}")
    cookie = ("cookie", b"%s=%s" % (place.name.encode(), signed))
    return replace(asked, headers=(*asked.headers, cookie if place.kind == "cookie" else ("authorization", b"Bearer " + signed)))
