"""The parts of a routes.yaml's data that have the right shape: rules look at them even if other parts are wrong."""

from collections.abc import Iterator
from typing import Any

from fanroute.source import Source
from fanroute.spec import ACTIONS


def routes(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """The routes that are mappings, with their places."""
    found = source.data.get("routes") if isinstance(source.data, dict) else None
    yield from ((i, route) for i, route in enumerate(found if isinstance(found, list) else ()) if isinstance(route, dict))


def backends(source: Source) -> dict[str, Any]:
    found = source.data.get("backends")
    return found if isinstance(found, dict) else {}


def actions(route: dict[str, Any]) -> list[str]:
    """The names of the actions that a route has."""
    return [action for action in route if action in ACTIONS]
