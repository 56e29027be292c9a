"""Lowers `auth`, and has its defaults."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fanroute.lowering.keys import lower_key
from fanroute.lowering.match import lower_condition
from fanroute.spec import auth, document
from fanroute.spec.match import Condition
from fanroute.spec.template import parse_template, references_in
from fanroute_runtime import plan
from fanroute_runtime.plan import Auth, TokenPlace

BEARER = (TokenPlace("authorization"),)
LEEWAY = 10


def lower_auths(routes: Iterable[document.Route], files: Mapping[str, bytes]) -> dict[int, Auth]:
    """Returns the lowered `auth` of routes, by the id() of the Spec's. A default is one object, which many routes share."""
    found = {id(route.auth): route.auth for route in routes if route.auth}
    return {identity: _auth(spec, files) for identity, spec in found.items()}


def _auth(spec: auth.Auth, files: Mapping[str, bytes]) -> Auth:
    return Auth(
        tuple(lower_key(key, files, kid=key.kid or "") for key in spec.keys),
        tuple(map(_place, spec.token)) if spec.token else BEARER,
        leeway_seconds(spec),
        issuers=tuple(spec.issuer or ()),
        audiences=tuple(spec.audience or ()),
        claims=tuple(_claim(name, condition) for name, condition in spec.claims.items()),
        channels=spec.channels or "",
    )


def _claim(name: str, condition: Condition) -> plan.Condition:
    """Lowers a condition on a claim. Values with references to the request become templates."""
    lowered = lower_condition(name, condition)
    templates = tuple(parse_template(value) for value in lowered.values if references_in(value))
    return replace(lowered, values=tuple(value for value in lowered.values if not references_in(value)), templates=templates)


def leeway_seconds(spec: auth.Auth) -> int:
    """Returns the leeway for differences between clocks, in seconds."""
    return LEEWAY if spec.leeway is None else spec.leeway


def _place(place: auth.TokenPlace) -> TokenPlace:
    if place.cookie is not None:
        return TokenPlace("cookie", place.cookie)
    return TokenPlace("authorization") if place.query is None else TokenPlace("query", place.query)
