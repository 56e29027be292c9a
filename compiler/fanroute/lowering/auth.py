"""Keys as a user writes them to those of the Plan."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fanroute.lowering.match import lower_condition
from fanroute.spec import auth, document, keys
from fanroute.spec.match import Condition
from fanroute.spec.template import parse, references_in
from fanroute_runtime import plan
from fanroute_runtime.plan import Auth, GripSig, Key, Stored, TokenPlace

BEARER = (TokenPlace("authorization"),)
LEEWAY = 10


def lower_grip_sig(fanout: document.Fanout, files: Mapping[str, bytes]) -> GripSig:
    """How Fanout's requests are told; `files` has the content of each file that is named."""
    return GripSig(fanout.grip_sig, tuple(lower_key(key, files, issuer=key.issuer) for key in fanout.keys))


def lower_auths(routes: Iterable[document.Route], files: Mapping[str, bytes]) -> dict[int, Auth]:
    """Which tokens clients need, by the identities of what routes say of that: a default is one for all of them."""
    given = {id(route.auth): route.auth for route in routes if route.auth}
    return {key: _auth(one, files) for key, one in given.items()}


def _auth(given: auth.Auth, files: Mapping[str, bytes]) -> Auth:
    return Auth(
        tuple(lower_key(key, files, kid=key.kid or "") for key in given.keys),
        tuple(map(_place, given.token)) if given.token else BEARER,
        leeway(given),
        issuers=tuple(given.issuer or ()),
        audiences=tuple(given.audience or ()),
        claims=tuple(_claim(name, condition) for name, condition in given.claims.items()),
        channels=given.channels or "",
    )


def _claim(name: str, condition: Condition) -> plan.Condition:
    """The Plan's form of a condition on a claim: values that refer to the request are templates there."""
    lowered = lower_condition(name, condition)
    templates = tuple(parse(value) for value in lowered.values if references_in(value))
    return replace(lowered, values=tuple(value for value in lowered.values if not references_in(value)), templates=templates)


def leeway(given: auth.Auth) -> int:
    """How far clocks may differ, in seconds."""
    return LEEWAY if given.leeway is None else given.leeway


def _place(place: auth.TokenPlace) -> TokenPlace:
    if place.cookie is not None:
        return TokenPlace("cookie", place.cookie)
    return TokenPlace("authorization") if place.query is None else TokenPlace("query", place.query)


def lower_key(key: keys.Key, files: Mapping[str, bytes], kid: str = "", issuer: str = "") -> Key:
    """A key with its material, or where that is."""
    if key.file is not None:
        return Key(key.algorithm, files[key.file], kid, issuer)
    return Key(key.algorithm, _stored(key), kid, issuer)


def _stored(key: keys.Key) -> Stored:
    assert key.name is not None
    if key.secret_store is not None:
        return Stored("secret", key.secret_store, key.name)
    assert key.config_store is not None
    return Stored("config", key.config_store, key.name)
