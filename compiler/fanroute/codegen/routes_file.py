"""A Plan's routes to the text that ships; `fanroute_runtime.packed` says what it is like, and reads it. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from fanroute_runtime.plan import Auth, Route

# What so many have in common is a part: it is made once, and takes memory.
SHARED = 8

_fields: Any = cache(fields)
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def packed(routes: Sequence[Route]) -> str:
    """Routes as lines of JSON, after the parts that they share."""
    packing = _Packing(routes)
    lines = [packing.line(route) for route in routes]
    return "".join(f"{_COMPACT.encode(line)}\n" for line in (*packing.parts, *lines))


class _Packing:
    def __init__(self, routes: Sequence[Route]) -> None:
        self._uses = Counter[Any]()
        for route in routes:
            self._count(route)
        self._numbers: dict[Any, int] = {}
        self.parts: list[Any] = []

    def line(self, value: Any) -> Any:
        """A value of several as JSON has it."""
        maker, contents = _call(value)
        return {maker: list(map(self._value, contents))}

    def _count(self, value: Any) -> None:
        self._uses[value] += 1
        if self._uses[value] == 1:
            for content in _call(value)[1]:
                if _is_made(content):
                    self._count(content)

    def _value(self, value: Any) -> Any:
        if not _is_made(value):
            return value
        # What is prepared for tokens is so for parts.
        if self._uses[value] < SHARED and not isinstance(value, Auth):
            return self.line(value)
        if value not in self._numbers:
            line = self.line(value)
            self._numbers[value] = len(self.parts)
            self.parts.append(line)
        return self._numbers[value]


def _is_made(value: Any) -> bool:
    return value is not None and not isinstance(value, str | bool)


def _call(value: Any) -> tuple[str, Sequence[Any]]:
    """What makes a value, and of what."""
    match value:
        case tuple():
            return "tuple", value
        case bytes():
            return "bytes", (value.decode("latin-1"),)
        case int():
            return "int", (str(value),)
        case _:
            return type(value).__name__, _content(value)


def _content(value: Any) -> list[Any]:
    """The fields of a dataclass, without those at the end that are as by default."""
    content = [(getattr(value, field.name), field.default) for field in _fields(type(value))]
    while content and content[-1][0] == content[-1][1]:
        content.pop()
    return [part for part, _ in content]
