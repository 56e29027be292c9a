"""Where the parts of a Plan's routes stand in routes.yaml, and what they are called there.

A route is told by its index in the Plan, or by its number: its index in routes.yaml. One that answers preflight requests
stands in no file, and has the number of the route that it belongs to.
"""

from bisect import bisect_left
from functools import reduce
from operator import getitem
from typing import Any

from fanroute.pipeline import Compiled
from fanroute.plan.routes import is_declared
from fanroute.routetests.document import PREFLIGHT
from fanroute.syntax.source import Path


def written(compiled: Compiled) -> list[int]:
    """The indices of the routes that stand in routes.yaml, by number."""
    return [index for index in range(len(compiled.plan.routes)) if _is_written(compiled, index)]


def _number(compiled: Compiled, index: int) -> int:
    return bisect_left(written(compiled), index)


def _is_written(compiled: Compiled, index: int) -> bool:
    return is_declared(compiled.plan.routes[index])


def action(compiled: Compiled, index: int) -> str:
    """The key of the action of a route."""
    if not _is_written(compiled, index):
        return PREFLIGHT
    (name,) = compiled.spec.routes[_number(compiled, index)].actions()
    return name


def place(compiled: Compiled, index: int, key: str = "") -> Path:
    """Where a route stands, or a key of its match, if that stands there."""
    number = _number(compiled, index)
    return key_place(compiled, number, key) if key and _is_written(compiled, index) else ("routes", number)


def key_place(compiled: Compiled, number: int, key: str) -> Path:
    """Where a key that `match.tests` has stands: `path`, or `header x-plan`."""
    kind, _, name = key.partition(" ")
    place: Path = ("routes", number, "match", kind)
    return (*place, _as_written(name, _at(compiled, place))) if name else place


def value_place(compiled: Compiled, number: int, key: str, index: int) -> Path:
    """Where a value of such a key stands, by its index: of `host`, or of `header x-plan`."""
    place = key_place(compiled, number, key)
    if isinstance(given := _at(compiled, place), dict):
        place, given = (*place, "values"), given["values"]
    return (*place, index) if isinstance(given, list) else place


def _as_written(name: str, conditions: dict[str, Any]) -> str:
    """The name of a header or query parameter as the file has it: a header's is of any case."""
    return name if name in conditions else next(key for key in conditions if key.lower() == name)


def _at(compiled: Compiled, place: Path) -> Any:
    return reduce(getitem, place, compiled.source.data)
