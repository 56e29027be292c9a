"""Lowers `auth`, and has its defaults."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fanroute.lowering.keys import lower_client_key
from fanroute.lowering.match import lower_condition
from fanroute.plan.claims import by_words, words_of
from fanroute.plan.routes import publishing_of, references, templates_of
from fanroute.spec import auth, document
from fanroute.spec.claim_names import claim_path
from fanroute.spec.claims import ClaimCondition
from fanroute.spec.template import parse_template, references_in
from fanroute_runtime.plan import Action, Condition, Key, WebSocket
from fanroute_runtime.plan.auth import Auth, ClaimPart, KeySet, TokenPlace
from fanroute_runtime.plan.rate_limits import RateLimit

BEARER = (TokenPlace("authorization"),)
LEEWAY = 10


def lower_auths(routes: Iterable[document.Route], files: Mapping[str, bytes]) -> dict[int, Auth]:
    """Returns the lowered `auth` of routes, by the id() of the Spec's. A default is one object, which many routes share."""
    found = {id(route.auth): route.auth for route in routes if route.auth}
    return {identity: _auth(spec, files) for identity, spec in found.items()}


def _auth(spec: auth.AuthRules, files: Mapping[str, bytes]) -> Auth:
    keys = [lowered for key in spec.keys or () for lowered in lower_client_key(key, files)]
    return Auth(
        tuple(key for key in keys if isinstance(key, Key)),
        tuple(map(_place, spec.token)) if spec.token else BEARER,
        leeway_seconds(spec),
        issuers=tuple(spec.issuer or ()),
        audiences=tuple(spec.audience or ()),
        claims=tuple(one for name, condition in spec.claims.items() for one in _conditions(name, condition)),
        channels=spec.channels or "",
        key_sets=tuple(key for key in keys if isinstance(key, KeySet)),
    )


def auth_of_route(lowered: Auth | None, action: Action, limit: RateLimit | None) -> Auth | None:
    """Returns an `auth` for a route: with the parts of claims that the route uses, and only places that its requests have."""
    if lowered is None:
        return None
    if not isinstance(action, WebSocket):
        lowered = replace(lowered, places=tuple(place for place in lowered.places if place.kind != "protocol"))
    named = [condition.name for condition in lowered.claims] + ([lowered.channels] if lowered.channels else [])
    bounds = [bound for template in templates_of(action) for bound in references(template)]
    bounds += [limit.by] if limit and limit.by else []
    named += [bound.name for bound in bounds if bound.source.startswith("claim")]
    publishing = publishing_of(action)
    named += [publishing.claim] if publishing and publishing.claim else []
    parts = tuple(part for name in dict.fromkeys(named) if (part := _part(name)).words or part.path != (name,))
    return replace(lowered, parts=parts) if parts else lowered


def _part(name: str) -> ClaimPart:
    words = words_of(name)
    return ClaimPart(name, claim_path(words or name), bool(words))


def _conditions(name: str, condition: ClaimCondition) -> Iterator[Condition]:
    """Lowers a condition on a claim. A claim that must have several words has a condition for each of them."""
    if condition.word is not None:
        yield _with_templates(Condition(by_words(name), tuple(condition.word)))
    elif condition.every_word is not None:
        yield from (_with_templates(Condition(by_words(name), (word,))) for word in condition.every_word)
    else:
        yield _with_templates(lower_condition(name, condition))


def _with_templates(lowered: Condition) -> Condition:
    """Returns a condition in which values with references to the request are templates."""
    templates = tuple(parse_template(value) for value in lowered.values if references_in(value))
    return replace(lowered, values=tuple(value for value in lowered.values if not references_in(value)), templates=templates)


def leeway_seconds(spec: auth.AuthRules) -> int:
    """Returns the leeway for differences between clocks, in seconds."""
    return LEEWAY if spec.leeway is None else spec.leeway


def token_protocol(spec: auth.AuthRules | None) -> str:
    """Returns the subprotocol after which a client may offer its token, or ""."""
    return next((place.protocol for place in (spec.token if spec else None) or () if place.protocol), "")


def _place(place: auth.TokenPlace) -> TokenPlace:
    if place.header is not None:
        return TokenPlace("header", place.header.lower())
    if place.cookie is not None:
        return TokenPlace("cookie", place.cookie)
    if place.protocol is not None:
        return TokenPlace("protocol", place.protocol)
    return BEARER[0] if place.query is None else TokenPlace("query", place.query)
