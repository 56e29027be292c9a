"""Applies a `body-patch` to a held answer's JSON, as Pushpin does.

It is RFC 6902 with two differences: an `add` at an index of an array replaces the element, and `/` is the whole document.
"""

import json
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from fanroute.devserver.pushpin_json import parse


class _Failed(Exception):
    """Reports that an operation does not fit the document."""


def patched(body: bytes, operations: Iterable[Any]) -> bytes:
    """Returns a JSON text with the operations applied, keeping a final line break. Returns b"" if one does not fit."""
    try:
        document: Any = {"": parse(body)}
        for operation in operations:
            _apply(document, operation)
        value = _plain(document[""])
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
    value = deepcopy(operation.get("value"))  # the operation is for other connections, too
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


def _place(document: Any, path: Any) -> tuple[Any, str | int]:
    """Returns the object or array at the end of a path, and the key or index in it; -1 means after the last element."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise _Failed
    parts = ["", *([part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")] if len(path) > 1 else [])]
    if "" in parts[1:]:
        raise _Failed
    holder, key = document, _key(document, parts[0])
    for part in parts[1:]:
        holder = _value(holder, key)
        key = _key(holder, part)
    return holder, key


def _key(holder: Any, part: str) -> str | int:
    if isinstance(holder, dict):
        return part
    if not isinstance(holder, list):
        raise _Failed
    if part == "-":
        return -1
    if not part.isascii() or not part.isdecimal() or int(part) >= len(holder):
        raise _Failed
    return int(part)


def _value(holder: Any, key: str | int) -> Any:
    if key == -1 or (isinstance(holder, dict) and key not in holder):
        raise _Failed
    return holder[key]


def _get(document: Any, path: Any) -> Any:
    return _value(*_place(document, path))


def _set(document: Any, path: Any, value: Any) -> None:
    holder, key = _place(document, path)
    if key == -1:
        holder.append(value)
    else:
        holder[key] = value


def _remove(document: Any, path: Any) -> None:
    holder, key = _place(document, path)
    _value(holder, key)
    if holder is document:
        raise _Failed
    del holder[key]


def _plain(value: Any) -> Any:
    """Returns a value with floats that are whole numbers as integers: 1 for 1.0."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e16 else value


def _equal(one: Any, other: Any) -> bool:
    """Returns True if two values are equal for a `test`. A null equals nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one is not None and isinstance(one, str) == isinstance(other, str) and bool(one == other)
