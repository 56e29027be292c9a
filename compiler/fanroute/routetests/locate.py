"""Finds the path in routes.yaml of a Plan's route, of a key of its match, or of a value.

A route has an index in the Plan, and a number: its index in routes.yaml. Routes for preflight requests and for `health` are not
in routes.yaml, and a route for one of several paths is only a part of one there. Its number is that of the route that it belongs
to.
"""

from functools import reduce
from operator import getitem
from typing import Any

from fanroute.pipeline import Compiled
from fanroute.plan.routes import HEALTH, declared_index, is_generated, is_health
from fanroute.routetests.document import PREFLIGHT
from fanroute.syntax.source import Path


def route_numbers(compiled: Compiled) -> dict[int, int]:
    """Returns the numbers of the routes that are in routes.yaml, by index."""
    indices = (index for index in range(len(compiled.plan.routes)) if _is_in_file(compiled, index))
    return {index: _number(compiled, index) for index in indices}


def _number(compiled: Compiled, index: int) -> int:
    return declared_index(compiled.plan.routes, index)


def _is_in_file(compiled: Compiled, index: int) -> bool:
    return not is_generated(compiled.plan.routes[index])


def action_key(compiled: Compiled, index: int) -> str:
    """Returns the key of a route's action, PREFLIGHT for a route that answers preflight requests, or HEALTH."""
    if not _is_in_file(compiled, index):
        return HEALTH if is_health(compiled.plan.routes[index]) else PREFLIGHT
    (name,) = compiled.spec.routes[_number(compiled, index)].actions()
    return name


def route_path(compiled: Compiled, index: int, key: str = "") -> Path:
    """Returns the path of a route, or of a key of its match if that is in routes.yaml."""
    if is_health(compiled.plan.routes[index]):
        return (HEALTH,)
    number = _number(compiled, index)
    return key_path(compiled, number, key) if key and _is_in_file(compiled, index) else ("routes", number)


def key_path(compiled: Compiled, number: int, key: str) -> Path:
    """Returns the path of a key that `match_predicates` has, such as `path` or `header x-plan`."""
    kind, _, name = key.partition(" ")
    path: Path = ("routes", number, "match", kind)
    return (*path, _name_in_file(name, _value_at(compiled, path))) if name else path


def value_path(compiled: Compiled, number: int, key: str, index: int) -> Path:
    """Returns the path of a value of such a key, by its index; the key is `host` or `header x-plan`, for example."""
    path = key_path(compiled, number, key)
    if isinstance(value := _value_at(compiled, path), dict):
        path, value = (*path, "values"), value["values"]
    return (*path, index) if isinstance(value, list) else path


def _name_in_file(name: str, conditions: dict[str, Any]) -> str:
    """Returns the name of a header or query parameter as routes.yaml has it: a header's can have capital letters there."""
    return name if name in conditions else next(key for key in conditions if key.lower() == name)


def _value_at(compiled: Compiled, path: Path) -> Any:
    return reduce(getitem, path, compiled.source.data)
