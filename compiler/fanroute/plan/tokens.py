"""Makes clients' tokens for local edges, and for requests that are tried without an edge. Pure.

They are signed with a key that the store of a local edge has, and that no component contains.
"""

from dataclasses import replace
from typing import Any

from fanroute.plan.places import place_token
from fanroute.plan.request import RequestData
from fanroute.plan.signing import sign_token
from fanroute.plan.trace import Tracer
from fanroute_runtime.auth.guard import LOCAL_TOKEN_KEY
from fanroute_runtime.local import LOCAL_STORE
from fanroute_runtime.plan import StoreEntry
from fanroute_runtime.plan.auth import Auth

# The entry of LOCAL_STORE from which the component reads the key.
assert isinstance(LOCAL_TOKEN_KEY.material, StoreEntry)
TOKEN_ENTRY = LOCAL_TOKEN_KEY.material.name
# The key of the tokens in route tests and `fanroute match`.
TEST_KEY = "of fanroute's own tests, and known to no component"
# How long a token is valid, in seconds. That is more than the longest Keep-Alive-Interval, which therefore does not depend on the
# second in which a test runs.
LIFETIME = 7200


def make_token(claims: dict[str, Any], key: str) -> str:
    """Returns a token with these claims that a local edge with this key accepts."""
    return sign_token(claims, key.encode(), LOCAL_TOKEN_KEY.kid).decode()


def required_claims(auth: Auth) -> dict[str, Any]:
    """Returns an issuer and an audience that `auth` accepts, as claims. A claim that it does not require is left out."""
    required = {"iss": auth.issuers[:1], "aud": auth.audiences[:1]}
    return {name: values[0] for name, values in required.items() if values}


def with_token(request: RequestData, claims: dict[str, Any], tracer: Tracer, key: str = TEST_KEY) -> RequestData:
    """Adds a token with these claims to the request, in the place where its route looks for one.

    The request's local store then has the key that signs the token. Returns the request unchanged if the route needs no token.
    """
    for auth in dict.fromkeys(route.auth for route in tracer.plan.routes if route.auth):
        candidate = _add_token(request, auth, claims, key)
        route = tracer.route_of(candidate)
        if route and route.auth == auth:
            return candidate
    return request


def _add_token(request: RequestData, auth: Auth, claims: dict[str, Any], key: str) -> RequestData:
    """Adds a token in the first place that `auth` allows. The claims that it requires and the caller leaves out are filled in."""
    token = make_token({"exp": request.time + LIFETIME} | required_claims(auth) | claims, key)
    entries = {**request.configs.get(LOCAL_STORE, {}), TOKEN_ENTRY: key}
    request = replace(request, configs={**request.configs, LOCAL_STORE: entries})
    url, headers = place_token(request.url, token, auth.places[0])
    return replace(request, url=url, headers=(*request.headers, *((name.lower(), value.encode()) for name, value in headers)))
