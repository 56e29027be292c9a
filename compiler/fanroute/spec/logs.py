"""Defines `logs`: what is logged about requests, and where it goes."""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from fanroute.diagnostics.printable import quoted
from fanroute.spec.types import Model, Text, TextFormat, as_list, value_error, with_example
from fanroute_runtime.plan.logs import FIELDS

# The names that Fastly keeps for itself. Case does not matter.
_RESERVED = ("stdout", "stderr", "fst_managed_")
MAX_NAME = 255
_SHARE = re.compile(r"0?\.[0-9]{1,9}|1(\.0{1,9})?")


def _check_endpoint(value: str) -> str:
    """Checks the name of a log endpoint (https://www.fastly.com/documentation/reference/api/logging/)."""
    if not value or len(value) > MAX_NAME or ":" in value or not value.isprintable() or value != value.strip():
        suggestion = f"write 1 to {MAX_NAME} printable characters without ':'"
        raise value_error(f"{quoted(value)} is not the name of a log endpoint", suggestion)
    if value.lower() in _RESERVED[:2] or value.lower().startswith(_RESERVED[2]):
        raise value_error(f"Fastly reserves the name {quoted(value)}", "give the log endpoint another name")
    return value


def _parse_share(value: Any) -> float:
    """Returns a share. A number with a point is a text in the data."""
    share = float(value) if _SHARE.fullmatch(str(value)) else 0.0
    if not share:
        raise value_error(
            f"{quoted(value)} is not a share", "write a number above 0 and up to 1, such as 0.1 for one request in ten"
        )
    return share


FieldName = Literal[FIELDS]  # type: ignore[valid-type]
assert get_args(FieldName) == FIELDS
EndpointName = Annotated[
    Text,
    AfterValidator(_check_endpoint),
    TextFormat("a log endpoint", r"(?!([Ss][Tt][Dd]([Oo][Uu][Tt]|[Ee][Rr][Rr]))$)[^:\n]+", ("edge-logs",)),
]
Share = Annotated[
    float,
    BeforeValidator(_parse_share),
    WithJsonSchema({"type": "number", "title": "a share", "exclusiveMinimum": 0, "maximum": 1, "examples": [0.1]}),
]


class Logs(Model):
    """Logs each request as one line of JSON, to a log endpoint of the service."""

    model_config = with_example({"endpoint": "edge-logs", "sample": 0.1})

    endpoint: EndpointName
    """The name of the log endpoint at Fastly."""
    sample: Share = 1.0
    """The share of requests that is logged: `0.1` logs one in ten. Both passes of a request are logged, or neither."""
    fields: Annotated[list[FieldName], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """The parts of a line. If not given, all."""
