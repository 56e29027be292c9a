"""What a route may ask of a request: `match`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from fanroute.spec.headers import MatchedHeader, no_duplicate_names
from fanroute.spec.types import Host, MatchedMethod, Model, Parameter, Path, Pattern, Text, as_list, value_error


def _condition(value: Any) -> Any:
    return value if isinstance(value, dict) else {"values": as_list(value)}


Texts = Annotated[list[Text], Field(min_length=1)]


class Condition(Model):
    """What a header or query parameter must be: one of some values; or fit a pattern; or present or absent."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    values: Texts | None = None
    """The values it may have; a value or a list alone is short for this."""
    present: bool | None = None
    """Whether it must be there, whatever its value, or must not."""
    pattern: Pattern | None = None
    """What its whole value must fit: a regular expression of the subset that routes.md describes."""

    @model_validator(mode="after")
    def _one(self) -> "Condition":
        given = [value for value in (self.values, self.present, self.pattern) if value is not None]
        if len(given) != 1:
            suggestion = "write one value, a list, {present: true} or {pattern: '[0-9]+'}"
            raise value_error("a condition is either values, a pattern or 'present'", suggestion)
        return self


ConditionOrValues = Annotated[Condition, BeforeValidator(_condition, json_schema_input_type=Text | Texts | Condition)]


class Match(Model):
    """Which requests a route is for. All that is given must hold; a list is alternatives; what is left out matches anything."""

    host: Annotated[list[Host], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """A name, or `*.` and a name for all hosts that end so (not the name itself). Case, port and a final dot do not count."""
    path: Path | None = None
    """Literal segments, decoded or percent-encoded, and parameters: `{room}` is one whole segment and binds its text; a final
    `/*` stands for any rest, also an empty one."""
    where: dict[Parameter, Pattern] = Field(default_factory=dict)
    """What parameters of the path must fit, by name: a regular expression of the subset that routes.md describes, of the whole
    decoded segment."""
    method: Annotated[list[MatchedMethod], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """One or a list. The case counts: HTTP's own methods are in capital letters."""
    scheme: Literal["http", "https"] | None = None
    """The client's."""
    websocket: bool | None = None
    """Whether the client asks for a WebSocket (`Upgrade: websocket`)."""
    header: Annotated[dict[MatchedHeader, ConditionOrValues], AfterValidator(no_duplicate_names)] = Field(default_factory=dict)
    """What headers must be, by name, of any case. Of one that stands more than once the first counts; lines of `Cookie` are one,
    joined by `; `."""
    query: dict[Parameter, ConditionOrValues] = Field(default_factory=dict)
    """What query parameters must be, by name, decoded. Of one that stands more than once the first counts."""
