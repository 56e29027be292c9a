"""Makes clients' tokens for requests that are tried without an edge, in `fanroute match` and route tests. Pure."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fanroute.plan.request import RequestData
from fanroute.plan.signing import LIFETIME, sign_token
from fanroute.plan.trace import Tracer
from fanroute_runtime.plan import Auth, Key, Plan

# Signs the test tokens in place of the issuer's key. No component contains it.
_KEY = b"of fanroute's own tests, and known to no component"


def accept_test_tokens(plan: Plan) -> Plan:
    """Returns the Plan with the key of the test tokens added to each `auth`."""
    test_key = Key("HS256", _KEY)
    auths = {route.auth: replace(route.auth, keys=(test_key, *route.auth.keys)) for route in plan.routes if route.auth}
    routes = (replace(route, auth=auths[route.auth]) if route.auth else route for route in plan.routes)
    return replace(plan, routes=tuple(routes)) if auths else plan


def with_test_token(request: RequestData, claims: dict[str, Any], tracer: Tracer) -> RequestData:
    """Adds a test token with these claims to the request, in the place where its route looks for one.

    Returns the request unchanged if the route needs no token.
    """
    for auth in dict.fromkeys(route.auth for route in tracer.plan.routes if route.auth):
        candidate = _add_token(request, auth, claims)
        route = tracer.route_of(candidate)
        if route and route.auth == auth:
            return candidate
    return request


def _add_token(request: RequestData, auth: Auth, claims: dict[str, Any]) -> RequestData:
    """Adds a token in the first place that `auth` allows. The claims that it requires and the caller leaves out are filled in."""
    required = {"iss": auth.issuers[:1], "aud": auth.audiences[:1]}
    defaults = {"exp": request.time + LIFETIME} | {name: values[0] for name, values in required.items() if values}
    token = sign_token(defaults | claims, _KEY)
    place = auth.places[0]
    if place.kind == "query":
        separator = "&" if "?" in request.url else "?"
        return replace(request, url=f"{request.url}{separator}{quote(place.name, safe='')}={token.decode()}")
    bearer = ("authorization", b"Bearer " + token)
    cookie = ("cookie", b"%s=%s" % (place.name.encode(), token))
    return replace(request, headers=(*request.headers, cookie if place.kind == "cookie" else bearer))
