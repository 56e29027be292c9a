"""Writes the data of a Plan as Python literals. Pure."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any


def python_literal(value: Any, atom: Callable[[Any], str] = repr) -> str:
    """Returns a value as a Python literal. Dataclasses have only the fields that differ from their defaults.

    `atom` writes the values that are neither dataclasses nor tuples.
    """
    if is_dataclass(value) and not isinstance(value, type):
        arguments = (f"{name}={python_literal(field, atom)}" for name, field in set_fields(value))
        return f"{type(value).__name__}({', '.join(arguments)})"
    if isinstance(value, tuple):
        return f"({', '.join(python_literal(part, atom) for part in value)}{',' if len(value) == 1 else ''})"
    return atom(value)


def set_fields(value: Any) -> list[tuple[str, Any]]:
    """Returns the fields of a dataclass that differ from their defaults, with their values."""
    return [(field.name, getattr(value, field.name)) for field in fields(value) if getattr(value, field.name) != field.default]
