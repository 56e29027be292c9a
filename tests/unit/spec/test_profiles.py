"""Tests that an `auth` with a profile is the same as one that is written out, in the data that checks see and in the Plan."""

from dataclasses import replace
from functools import reduce
from itertools import combinations
from operator import getitem
from typing import Any

import pytest
import yaml

from fanroute.pipeline import compile_routes
from fanroute.spec import raw
from fanroute.spec.document import Spec
from fanroute.spec.profiles import with_profiles
from fanroute.syntax.source import parse_yaml
from fanroute_runtime.plan import Plan
from tests.conftest import INPUTS

KEYS = {"algorithm": "HS256", "secret_store": "keys", "name": "staff"}
PROFILES: list[dict[str, Any]] = [
    {"keys": KEYS},
    {
        "keys": [KEYS, {"algorithm": "HS256", "secret_store": "keys", "name": "old"}],
        "token": ["authorization", {"header": "X-Token"}],
        "issuer": "https://a.example.com",
        "audience": ["a", "b"],
        "leeway": "5s",
        "claims": {"role": ["a", "b"], "access.roles": "staff", "tenant": "{room}"},
        "channels": "rooms",
        "on_expiry": "close",
    },
    {"keys": KEYS, "any_channel": True, "claims": {"scope": {"word": "read"}}},
]
OWN: list[dict[str, Any]] = [
    {"token": {"cookie": "session"}},
    {"issuer": ["https://b.example.com"], "leeway": "0s"},
    {"audience": "c"},
    {"claims": {"role": "a", "scope": {"every_word": ["read", "{room}"]}}},
    {"claims": {}},
    {"channels": "others"},
    {"any_channel": True},
    {"on_expiry": "keep"},
]
OWNS = [{}, *OWN, *({**one, **other} for one, other in combinations(OWN, 2) if not {*one, *other} >= {"channels", "any_channel"})]
FILE: dict[str, Any] = {"version": 1, "service": {"name": "x"}, "backends": {"self": {"loopback": True}}}
SOCKET = {"match": {"path": "/{room}"}, "websocket": {"channel": "{room}"}, "origins": "https://a.example.com"}


def text(auth: Any, profile: dict[str, Any], *, default: bool = False) -> str:
    data = {**FILE, "auth_profiles": {"staff": profile}}
    if default:
        return yaml.safe_dump({**data, "defaults": {"auth": auth}, "routes": [SOCKET]}, sort_keys=False)
    return yaml.safe_dump({**data, "routes": [{**SOCKET, "auth": auth}]}, sort_keys=False)


def plan(written: str) -> Plan:
    return compile_routes(written.encode(), INPUTS).plan


@pytest.mark.parametrize("own", OWNS, ids=str)
@pytest.mark.parametrize("profile", PROFILES, ids=["least", "most", "any"])
@pytest.mark.parametrize("default", [False, True], ids=["route", "default"])
def test_a_profile_is_the_same_as_all_its_keys(profile: dict[str, Any], own: dict[str, Any], default: bool) -> None:
    auth = {"profile": "staff", **own} if own else "staff"
    source = parse_yaml(text(auth, profile, default=default), {})
    found = raw.auth_of(source, 0, source.data["routes"][0])
    assert found
    assert plan(text(auth, profile, default=default)) == plan(text(found.keys, profile, default=default))

    def at(path: Any) -> Any:
        return reduce(getitem, path, source.data)

    assert {key: at(path) for key, path in found.paths.items() if key != "claims"} == {
        key: value for key, value in found.keys.items() if key != "claims"
    }
    assert {claim: at(path) for claim, path in found.claim_paths.items()} == found.keys.get("claims", {})


def test_a_route_keeps_what_its_profile_says_and_it_does_not() -> None:
    """An expected result that is written by hand."""
    narrowed = {"profile": "staff", "claims": {"role": "a", "plan": "pro"}, "any_channel": True}
    (route,) = plan(text(narrowed, PROFILES[1])).routes
    assert route.auth
    assert [(one.name, one.values) for one in route.auth.claims] == [
        ("role", ("a",)),
        ("access.roles", ("staff",)),
        ("tenant", ()),
        ("plan", ("pro",)),
    ]
    assert (route.auth.channels, route.auth.audiences, route.auth.leeway) == ("", ("a", "b"), 5)


def test_routes_of_a_profile_share_it() -> None:
    """So that its keys are prepared once."""
    spec = Spec.model_validate({**FILE, "auth_profiles": {"staff": PROFILES[1]}, "routes": [{**SOCKET, "auth": "staff"}] * 2})
    one, other = (route.auth for route in with_profiles(spec).routes)
    assert one is other is spec.auth_profiles["staff"]


def test_a_file_without_profiles_stays() -> None:
    spec = Spec.model_validate({**FILE, "routes": [{**SOCKET, "auth": PROFILES[0]}]})
    assert with_profiles(spec) is spec


def test_the_name_of_a_profile_changes_nothing() -> None:
    renamed = text("staff", PROFILES[1]).replace("auth: staff", "auth: crew").replace("  staff:", "  crew:")
    assert "crew" in renamed and plan(renamed) == plan(text("staff", PROFILES[1]))


@pytest.mark.parametrize("own", [one for one in OWN if one not in ({"claims": {}}, {"token": {"cookie": "session"}})], ids=str)
def test_a_changed_profile_changes_its_routes(own: dict[str, Any]) -> None:
    changed = {**PROFILES[1], **own} if "any_channel" not in own else PROFILES[2]
    before, after = plan(text("staff", PROFILES[1])), plan(text("staff", changed))
    assert before.routes[0].fingerprint != after.routes[0].fingerprint or "on_expiry" in own
    assert replace(before, routes=()) == replace(after, routes=())
