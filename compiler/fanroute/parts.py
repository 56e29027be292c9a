"""The parts of a routes.yaml's data that have the right shape: rules look at them even if other parts are wrong."""

from collections.abc import Iterator
from typing import Any

from fanroute.source import Path, Source
from fanroute.spec import ACTIONS, EDGE_ANSWERED


def routes(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """The routes that are mappings, with their places."""
    found = source.data.get("routes") if isinstance(source.data, dict) else None
    yield from ((i, route) for i, route in enumerate(found if isinstance(found, list) else ()) if isinstance(route, dict))


def defaults(source: Source) -> dict[str, Any]:
    found = source.data.get("defaults")
    return found if isinstance(found, dict) else {}


def backends(source: Source) -> dict[str, Any]:
    found = source.data.get("backends")
    return found if isinstance(found, dict) else {}


def keys(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The keys that signatures are checked with, with their places."""
    fanout = source.data.get("fanout") if isinstance(source.data, dict) else None
    if isinstance(fanout, dict):
        yield from ((path, key) for path, key in _items(("fanout", "keys"), fanout.get("keys")) if isinstance(key, dict))


def _items(path: Path, given: Any) -> Iterator[tuple[Path, Any]]:
    """The items of a list, or the one that stands in its place, with their places."""
    if isinstance(given, list):
        yield from (((*path, i), item) for i, item in enumerate(given))
    else:
        yield path, given


def actions(route: dict[str, Any]) -> list[str]:
    """The names of the actions that a route has."""
    return [action for action in route if action in ACTIONS]


def mappings(index: int, route: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A route's actions that are mappings, with their places."""
    yield from ((("routes", index, action), route[action]) for action in actions(route) if isinstance(route[action], dict))


def answered(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The actions that this service answers itself, with their places."""
    for index, route in routes(source):
        yield from ((path, given) for path, given in mappings(index, route) if path[-1] in EDGE_ANSWERED)


def channels(path: Path, given: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The channels of an action, with their places."""
    return _items((*path, "channel"), given.get("channel"))


def full_channels(path: Path, given: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """The channels of an action that are more than a name, with their places."""
    return [(place, channel) for place, channel in channels(path, given) if isinstance(channel, dict)]
