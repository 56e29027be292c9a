"""Reads a Plan's routes from text. A sandbox uses few of many routes, so each is constructed only when it is needed.

The text is lines of JSON. `{"Handoff":["origin"]}` is a dataclass of `plan` with its fields in order. Fields at the end are left
out if they have their defaults. `{"tuple":["a","b"]}`, `{"bytes":["…"]}` (as Latin-1) and `{"int":["404"]}` are the other values.
The first lines are values that later lines share: the number `0` stands for the first of them. Then each route has one line.
"""

import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

from fanroute_runtime import plan
from fanroute_runtime.plan import Route

_VALUES: dict[str, Any] = {"tuple": lambda *items: items, "bytes": lambda text: text.encode("latin-1"), "int": int}


class LazyRoutes(Sequence[Route]):
    """Represents the routes of a text that `fanroute.codegen.routes_file` has written."""

    def __init__(self, text: bytes) -> None:
        self._text = text.decode("ascii")
        self._starts = array("I")
        self._shared: dict[str, Any] = {}
        constructors = _constructors()

        def construct(found: list[tuple[str, list[Any]]]) -> Any:
            ((maker, contents),) = found
            return constructors[maker](*contents)

        # The decoder does everything, except that it calls `construct` for each object.
        self._decode = json.JSONDecoder(object_pairs_hook=construct, parse_int=self._shared.__getitem__).raw_decode
        start = 0
        while end := text.find(b"\n", start) + 1:
            made = None if self._starts else self._route_at(start)
            if made is None or isinstance(made, Route):
                self._starts.append(start)
            else:
                self._shared[str(len(self._shared))] = made
            start = end

    @property
    def shared(self) -> Iterable[Any]:
        """Returns the values that the routes share. Each Auth is one of them."""
        return self._shared.values()

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: Any) -> Any:
        return self._route_at(self._starts[number])

    def _route_at(self, start: int) -> Any:
        return self._decode(self._text, start)[0]


def _constructors() -> dict[str, Any]:
    """Returns what makes each kind of value, by its name in the text. A component has those modules of `plan` that it needs."""
    modules = [plan, *(value for value in vars(plan).values() if isinstance(value, ModuleType))]
    return _VALUES | {name: kind for module in modules for name, kind in vars(module).items() if is_dataclass(kind)}
