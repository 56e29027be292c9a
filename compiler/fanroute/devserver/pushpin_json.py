"""Reads JSON and its values as Pushpin does, so that both local edges accept and refuse the same input."""

import base64
import json
import re
from types import UnionType
from typing import Any

# How deep JSON can be nested. Qt, which Pushpin uses, has the same limit.
MAX_DEPTH = 1024
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,10})\s*", re.ASCII)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


class WrongType(ValueError):
    """Reports that a value has the wrong type, in Pushpin's words."""


def parse_json(text: bytes) -> dict[str, Any] | list[Any]:
    """Parses JSON in UTF-8 that is an object or an array. Raises ValueError."""
    document = text.decode("utf-8-sig")
    if _is_deep(document):
        raise ValueError("nested too deeply")
    try:
        value = json.loads(document, strict=False, parse_constant=_refuse_constant, parse_float=_finite_float)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict | list):
        raise ValueError("neither an object nor an array")
    return value


def member(holder: dict[str, Any], key: str, kind: type | UnionType, where: str, default: Any = None) -> Any:
    """Returns the member of an object, or the default if it is missing.

    Raises WrongType if the member is not of a kind. `where` names the object in the message.
    """
    if key not in holder:
        return default
    value = holder[key]
    if not isinstance(value, kind):
        raise WrongType(f"{where} contains '{key}' with wrong type")
    return valid_text(value) if isinstance(value, str) else value


def valid_text(text: str) -> str:
    """Replaces each lone half of a surrogate pair by a question mark, so that the text can be encoded."""
    return text.encode("utf-8", "replace").decode()


def integer(holder: dict[str, Any], key: str, where: str, default: int, limit: int = _INT_MAX) -> int:
    """Returns the member of an object as an integer, or the default if it is missing.

    As in Pushpin, a string, float or boolean is converted. Raises WrongType if the number is negative or over `limit`.
    """
    if key not in holder:
        return default
    value = holder[key]
    if not isinstance(value, str | float | int):  # bool is an int
        raise WrongType(f"{where} contains '{key}' with wrong type")
    number = _integer(value)
    if not 0 <= number <= limit:
        raise WrongType(f"{where} contains '{key}' with invalid value")
    return number


def strings(holder: dict[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    """Returns the member of an object that is a list of strings, or None if it is missing. Raises WrongType."""
    values = member(holder, key, list, where)
    if values is not None and not all(isinstance(value, str) for value in values):
        raise WrongType(f"{key} contains element with wrong type")
    return None if values is None else tuple(map(valid_text, values))


def header_pairs(holder: dict[str, Any], key: str, where: str) -> tuple[tuple[str, str], ...]:
    """Returns the headers in a member of an object, which is an object itself or a list of pairs. Raises WrongType."""
    values = member(holder, key, dict | list, where, {})
    if isinstance(values, dict):
        return tuple((valid_text(name), member(values, name, str, key)) for name in sorted(values))
    for value in values:
        if not isinstance(value, list):
            raise WrongType(f"{key} contains element with wrong type")
        if len(value) != 2:
            raise WrongType(f"{key} contains list with wrong number of elements")
        for part, text in zip(("name", "value"), value, strict=True):
            if not isinstance(text, str):
                raise WrongType(f"header contains {part} element with wrong type")
    return tuple((valid_text(name), valid_text(value)) for name, value in values)


def content_bytes(holder: dict[str, Any], key: str, where: str) -> bytes | None:
    """Returns the bytes of a member such as `content`, or of its base64 form `content-bin`; None if both are missing.

    Raises WrongType.
    """
    binary = member(holder, f"{key}-bin", str, where)
    if binary is not None:
        return decode_base64(binary)
    text = member(holder, key, str, where)
    return None if text is None else text.encode()


def decode_base64(text: str) -> bytes:
    """Decodes base64. Ignores other characters, and a single character in the last group of four."""
    digits = _NOT_BASE64.sub(b"", text.encode())
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


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


def _finite_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("beyond what a number can be")
    return number


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
