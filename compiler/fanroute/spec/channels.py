"""Defines the channels of an action, their filters, and the meta variables that filters use."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.diagnostics.printable import quoted
from fanroute.spec.types import (
    STRAY_PERCENT,
    Model,
    Text,
    TextFormat,
    as_list,
    check_name_of,
    no_duplicates,
    template_of,
    value_error,
    with_example,
)
from fanroute_runtime.grip.instructions import MAX_CHANNELS, MAX_VALUE, SEPARATORS, is_valid_value

# The meta variable that a filter uses. "" stands for any.
FILTER_META = {"skip-self": "user", "skip-users": "user", "build-id": "id_format", "var-subst": ""}
_META_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
# A path and a query (RFC 3986), without the characters that end a link or its parameters in Grip-Link.
_LINK = re.compile(r"/[!$%&'()*+./0-9:=?@A-Z_a-z~-]*")


def _grip_value(what: str) -> Callable[[str], str]:
    """Returns a validator for a value in Grip-Channel or Grip-Set-Meta."""

    def check(value: str) -> str:
        shortest = "".join(part if isinstance(part, str) else "x" for part in template_of(value))
        if len(shortest) > MAX_VALUE:
            raise value_error(f"the {what} has more than {MAX_VALUE} characters", "choose a shorter one")
        if not is_valid_value(shortest):
            suggestion = f"use printable ASCII without {' '.join(SEPARATORS)}, and without spaces at either end"
            raise value_error(f"{quoted(value)} is not {'an' if what[0] == 'i' else 'a'} {what}", suggestion)
        return value

    return check


def _check_meta_name(value: str) -> str:
    return check_name_of(value, _META_NAME.fullmatch(value), "the name of a meta variable")


def _check_link(value: str) -> str:
    """Raises an error unless the link is a path. Fanout sends its requests for links to this service."""
    shape = "".join(part if isinstance(part, str) else "x" for part in template_of(value))
    if not _LINK.fullmatch(shape) or shape.startswith("//") or STRAY_PERCENT.search(shape):
        suggestion = "begin with one '/', percent-encode special characters, and write no host or fragment"
        raise value_error(f"{quoted(value)} is not the path of a link", suggestion)
    return value


def _with_name(value: Any) -> Any:
    return value if isinstance(value, dict) else {"name": value}


Channel = Annotated[Text, AfterValidator(_grip_value("channel")), TextFormat("a channel", r"[\s\S]+", ("news", "room-{room}"))]
PreviousId = Annotated[
    Text, AfterValidator(_grip_value("previous id")), TextFormat("an id", r"[\s\S]+", ("{header.last-event-id}",))
]
MessageId = Annotated[
    Text, AfterValidator(_grip_value("id of a message")), TextFormat("an id", r"[\s\S]+", ("{header.x-message-id}",))
]
MetaName = Annotated[Text, AfterValidator(_check_meta_name), TextFormat("a name", _META_NAME.pattern)]
MetaValue = Annotated[Text, AfterValidator(_grip_value("meta value")), TextFormat("a value", r"[\s\S]+")]
Meta = Annotated[dict[MetaName, MetaValue], Field(examples=[{"user": "{query.user}"}])]
Link = Annotated[Text, AfterValidator(_check_link), TextFormat("a path", r"/[\s\S]*", ("/missed/{room}",))]
# Fanout takes at most five filters for a channel. There are no more than these.
Filters = Annotated[
    list[Literal["skip-self", "skip-users", "require-sub", "build-id", "var-subst"]],
    BeforeValidator(as_list),
    AfterValidator(no_duplicates),
]


class FullChannel(Model):
    """A channel to subscribe to."""

    model_config = with_example({"name": "room-{room}", "filters": "require-sub"})

    name: Channel
    """The channel's name. Just this name is short for it. It can contain what the match binds, such as `{room}`."""
    filters: Filters = Field(default_factory=list)
    """Fanout's filters, which change or drop messages on the way to this connection."""
    prev_id: PreviousId | None = None
    """The id of the last message that the client has. Only messages after it are delivered. It can contain what the match
    binds."""


Channels = Annotated[
    list[Annotated[FullChannel, BeforeValidator(_with_name, json_schema_input_type=Channel | FullChannel)]],
    BeforeValidator(as_list),
    Field(min_length=1, max_length=MAX_CHANNELS),
]
