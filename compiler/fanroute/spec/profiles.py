"""Fills the `auth_profiles` of a Spec, or of a file's data, into what refers to them."""

from collections.abc import Mapping
from typing import Any

from fanroute.spec.auth import Auth, AuthRules
from fanroute.spec.document import Spec

# Either of these replaces the other, because both say which channels the holder of a token may choose.
OF_CHANNELS = ("channels", "any_channel")


def with_profiles(spec: Spec) -> Spec:
    """Returns a Spec in which each `auth` has the keys of its profile. An `auth` that is only a name is the profile itself."""
    if not spec.auth_profiles:
        return spec
    routes = [
        route.model_copy(update={"auth": _resolved(route.auth, spec.auth_profiles)}) if route.auth else route
        for route in spec.routes
    ]
    auth = spec.defaults.auth
    defaults = spec.defaults.model_copy(update={"auth": auth and _resolved(auth, spec.auth_profiles)})
    return spec.model_copy(update={"routes": routes, "defaults": defaults})


def _resolved(auth: Auth, profiles: Mapping[str, AuthRules]) -> AuthRules:
    if auth.profile is None:
        return auth
    profile = profiles[auth.profile]
    own = {key: getattr(auth, key) for key in auth.model_fields_set if key != "profile"}
    if not own:
        return profile
    if "claims" in own:
        own["claims"] = profile.claims | own["claims"]
    if not own.keys().isdisjoint(OF_CHANNELS):
        own = dict.fromkeys(OF_CHANNELS) | own
    return profile.model_copy(update=own)


def merged(profile: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the data of an `auth` with that of its profile."""
    left = {key: value for key, value in profile.items() if key not in OF_CHANNELS or own.keys().isdisjoint(OF_CHANNELS)}
    found = {**left, **{key: value for key, value in own.items() if key != "profile"}}
    if isinstance(left.get("claims"), dict) and isinstance(own.get("claims"), dict):
        found["claims"] = {**left["claims"], **own["claims"]}
    return found
