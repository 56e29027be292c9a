"""What a route may ask of a request: `match`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from fanroute.model import Model
from fanroute.values import Header, Host, Method, Parameter, Path, Text, listed, wrong


def _condition(value: Any) -> Any:
    return value if isinstance(value, dict) else {"values": listed(value)}


Texts = Annotated[list[Text], Field(min_length=1)]


class Condition(Model):
    """What a header or query parameter must be: one of some values; or present or absent."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    values: Texts | None = None
    """The values it may have; a value or a list alone is short for this."""
    present: bool | None = None
    """Whether it must be there, whatever its value, or must not."""

    @model_validator(mode="after")
    def _one(self) -> "Condition":
        if (self.values is None) == (self.present is None):
            raise wrong("a condition is either values or 'present'", "write one value, a list, or {present: true}")
        return self


ConditionOrValues = Annotated[Condition, BeforeValidator(_condition, json_schema_input_type=Text | Texts | Condition)]


class Match(Model):
    """Which requests a route is for. All that is given must hold; a list is alternatives; what is left out matches anything."""

    host: Annotated[list[Host], BeforeValidator(listed), Field(min_length=1)] | None = None
    """A name, or `*.` and a name for all hosts that end so (not the name itself). Case, port and a final dot do not count."""
    path: Path | None = None
    """Literal segments, decoded, and parameters: `{room}` is one whole segment and binds its text; a final `/*` stands for any
    rest, also an empty one."""
    method: Annotated[list[Method], BeforeValidator(listed), Field(min_length=1)] | None = None
    """One or a list, in capital letters as HTTP has them."""
    scheme: Literal["http", "https"] | None = None
    """The client's."""
    websocket: bool | None = None
    """Whether the client asks for a WebSocket (`Upgrade: websocket`)."""
    header: dict[Header, ConditionOrValues] = {}
    """What headers must be, by name, of any case. Of one that stands more than once the first counts."""
    query: dict[Parameter, ConditionOrValues] = {}
    """What query parameters must be, by name, decoded. Of one that stands more than once the first counts."""
