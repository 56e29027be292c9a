"""Defines `rewrite`: the path and query with which a backend gets a request."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.spec.types import (
    AddressPath,
    Model,
    PathPrefix,
    Text,
    TextFormat,
    as_list,
    no_duplicates,
    template_of,
    value_error,
    with_example,
)


def _check_parameter_name(value: str) -> str:
    if not value:
        raise value_error("the name of a query parameter is empty", "write its name")
    return value


def _check_value(value: str) -> str:
    template_of(value)
    return value


ParameterName = Annotated[Text, AfterValidator(_check_parameter_name), TextFormat("a query parameter", ".+", ("version",))]
ParameterValue = Annotated[Text, AfterValidator(_check_value), TextFormat("a value", "", ("2", "{room}"))]


class QueryChanges(Model):
    """Changes to the query. All other parameters stay as the client sent them. Each parameter can be named once."""

    model_config = with_example({"set": {"version": "2"}, "remove": ["debug"]})

    set: dict[ParameterName, ParameterValue] = Field(default_factory=dict, examples=[{"version": "2"}])
    """Parameters that get only this value, whatever the client sent. It can contain values that the match binds. It is
    percent-encoded, so write it as it is meant."""
    remove: Annotated[list[ParameterName], BeforeValidator(as_list), AfterValidator(no_duplicates)] = Field(
        default_factory=list, examples=[["debug"]]
    )
    """Names of parameters that are removed."""


class Rewrite(Model):
    """Changes the path and query with which the backend gets the request. What is not named stays as the client sent it."""

    model_config = with_example({"strip_prefix": "/api", "add_prefix": "/v2"})

    strip_prefix: PathPrefix | None = Field(None, examples=["/api"])
    """Removes this beginning of the path, which the match must guarantee. A path that is empty then becomes `/`."""
    add_prefix: PathPrefix | None = Field(None, examples=["/v2", "/v2/{room}"])
    """Puts this before the path, after `strip_prefix`. It can contain values that the match binds, which are percent-encoded."""
    path: AddressPath | None = None
    """Replaces the whole path. It can contain values that the match binds, which are percent-encoded."""
    query: QueryChanges | None = None
    """Sets or removes query parameters."""
