"""Finds the parts of a routes.yaml's data that have the right shape. So checks can run even if other parts are invalid.

Functions that return a path and a value return the value's path in the data.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlsplit

from fanroute.plan.backend import PORTS
from fanroute.spec.actions import ACTIONS, EDGE_ANSWERED
from fanroute.spec.cors import ANY_PORT
from fanroute.spec.profiles import merged
from fanroute.spec.template import match_parameters
from fanroute.syntax.source import Path, Source
from fanroute_runtime.plan import REFUSED_PATHS, PathFault

_ACTIONS = frozenset(ACTIONS)


def routes(source: Source) -> Sequence[tuple[int, dict[str, Any]]]:
    """Returns the routes that are mappings, with their indices. They are found once, and kept in the Source."""
    if source.routes is None:
        value = source.data.get("routes") if isinstance(source.data, dict) else None
        items = enumerate(value) if isinstance(value, list) else ()
        source.routes = [(index, route) for index, route in items if isinstance(route, dict)]
    return source.routes


def defaults(source: Source) -> dict[str, Any]:
    """Returns `defaults`, empty if it is not a mapping."""
    value = source.data.get("defaults")
    return value if isinstance(value, dict) else {}


def backends(source: Source) -> dict[str, Any]:
    """Returns `backends`, empty if it is not a mapping."""
    value = source.data.get("backends")
    return value if isinstance(value, dict) else {}


def servers(source: Source) -> dict[str, Hashable]:
    """Returns what identifies the server of each backend of a valid file. Two backends can have one."""
    found: dict[str, Hashable] = {}
    for name, backend in backends(source).items():
        url = urlsplit(backend.get("url", ""))
        host, port = url.hostname, url.port or PORTS.get(url.scheme)
        found[name] = (url.scheme, host, port, str(backend.get("override_host") or host).lower()) if host else name
    return found


def refused_paths(source: Source) -> list[PathFault]:
    """Returns the faults for which `paths` refuses a path."""
    value = source.data.get("paths") if isinstance(source.data, dict) else None
    said = value if isinstance(value, dict) else {}
    return [fault for fault in get_args(PathFault) if said.get(fault, "reject" if fault in REFUSED_PATHS else "keep") == "reject"]


def verification_keys(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields the keys that verify signatures, of `fanout` and of every `auth`."""
    owners = [(("fanout",), source.data.get("fanout")), *auths(source)] if isinstance(source.data, dict) else []
    for path, owner in owners:
        if isinstance(owner, dict):
            yield from ((at, key) for at, key in items((*path, "keys"), owner.get("keys")) if isinstance(key, dict))


def auth_profiles(source: Source) -> dict[str, Any]:
    """Returns `auth_profiles`, empty if it is not a mapping."""
    value = source.data.get("auth_profiles")
    return value if isinstance(value, dict) else {}


def auths(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields every `auth` as it is written: those of profiles, the default and those of routes."""
    found: list[tuple[Path, Any]] = [(("auth_profiles", name), profile) for name, profile in auth_profiles(source).items()]
    found.append((("defaults", "auth"), defaults(source).get("auth")))
    found += [(("routes", index, "auth"), route["auth"]) for index, route in routes(source) if "auth" in route]
    yield from ((path, auth) for path, auth in found if isinstance(auth, dict))


@dataclass(frozen=True, slots=True)
class FoundAuth:
    """Represents the `auth` of a route with the keys of its profile.

    Args:
        keys: its keys and values.
        paths: where each key is in the file.
        claim_paths: where the condition on each claim is.
    """

    keys: dict[str, Any]
    paths: dict[str, Path]
    claim_paths: dict[str, Path]

    def token_places(self) -> Iterator[tuple[Path, Any]]:
        """Yields the places in which the token may be."""
        if "token" in self.keys:
            yield from items(self.paths["token"], self.keys["token"])

    def claim_values(self) -> Iterator[tuple[Path, Any]]:
        """Yields the values that claims are compared with."""
        for name, path in self.claim_paths.items():
            yield from _values(path, self.keys["claims"][name])


def auth_of(source: Source, index: int, route: dict[str, Any]) -> FoundAuth | None:
    """Returns the `auth` that applies to a route, its own or the default. Returns None if clients need no token."""
    path: Path = ("routes", index, "auth")
    auth = route.get("auth")
    if "auth" not in route:
        path, auth = ("defaults", "auth"), defaults(source).get("auth")
        if auth is None or "public" in route:
            return None
    name = profile_of(auth)
    profile = auth_profiles(source).get(name) if name else None
    own = auth if isinstance(auth, dict) else {}
    layers = [(("auth_profiles", str(name)), profile if isinstance(profile, dict) else {}), (path, own)]
    keys = merged(layers[0][1], own)
    claims = _claims(keys)
    return FoundAuth(
        keys,
        {key: (*at, key) for at, layer in layers for key in layer if key in keys},
        {claim: (*at, "claims", claim) for at, layer in layers for claim in _claims(layer) if claim in claims},
    )


def owner_text(path: Path) -> str:
    """Says whose key is at a path, if it is not a route's own."""
    return f"the profile '{path[1]}'" if path[0] == "auth_profiles" else "the default 'auth'"


def profile_of(auth: Any) -> str | None:
    """Returns the name of the profile to which an `auth` refers, None if it refers to none."""
    name = auth.get("profile") if isinstance(auth, dict) else auth
    return name if isinstance(name, str) else None


def _claims(auth: dict[str, Any]) -> dict[str, Any]:
    claims = auth.get("claims")
    return claims if isinstance(claims, dict) else {}


def claim_values(path: Path, auth: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yields the values that claims are compared with. `path` is the path of `auth`."""
    for name, condition in _claims(auth).items():
        yield from _values((*path, "claims", name), condition)


def _values(path: Path, condition: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(condition, dict):
        for key in ("values", "word", "every_word"):
            yield from items((*path, key), condition.get(key, []))
    else:
        yield from items(path, condition)


def origins_of(source: Source, index: int, route: dict[str, Any]) -> tuple[Path, Any] | None:
    """Returns the `origins` that apply to a route, its own or the default. Returns None if pages of any origin may connect."""
    if "origins" in route:
        return ("routes", index, "origins"), route["origins"]
    default = defaults(source).get("origins")
    return None if default is None else (("defaults", "origins"), default)


def items(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Yields the items of a list, or the one value that is short for a list of it."""
    if isinstance(value, list):
        yield from (((*path, i), item) for i, item in enumerate(value))
    else:
        yield path, value


def any_ports(path: Path, origins: Any) -> Iterator[tuple[Path, str]]:
    """Yields the origins for any port, with their paths. `path` is that of the origins."""
    for place, origin in items(path, origins):
        if isinstance(origin, str) and origin.endswith(ANY_PORT):
            yield place, origin


def match_of(route: dict[str, Any]) -> dict[str, Any]:
    """Returns a route's `match`, empty if it is not a mapping."""
    match = route.get("match")
    return match if isinstance(match, dict) else {}


def actions(route: dict[str, Any]) -> list[str]:
    """Returns the names of a route's actions."""
    return [action for action in route if action in _ACTIONS]


def backend_of(index: int, route: dict[str, Any], action: str) -> tuple[Path, str] | None:
    """Returns the name of the backend that an action of a route asks. Returns None if the action names none."""
    path: Path = ("routes", index, action)
    value = route.get(action)
    if isinstance(value, dict):
        path, value = (*path, "backend"), value.get("backend")
    return (path, value) if isinstance(value, str) else None


def action_mappings(index: int, route: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """Returns a route's actions that are mappings."""
    return [(("routes", index, key), value) for key, value in route.items() if key in _ACTIONS and isinstance(value, dict)]


def edge_answered_actions(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields the actions that Fanout asks this service to answer."""
    found = (mapping for index, route in routes(source) for mapping in action_mappings(index, route))
    return ((path, action) for path, action in found if path[-1] in EDGE_ANSWERED)


def channels(path: Path, action: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yields the channels of an action. `path` is the path of the action."""
    return items((*path, "channel"), action.get("channel"))


def channel_mappings(path: Path, action: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """Returns the channels of an action that are mappings, not just names."""
    return [(at, channel) for at, channel in channels(path, action) if isinstance(channel, dict)]


def templates(index: int, route: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yields the values of a route's actions that can contain references to the request."""
    if isinstance(route.get("redirect"), str):
        yield ("routes", index, "redirect"), route["redirect"]
    for path, action in action_mappings(index, route):
        yield from _action_templates(path, action)


def _action_templates(path: Path, action: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key, value in action.items():
        if key in ("location", "link", "path", "host", "id", "prev_id"):
            yield (*path, key), value
        elif key in ("meta", "envelope") and isinstance(value, dict):
            yield from (((*path, key, name), text) for name, text in value.items())
        elif key == "channel":
            yield from _channel_templates(path, action)
        elif key == "rewrite" and isinstance(value, dict):
            yield from _rewrite_templates((*path, key), value)
        elif key == "publish" and isinstance(value, dict):
            yield from _action_templates((*path, key), value)


def _channel_templates(path: Path, action: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for at, channel in channels(path, action):
        if isinstance(channel, dict):
            yield from (((*at, key), channel[key]) for key in ("name", "prev_id") if key in channel)
        else:
            yield at, channel


def publications(source: Source) -> Iterator[tuple[int, Path, dict[str, Any]]]:
    """Yields each `publish` that is a mapping, with the index of its route and its path."""
    for index, route in routes(source):
        for path, action in action_mappings(index, route):
            if path[-1] == "publish":
                yield index, path, action
            elif path[-1] == "websocket" and isinstance(action.get("publish"), dict):
                yield index, (*path, "publish"), action["publish"]


def rewrites(source: Source) -> Iterator[tuple[int, Path, dict[str, Any]]]:
    """Yields each `rewrite` that is a mapping, with the index of its route and its path."""
    for index, route in routes(source):
        for path, action in action_mappings(index, route):
            if isinstance(action.get("rewrite"), dict):
                yield index, (*path, "rewrite"), action["rewrite"]


def _rewrite_templates(path: Path, rewrite: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    yield from (((*path, key), rewrite[key]) for key in ("path", "add_prefix") if key in rewrite)
    query = rewrite.get("query")
    values = query.get("set") if isinstance(query, dict) else None
    yield from (((*path, "query", "set", name), value) for name, value in values.items()) if isinstance(values, dict) else ()


def bound_references(match: Any) -> list[str]:
    """Returns the references that a match binds, as they are written in a template, such as `{room}` or `{query.id}`."""
    if not isinstance(match, dict):
        return []
    found = [f"{{{name}}}" for name in match_parameters(match)]
    for source in ("query", "header"):
        conditions = match.get(source)
        for name, condition in conditions.items() if isinstance(conditions, dict) else ():
            if condition != {"present": False}:
                found.append(f"{{{source}.{name.lower() if source == 'header' else name}}}")
    return found
