"""Defines how what clients send is published: the action `publish`, and the `publish` of a `websocket`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.diagnostics.printable import quoted
from fanroute.spec.channels import Channel, MessageId, Meta, PreviousId
from fanroute.spec.claims import ClaimName
from fanroute.spec.cors import Cors
from fanroute.spec.keys import EntryName
from fanroute.spec.types import (
    SIZE,
    TOKEN,
    Line,
    Model,
    Size,
    Text,
    TextFormat,
    as_list,
    check_name_of,
    no_duplicates,
    template_of,
    value_error,
    with_example,
)
from fanroute_runtime.http.media_types import INSTRUCT, WEBSOCKET_EVENTS
from fanroute_runtime.plan.publishing import Failure, Kind, Part

# Fastly's limit for a publish request is 65,536 bytes. It has the message once for each kind of subscriber, in JSON.
MAX_PUBLISHED = 49_152
# The texts of an envelope that stand for a part of the message.
PARTS: tuple[Part, ...] = ("body", "id", "now")
_MEDIA_TYPE = re.compile(rf"{TOKEN.pattern}/{TOKEN.pattern}")
_MEMBER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,62}")


def _check_size(value: int) -> int:
    if not 0 < value <= MAX_PUBLISHED:
        raise value_error("the size is out of range", f"write at least 1B and at most {MAX_PUBLISHED // 1024}KiB")
    return value


def _check_media_type(value: str) -> str:
    if not _MEDIA_TYPE.fullmatch(value) or value != value.lower():
        raise value_error(f"{quoted(value)} is not a media type", "write it in lower case without parameters, such as text/plain")
    if value in (WEBSOCKET_EVENTS, INSTRUCT):
        raise value_error(f"'{value}' is for Fanout alone", "write a media type of your own, such as application/json")
    return value


def _check_member(value: str) -> str:
    return check_name_of(value, _MEMBER.fullmatch(value), "the name of a member")


def _check_text(value: str) -> str:
    template_of(value)
    return value


PublishedSize = Annotated[
    Size, AfterValidator(_check_size), TextFormat(f"a size from 1B to {MAX_PUBLISHED // 1024}KiB", SIZE.pattern, ("16KiB",))
]
MediaType = Annotated[
    Text, AfterValidator(_check_media_type), TextFormat("a media type", _MEDIA_TYPE.pattern, ("application/json", "text/plain"))
]
Member = Annotated[Text, AfterValidator(_check_member), TextFormat("a name", _MEMBER.pattern)]
Value = Annotated[Text, AfterValidator(_check_text), TextFormat("body, id, now, or a text", r"[\s\S]*", ("body", "{claim.sub}"))]
Envelope = Annotated[
    dict[Member, Value], Field(min_length=1, max_length=32, examples=[{"from": "{claim.sub}", "at": "now", "body": "body"}])
]
Subscribers = Annotated[
    list[Kind], BeforeValidator(as_list), AfterValidator(no_duplicates), Field(min_length=1, examples=[["sse", "websocket"]])
]


class PublishedMessage(Model):
    """Says what is published, and on which channel."""

    channel: Channel
    """The channel. It can contain what the match binds, such as `{room}`, and claims."""
    subscribers: Subscribers | None = None
    """For which kinds of connections a message is published: `sse`, `stream`, `long_poll` and `websocket`. If not given, for
    those that routes of this file subscribe to the channel."""
    event: Line | None = None
    """The type of the event that listeners of server-sent events get. Listeners for `message` get an event without a type."""
    envelope: Envelope | None = None
    """Publishes a JSON object with these members in place of what the client sends. `body` is what it sends, `id` the message's
    id, and `now` the time in milliseconds since 1970. Any other text stays, and can contain what the match binds, and claims."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the message for the filters of subscriptions, by name. Values can contain what the match binds."""


class Publish(PublishedMessage):
    """Publishes the body of a request on a channel. The answer is a 202 with the message's id."""

    model_config = with_example({"channel": "room-{room}", "event": "message", "max_message": "16KiB"})

    max_message: PublishedSize | None = None
    """The longest body. A longer one gets a 413. 16 KiB if not given."""
    content_types: (
        Annotated[list[MediaType], BeforeValidator(as_list), AfterValidator(no_duplicates), Field(min_length=1)] | None
    ) = None
    """The media types that a request may have. Any other gets a 415. `application/json` and `text/plain` if not given."""
    id: MessageId | None = None
    """The message's id. It can contain what the match binds. If not given, the edge makes one."""
    prev_id: PreviousId | None = None
    """The id of the message before it on the channel, for subscriptions with a `prev_id`."""
    cors: Cors | None = None
    """Lets pages of other origins publish, and read the answer. Without it, only pages of the service's own hosts may."""


class PublishFromSocket(PublishedMessage):
    """Publishes each message that the client of a WebSocket sends."""

    model_config = with_example({"channel": "room-{room}", "echo_to_sender": False, "on_failure": "event"})

    content_type: Literal["text/plain", "application/json"] = "text/plain"
    """With `application/json`, each message must be JSON. An `envelope` then contains it as such, and not as a text."""
    channels: ClaimName | None = Field(None, examples=["may_write"])
    """The claim that lists the channels which the client may publish on. If not given, each client may."""
    echo_to_sender: bool = True
    """`false` keeps a client's messages from the connection that has sent them. Other connections of the same user get them."""
    on_failure: Failure = "close"
    """If a message is not published: `close` closes the connection with a code, `event` sends the client a message with the
    error, and `ignore` does nothing."""


class Publishing(Model):
    """The token with which the edge publishes through Fastly's API. Local edges need none."""

    model_config = with_example({"secret_store": "keys", "name": "publish-token"})

    secret_store: EntryName
    """The secret store that holds the token, by the name under which it is linked to the service."""
    name: EntryName
    """The name of the token in its store."""
