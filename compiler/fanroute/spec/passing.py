"""Defines the actions `handoff` and `forward`. Each can be a backend's name, short for a mapping with only that."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from fanroute.spec.base import Model
from fanroute.spec.cors import Cors
from fanroute.spec.types import BackendName


class Handoff(Model):
    """A backend's answer, through Fanout."""

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    cors: Cors | None = None
    """Which pages of other origins may send requests, and read the edge's own answers, such as a 401. The backend sets CORS
    headers for its answers itself."""


class Forward(Model):
    """A backend's answer, without Fanout."""

    backend: BackendName
    """The backend's name. The action can also be just this name."""
    cors: Cors | None = None
    """Which pages of other origins may send requests, and read the edge's own answers, such as a 401 or 502."""


def _named(value: Any) -> Any:
    return value if isinstance(value, dict) else {"backend": value}


HandoffTo = Annotated[Handoff, BeforeValidator(_named, json_schema_input_type=BackendName | Handoff)]
ForwardTo = Annotated[Forward, BeforeValidator(_named, json_schema_input_type=BackendName | Forward)]
