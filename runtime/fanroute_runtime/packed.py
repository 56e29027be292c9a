"""A Plan's routes as text, since of many only few are in use: each is made when it is asked for.

The text is lines of JSON. `{"Handoff":["origin"]}` is a dataclass of `plan` with its fields in order, without those at the end
that are as by default; `{"bytes":"…"}` is bytes, as Latin-1; an array is a tuple. First come parts that routes share, then one
line a route, in which `{"part":0}` is the first of them.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any

from fanroute_runtime import plan
from fanroute_runtime.plan import Auth, Route

_KINDS: dict[str, Any] = {name: kind for name, kind in vars(plan).items() if is_dataclass(kind)}


class Routes(Sequence[Route]):
    """Routes of such a text, as `fanroute.packing` makes it."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._starts = array("I", [0])
        while end := text.find(b"\n", self._starts[-1]) + 1:
            self._starts.append(end)
        self._made = json.JSONDecoder(object_hook=self._value).raw_decode
        self._parts: list[Any] = []
        for number in range(len(self._starts) - 1):
            part = self._line(number)
            if isinstance(part, Route):
                break
            self._parts.append(part)

    @property
    def auths(self) -> list[Auth]:
        """What they ask of tokens, each once."""
        return [part for part in self._parts if isinstance(part, Auth)]

    def __len__(self) -> int:
        return len(self._starts) - 1 - len(self._parts)

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._line(len(self._parts) + number)

    def _line(self, number: int) -> Any:
        return self._made(self._text[self._starts[number] : self._starts[number + 1]].decode())[0]

    def _value(self, found: dict[str, Any]) -> Any:
        ((kind, content),) = found.items()
        if kind == "bytes":
            return content.encode("latin-1")
        if kind == "part":
            return self._parts[content]
        return _KINDS[kind](*map(_frozen, content))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def auths_of(routes: Sequence[Route]) -> list[Auth]:
    """What routes ask of tokens, each once."""
    return routes.auths if isinstance(routes, Routes) else list(dict.fromkeys(route.auth for route in routes if route.auth))
