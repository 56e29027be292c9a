"""Applies a `body-patch` to the JSON of a held answer, as Pushpin does.

It is RFC 6902 with two differences: `add` at an index of an array replaces the element, and the path `/` is the whole document.
"""

import json
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from fanroute.devserver.pushpin_json import parse_json


class _Failed(Exception):
    """Reports that an operation does not fit the document."""


def apply_patch(body: bytes, operations: Iterable[Any]) -> bytes:
    """Applies the operations to JSON. Keeps a final line break. Returns b"" if an operation does not fit."""
    try:
        document: Any = {"": parse_json(body)}
        for operation in operations:
            _apply(document, operation)
        value = _with_integers(document[""])
        text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError, _Failed):
        return b""
    if not isinstance(value, dict | list):
        return b""
    ending = b"\r\n" if body.endswith(b"\r\n") else b"\n" if body.endswith(b"\n") else b""
    return text.encode("utf-8", "replace") + ending


def _apply(document: Any, operation: Any) -> None:
    if not isinstance(operation, dict):
        raise _Failed
    type_, path = operation.get("op"), operation.get("path")
    if type_ in ("add", "replace", "test") and "value" not in operation:
        raise _Failed
    value = deepcopy(operation.get("value"))  # other connections use the operation too
    match type_:
        case "add":
            _set(document, path, value)
        case "replace":
            _get(document, path)
            _set(document, path, value)
        case "test":
            if not _equal(_get(document, path), value):
                raise _Failed
        case "remove":
            _remove(document, path)
        case "move" if isinstance(path, str) and not path.startswith(f"{operation.get('from')}/"):
            value = _get(document, operation.get("from"))
            _remove(document, operation.get("from"))
            _set(document, path, value)
        case "copy":
            _set(document, path, deepcopy(_get(document, operation.get("from"))))
        case _:
            raise _Failed


def _locate(document: Any, path: Any) -> tuple[Any, str | int]:
    """Returns the object or array that has the end of a path, and the key or index there; -1 is after the last element."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise _Failed
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")] if len(path) > 1 else []
    if "" in tokens:
        raise _Failed
    holder, key = document, _key(document, "")
    for token in tokens:
        holder = _value(holder, key)
        key = _key(holder, token)
    return holder, key


def _key(holder: Any, token: str) -> str | int:
    if isinstance(holder, dict):
        return token
    if not isinstance(holder, list):
        raise _Failed
    if token == "-":
        return -1
    if not token.isascii() or not token.isdecimal() or int(token) >= len(holder):
        raise _Failed
    return int(token)


def _value(holder: Any, key: str | int) -> Any:
    if key == -1 or (isinstance(holder, dict) and key not in holder):
        raise _Failed
    return holder[key]


def _get(document: Any, path: Any) -> Any:
    return _value(*_locate(document, path))


def _set(document: Any, path: Any, value: Any) -> None:
    holder, key = _locate(document, path)
    if key == -1:
        holder.append(value)
    else:
        holder[key] = value


def _remove(document: Any, path: Any) -> None:
    holder, key = _locate(document, path)
    _value(holder, key)
    if holder is document:
        raise _Failed
    del holder[key]


def _with_integers(value: Any) -> Any:
    """Replaces floats that are whole numbers by integers: 1.0 by 1."""
    if isinstance(value, dict):
        return {name: _with_integers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_integers(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e16 else value


def _equal(one: Any, other: Any) -> bool:
    """Returns True if two values are equal for a `test` operation. A null is not equal to anything."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one is not None and isinstance(one, str) == isinstance(other, str) and bool(one == other)
