"""Reads the parts of a request that commands take as arguments and options."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click
from pydantic_core import PydanticCustomError

from fanroute.routetests.document import field_value
from fanroute.spec.types import check_header_name

T = TypeVar("T")


def checked(check: Callable[[str], T], value: str, where: str) -> T:
    """Returns a part of a request, checked as in a file. Raises click.BadParameter."""
    try:
        return check(value)
    except PydanticCustomError as error:
        context = error.context or {}
        raise click.BadParameter(f"{context['message']}: {context['suggestion']}", param_hint=where) from None


def header_pair(text: str) -> tuple[str, str]:
    """Returns the name and value of a header that is written as 'NAME: VALUE'. Raises click.BadParameter."""
    name, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text!r} is not 'NAME: VALUE'", param_hint="-H")
    return checked(check_header_name, name, "-H"), checked(field_value, value.strip(" \t"), "-H")


def parse_claims(text: str) -> dict[str, Any]:
    """Returns the claims of a token that are written as a JSON object. Raises click.BadParameter, and RecursionError."""
    try:
        claims = json.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise click.BadParameter('write a JSON object, such as \'{"sub": "ann"}\'', param_hint="--claims")
    return claims


def too_deep() -> click.BadParameter:
    """Returns the error for claims that are nested too deeply."""
    return click.BadParameter("the JSON is nested too deeply", param_hint="--claims")
