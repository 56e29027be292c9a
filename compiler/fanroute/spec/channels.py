"""What an endpoint subscribes a connection to, and what the filters there know of it."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.spec.types import STRAY_PERCENT, Kind, Model, Text, as_list, no_duplicates, template_of, value_error
from fanroute_runtime.grip import MAX_CHANNELS, MAX_VALUE, SEPARATORS, is_value

# The meta variable that a filter works by; "" is any.
FILTER_META = {"skip-self": "user", "skip-users": "user", "build-id": "id_format", "var-subst": ""}
_META_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
# A path and a query of RFC 3986, without what ends a link or its parameters in Grip-Link.
_LINK = re.compile(r"/[!$%&'()*+./0-9:=?@A-Z_a-z~-]*")


def _grip_value(what: str) -> Callable[[str], str]:
    """A check of what stands in Grip-Channel or Grip-Set-Meta."""

    def check(value: str) -> str:
        shortest = "".join(part if isinstance(part, str) else "x" for part in template_of(value))
        if len(shortest) > MAX_VALUE:
            raise value_error(f"the {what} has more than {MAX_VALUE} characters", "choose a shorter one")
        if not is_value(shortest):
            suggestion = f"use printable ASCII without {' '.join(SEPARATORS)} and without spaces around it"
            raise value_error(f"{value!r} is not a {what}", suggestion)
        return value

    return check


def _meta_name(value: str) -> str:
    if not _META_NAME.fullmatch(value):
        raise value_error(f"{value!r} is not the name of a meta variable", "begin with a letter; letters, digits, '-' and '_'")
    return value


def _link(value: str) -> str:
    """A path: Fanout asks for it where it has asked for the endpoint itself, which is this service."""
    shape = "".join(part if isinstance(part, str) else "x" for part in template_of(value))
    if not _LINK.fullmatch(shape) or shape.startswith("//") or STRAY_PERCENT.search(shape):
        raise value_error(
            f"{value!r} is not the path of a link", "begin with one '/', percent-encoded, without host and fragment"
        )
    return value


def _named(value: Any) -> Any:
    return value if isinstance(value, dict) else {"name": value}


Channel = Annotated[Text, AfterValidator(_grip_value("channel")), Kind("a channel", r"[\s\S]+")]
PreviousId = Annotated[Text, AfterValidator(_grip_value("previous id")), Kind("an id", r"[\s\S]+")]
MetaName = Annotated[Text, AfterValidator(_meta_name), Kind("a name", _META_NAME.pattern)]
MetaValue = Annotated[Text, AfterValidator(_grip_value("meta value")), Kind("a value", r"[\s\S]+")]
Meta = dict[MetaName, MetaValue]
Link = Annotated[Text, AfterValidator(_link), Kind("a path", r"/[\s\S]*")]
# Fanout takes five filters a channel at most, which is all there are.
Filters = Annotated[
    list[Literal["skip-self", "skip-users", "require-sub", "build-id", "var-subst"]],
    BeforeValidator(as_list),
    AfterValidator(no_duplicates),
]


class FullChannel(Model):
    """A channel to subscribe to."""

    name: Channel
    """Its name; a name alone is short for this. May contain what the match binds."""
    filters: Filters = Field(default_factory=list)
    """What is done with each message on the way to this connection."""
    prev_id: PreviousId | None = None
    """The id of the last message that the client has; only what follows it is delivered. May contain what the match binds."""


Channels = Annotated[
    list[Annotated[FullChannel, BeforeValidator(_named, json_schema_input_type=Channel | FullChannel)]],
    BeforeValidator(as_list),
    Field(min_length=1, max_length=MAX_CHANNELS),
]
