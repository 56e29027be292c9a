"""Reads JSON and its values as Pushpin does, so that the same input is accepted and refused."""

import json
import re
from types import UnionType
from typing import Any

# Qt, in which Pushpin is written, refuses deeper ones.
MAX_DEPTH = 1024
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,10})\s*", re.ASCII)


class WrongType(ValueError):
    """Reports that a value has the wrong type, in Pushpin's words."""


def parse(text: bytes) -> dict[str, Any] | list[Any]:
    """Parses a JSON text in UTF-8 that is an object or array. Raises ValueError."""
    document = text.decode("utf-8-sig")
    if _is_deep(document):
        raise ValueError("nested too deeply")
    try:
        value = json.loads(document, strict=False, parse_constant=_no_number, parse_float=_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict | list):
        raise ValueError("neither an object nor an array")
    return value


def member(holder: dict[str, Any], key: str, kind: type | UnionType, where: str, default: Any = None) -> Any:
    """Returns an object's member, or the default if it is missing. Raises WrongType, which names the object by `where`."""
    if key not in holder:
        return default
    value = holder[key]
    if not isinstance(value, kind):
        raise WrongType(f"{where} contains '{key}' with wrong type")
    return clean(value) if isinstance(value, str) else value


def clean(text: str) -> str:
    """Returns a text with a question mark in place of each lone half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def integer(holder: dict[str, Any], key: str, where: str, default: int, most: int = _INT_MAX) -> int:
    """Returns an object's member as an integer, also if it is a text or boolean. Raises WrongType if it is over `most`."""
    if key not in holder:
        return default
    value = holder[key]
    if not isinstance(value, str | float | int):  # bool is an int
        raise WrongType(f"{where} contains '{key}' with wrong type")
    number = _integer(value)
    if not 0 <= number <= most:
        raise WrongType(f"{where} contains '{key}' with invalid value")
    return number


def strings(holder: dict[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    """Returns an object's member that is a list of texts, or None if it is missing. Raises WrongType."""
    values = member(holder, key, list, where)
    if values is not None and not all(isinstance(value, str) for value in values):
        raise WrongType(f"{key} contains element with wrong type")
    return None if values is None else tuple(map(clean, values))


def pairs(holder: dict[str, Any], key: str, where: str) -> tuple[tuple[str, str], ...]:
    """Returns headers as pairs, from an object or a list of pairs. Raises WrongType."""
    values = member(holder, key, dict | list, where, {})
    if isinstance(values, dict):
        return tuple((clean(name), member(values, name, str, key)) for name in sorted(values))
    for value in values:
        if not isinstance(value, list):
            raise WrongType(f"{key} contains element with wrong type")
        if len(value) != 2:
            raise WrongType(f"{key} contains list with wrong number of elements")
        for part, text in zip(("name", "value"), value, strict=True):
            if not isinstance(text, str):
                raise WrongType(f"header contains {part} element with wrong type")
    return tuple((clean(name), clean(value)) for name, value in values)


def _integer(value: str | float | int) -> int:
    if isinstance(value, str):
        found = _INTEGER.fullmatch(value)
        number = int(found.group(1)) if found else 0
        return number if _INT_MIN <= number <= _INT_MAX else 0
    if isinstance(value, float):
        number = int(value + 0.5 if value >= 0 else value - 0.5)
        return number if _INT_MIN <= number <= _INT_MAX else _INT_MIN
    return (value - _INT_MIN) % 2**32 + _INT_MIN


def _is_deep(document: str) -> bool:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(document):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found.group(), 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("beyond what a number can be")
    return number


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
