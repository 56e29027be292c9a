"""Encodes a Plan's routes as the file that ships. `fanroute_runtime.routes_file` describes the format, and reads it. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from fanroute_runtime.plan import Route
from fanroute_runtime.plan.auth import Auth

# A value with at least this many uses has a line of its own: the runtime makes it once and keeps it.
MIN_USES = 8

_fields: Any = cache(fields)
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def encode_routes(routes: Sequence[Route]) -> str:
    """Returns the routes as lines of JSON, after lines for the values that they share."""
    encoder = _Encoder(routes)
    lines = [encoder.line(route) for route in routes]
    return "".join(f"{_COMPACT.encode(line)}\n" for line in (*encoder.shared, *lines))


class _Encoder:
    """Encodes values as JSON. `shared` has the lines of the shared values that were encoded so far."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._uses = Counter[Any]()
        for route in routes:
            self._count(route)
        self._numbers: dict[Any, int] = {}
        self.shared: list[Any] = []

    def line(self, value: Any) -> Any:
        """Returns a value that is not atomic as a JSON object: the name of its constructor, and the arguments."""
        constructor, arguments = _constructor(value)
        return {constructor: list(map(self._value, arguments))}

    def _count(self, value: Any) -> None:
        self._uses[value] += 1
        if self._uses[value] == 1:
            for argument in _constructor(value)[1]:
                if _is_constructed(argument):
                    self._count(argument)

    def _value(self, value: Any) -> Any:
        """Returns a value as JSON. A shared value is the index of its line."""
        if not _is_constructed(value):
            return value
        # Each Auth is shared, because the runtime prepares the shared ones to verify tokens (`auth.guards.distinct_auths`).
        if self._uses[value] < MIN_USES and not isinstance(value, Auth):
            return self.line(value)
        if value not in self._numbers:
            line = self.line(value)
            self._numbers[value] = len(self.shared)
            self.shared.append(line)
        return self._numbers[value]


def _is_constructed(value: Any) -> bool:
    """Returns True if JSON has no form of its own for a value that the runtime could use."""
    return value is not None and not isinstance(value, str | bool)


def _constructor(value: Any) -> tuple[str, Sequence[Any]]:
    """Returns the name of the constructor of a value, and its arguments."""
    match value:
        case tuple():
            return "tuple", value
        case bytes():
            return "bytes", (value.decode("latin-1"),)
        case int():
            return "int", (str(value),)
        case _:
            return type(value).__name__, _arguments(value)


def _arguments(value: Any) -> list[Any]:
    """Returns the fields of a dataclass, without trailing ones that have their default."""
    arguments = [(getattr(value, field.name), field.default) for field in _fields(type(value))]
    while arguments and arguments[-1][0] == arguments[-1][1]:
        arguments.pop()
    return [argument for argument, _ in arguments]
