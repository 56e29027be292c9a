"""Defines `match`: the conditions for requests that a route takes."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fanroute.spec.headers import MatchedHeader, no_duplicate_names
from fanroute.spec.networks import Network
from fanroute.spec.types import (
    MatchedHost,
    MatchedMethod,
    Model,
    Parameter,
    Pattern,
    RoutePath,
    Text,
    as_list,
    no_duplicates,
    value_error,
    with_example,
)


def as_condition(value: Any) -> Any:
    """Returns a condition's mapping as it is, and values in one."""
    return value if isinstance(value, dict) else {"values": as_list(value)}


Texts = Annotated[list[Text], Field(min_length=1)]


class Condition(Model):
    """A condition on a header or query parameter: it has one of these values, fits a pattern, or is present or absent."""

    model_config = with_example({"pattern": "[0-9]+"}, minProperties=1, maxProperties=1)

    values: Texts | None = None
    """The values that it may have. A value or a list alone is short for this."""
    present: bool | None = None
    """`true` if it must be present, with any value; `false` if it must be absent."""
    pattern: Pattern | None = None
    """A regular expression that its whole value must fit, of the subset in docs/language/matching.md."""

    @model_validator(mode="after")
    def _has_one_key(self) -> "Condition":
        fields = type(self).model_fields
        if sum(getattr(self, name) is not None for name in fields) != 1:
            *names, last = (f"'{name}'" for name in fields)
            suggestion = "write one value, a list, {present: true} or {pattern: '[0-9]+'}"
            raise value_error(f"a condition must have exactly one of {', '.join(names)} and {last}", suggestion)
        return self


ConditionOrValues = Annotated[Condition, BeforeValidator(as_condition, json_schema_input_type=Text | Texts | Condition)]


class Match(Model):
    """Says which requests a route takes. All conditions must hold. A list gives alternatives, a missing key matches anything."""

    model_config = with_example({"host": "chat.example.com", "path": "/rooms/{room}", "method": "GET"})

    host: Annotated[list[MatchedHost], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """A host name, or `*.` and a name for all hosts below it, but not for the name itself. `{tenant}.` and a name stands for one
    label before the name and binds its text, in lower case; in a list, all hosts must bind the same. Upper and lower case, the
    port and a final dot make no difference."""
    path: Annotated[list[RoutePath], BeforeValidator(as_list), AfterValidator(no_duplicates), Field(min_length=1)] | None = None
    """One path or a list, in which all have the same parameters. A path has segments, decoded or percent-encoded. `{room}` stands
    for one whole segment and binds its text. A final `/*` stands for any rest, even an empty one. A final `/{rest...}` stands for
    one segment or more and binds their text, such as `a/b`."""
    where: dict[Parameter, Pattern] = Field(default_factory=dict, examples=[{"room": "[a-z0-9-]+"}])
    """Restricts parameters of the path and host, by name: to a regular expression of the subset in docs/language/matching.md,
    which must fit the whole decoded text."""
    method: Annotated[list[MatchedMethod], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """One method or a list. Methods are case-sensitive: HTTP's own are in upper case."""
    scheme: Literal["http", "https"] | None = None
    """The scheme of the client's request."""
    websocket: bool | None = None
    """`true` if the client must ask for a WebSocket (`Upgrade: websocket`), `false` if it must not."""
    client_ip: Annotated[list[Network], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """The address of the client's connection: an address, a network such as `203.0.113.0/24` or `2001:db8::/32`, or a list. A
    request whose client the edge does not know, such as one through a GRIP proxy of your own, does not match."""
    header: Annotated[dict[MatchedHeader, ConditionOrValues], AfterValidator(no_duplicate_names)] = Field(
        default_factory=dict, examples=[{"Accept-Language": ["de", "fr"], "X-Beta": {"present": True}}]
    )
    """Conditions on headers, by name in any case. If a header appears more than once, the first counts. Several lines of `Cookie`
    are joined by `; `."""
    query: dict[Parameter, ConditionOrValues] = Field(default_factory=dict, examples=[{"version": "2"}])
    """Conditions on query parameters, decoded, by name. If a parameter appears more than once, the first counts."""
