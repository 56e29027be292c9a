"""The parts of a routes.yaml's data that have the right shape: rules look at them even if other parts are wrong."""

from collections.abc import Iterator, Sequence
from typing import Any

from fanroute.spec.actions import ACTIONS, EDGE_ANSWERED
from fanroute.spec.template import PARAMETER
from fanroute.syntax.source import Path, Source

_ACTIONS = frozenset(ACTIONS)


def routes(source: Source) -> Sequence[tuple[int, dict[str, Any]]]:
    """The routes that are mappings, with their places; found once for all rules."""
    if source.routes is None:
        found = source.data.get("routes") if isinstance(source.data, dict) else None
        given = enumerate(found) if isinstance(found, list) else ()
        source.routes = [(index, route) for index, route in given if isinstance(route, dict)]
    return source.routes


def defaults(source: Source) -> dict[str, Any]:
    found = source.data.get("defaults")
    return found if isinstance(found, dict) else {}


def backends(source: Source) -> dict[str, Any]:
    found = source.data.get("backends")
    return found if isinstance(found, dict) else {}


def verification_keys(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The keys that signatures are checked with, with their places."""
    owners = [(("fanout",), source.data.get("fanout")), *auths(source)] if isinstance(source.data, dict) else []
    for path, owner in owners:
        if isinstance(owner, dict):
            yield from ((place, key) for place, key in items((*path, "keys"), owner.get("keys")) if isinstance(key, dict))


def auths(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What is said of clients' tokens, by default and by routes, with its places."""
    given: list[tuple[Path, Any]] = [(("defaults", "auth"), defaults(source).get("auth"))]
    given += [(("routes", index, "auth"), route["auth"]) for index, route in routes(source) if "auth" in route]
    yield from ((path, auth) for path, auth in given if isinstance(auth, dict))


def auth_of(source: Source, index: int, route: dict[str, Any]) -> tuple[Path, Any] | None:
    """What is said of the tokens of a route's clients, with its place; None where none is needed."""
    if "auth" in route:
        return ("routes", index, "auth"), route["auth"]
    default = defaults(source).get("auth")
    return None if default is None or "public" in route else (("defaults", "auth"), default)


def claim_values(path: Path, auth: Any) -> Iterator[tuple[Path, Any]]:
    """The values that claims are compared with, with their places; `path` is that of what is said of tokens."""
    claims = auth.get("claims") if isinstance(auth, dict) else None
    for name, condition in claims.items() if isinstance(claims, dict) else ():
        place = (*path, "claims", name)
        if isinstance(condition, dict):
            yield from items((*place, "values"), condition.get("values"))
        else:
            yield from items(place, condition)


def origins_of(source: Source, index: int, route: dict[str, Any]) -> tuple[Path, Any] | None:
    """What is said of the pages that may open a route's WebSocket, with its place; None where any may."""
    if "origins" in route:
        return ("routes", index, "origins"), route["origins"]
    default = defaults(source).get("origins")
    return None if default is None else (("defaults", "origins"), default)


def items(path: Path, given: Any) -> Iterator[tuple[Path, Any]]:
    """The items of a list, or the one that stands in its place, with their places."""
    if isinstance(given, list):
        yield from (((*path, i), item) for i, item in enumerate(given))
    else:
        yield path, given


def actions(route: dict[str, Any]) -> list[str]:
    """The names of the actions that a route has."""
    return [action for action in route if action in _ACTIONS]


def backend_of(index: int, route: dict[str, Any], action: str) -> tuple[Path, str] | None:
    """The name of the backend that an action asks, with its place; None if there is no such name."""
    place: Path = ("routes", index, action)
    given = route.get(action)
    if isinstance(given, dict):
        place, given = (*place, "backend"), given.get("backend")
    return (place, given) if isinstance(given, str) else None


def action_mappings(index: int, route: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """A route's actions that are mappings, with their places."""
    return [(("routes", index, key), given) for key, given in route.items() if key in _ACTIONS and isinstance(given, dict)]


def edge_answered_actions(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The actions that this service answers itself, with their places."""
    found = (mapping for index, route in routes(source) for mapping in action_mappings(index, route))
    return ((path, given) for path, given in found if path[-1] in EDGE_ANSWERED)


def channels(path: Path, given: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The channels of an action, with their places."""
    return items((*path, "channel"), given.get("channel"))


def templates(index: int, route: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """What in a route may refer to the request, with its places."""
    for path, given in action_mappings(index, route):
        for key, value in given.items():
            if key in ("location", "link"):
                yield (*path, key), value
            elif key == "meta" and isinstance(value, dict):
                yield from (((*path, key, name), text) for name, text in value.items())
            elif key == "channel":
                yield from _of_channels(path, given)


def bound_references(match: Any) -> list[str]:
    """What a match binds, as it is written in a template."""
    if not isinstance(match, dict):
        return []
    path = match.get("path")
    found = [f"{{{name}}}" for name in PARAMETER.findall(path)] if isinstance(path, str) else []
    for source in ("query", "header"):
        conditions = match.get(source)
        for name, condition in conditions.items() if isinstance(conditions, dict) else ():
            if condition != {"present": False}:
                found.append(f"{{{source}.{name.lower() if source == 'header' else name}}}")
    return found


def _of_channels(path: Path, given: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for place, channel in channels(path, given):
        if isinstance(channel, dict):
            yield from (((*place, key), channel[key]) for key in ("name", "prev_id") if key in channel)
        else:
            yield place, channel


def channel_mappings(path: Path, given: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """The channels of an action that are more than a name, with their places."""
    return [(place, channel) for place, channel in channels(path, given) if isinstance(channel, dict)]
