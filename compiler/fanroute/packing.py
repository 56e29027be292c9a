"""A Plan's routes to the text that ships; `fanroute_runtime.packed` says what it is like, and reads it. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from fanroute_runtime.plan import Auth, Route

_fields: Any = cache(fields)
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def packed(routes: Sequence[Route]) -> str:
    """Routes as lines of JSON, after the parts that they share."""
    contents = [_content(route) for route in routes]
    uses = Counter(part for content in contents for part in content if is_dataclass(part))
    # What is prepared for tokens is so for parts.
    shared = [part for part, count in uses.items() if count > 1 or isinstance(part, Auth)]
    numbers = {part: {"part": number} for number, part in enumerate(shared)}
    lines = [
        *map(_value, shared),
        *({Route.__name__: [numbers.get(part) or _value(part) for part in content]} for content in contents),
    ]
    return "".join(f"{_COMPACT.encode(line)}\n" for line in lines)


def _content(value: Any) -> list[Any]:
    """The fields of a dataclass, without those at the end that are as by default."""
    content = [(getattr(value, field.name), field.default) for field in _fields(type(value))]
    while content and content[-1][0] == content[-1][1]:
        content.pop()
    return [part for part, _ in content]


def _value(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    if is_dataclass(value):
        return {type(value).__name__: [_value(part) for part in _content(value)]}
    return value
