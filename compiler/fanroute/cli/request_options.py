"""Reads the parts of a request that commands take as arguments and options."""

from collections.abc import Callable

import click
from pydantic_core import PydanticCustomError

from fanroute.routetests.document import field_value
from fanroute.spec.types import check_header_name


def checked(check: Callable[[str], str], value: str, where: str) -> str:
    """Returns a part of a request, checked as in route tests. Raises click.BadParameter."""
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
