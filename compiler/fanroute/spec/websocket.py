"""What a WebSocket is that the edge answers."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.spec.base import Kind, Model
from fanroute.spec.channels import Channels, Meta
from fanroute.spec.types import (
    DURATION,
    MAX_SECONDS,
    SIZE,
    TOKEN,
    Duration,
    KeepAlive,
    Size,
    Text,
    as_list,
    at_least,
    no_duplicates,
    value_error,
)
from fanroute_runtime.websocket import MAX_MESSAGE, MIN_KEEP_ALIVE_INTERVAL

# Codes that an endpoint may send in a CLOSE (RFC 6455, 7.4, and IANA's registry).
CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))


def _protocol(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{value!r} is not a subprotocol", "use letters, digits, '.' and '-', as in 'chat.v1'")
    return value


def _message(value: int) -> int:
    if not 0 < value <= MAX_MESSAGE:
        raise value_error("the size is out of range", f"it is 1B at least and {MAX_MESSAGE}B at most")
    return value


def _code(value: int) -> int:
    if value not in CLOSE_CODES:
        raise value_error(f"{value} is not a close code that may be sent", "choose one of your own, from 4000 to 4999")
    return value


Protocol = Annotated[Text, AfterValidator(_protocol), Kind("a subprotocol", TOKEN.pattern)]
IdleClose = Annotated[
    Duration,
    AfterValidator(at_least(MIN_KEEP_ALIVE_INTERVAL, MAX_SECONDS)),
    Kind(f"a duration from {MIN_KEEP_ALIVE_INTERVAL}s to {MAX_SECONDS // 60}m", DURATION.pattern),
]
MaxMessage = Annotated[Size, AfterValidator(_message), Kind(f"a size from 1B to {MAX_MESSAGE}B", SIZE.pattern)]


class WebSocket(Model):
    """A WebSocket that gets each `ws-message` published on its channels."""

    channel: Channels
    """One channel or up to 20; may contain what the match binds."""
    meta: Meta = Field(default_factory=dict)
    """Variables of the connection, by name, for the channels' filters; may contain what the match binds."""
    echo: bool = False
    """Whether a client's messages come back to it."""
    protocols: Annotated[list[Protocol], BeforeValidator(as_list), AfterValidator(no_duplicates)] = Field(default_factory=list)
    """Subprotocols, of which a client has to offer one: the first it offers that is here is taken."""
    keep_alive: KeepAlive | None = None
    """After that time without a message a ping is sent; with `idle_close` a pong, which no client answers."""
    idle_close: IdleClose | None = None
    """After that time without anything from the client it is closed with code 1001. What is published does not count."""
    max_message: MaxMessage | None = None
    """A client that sends a longer message is closed with code 1009. At one above 200,000 bytes Fanout breaks the connection."""
    refuse_code: Annotated[int, AfterValidator(_code)] | None = None
    """A client without a channel or protocol is accepted and closed with this code, which a browser's script can see, instead
    of an HTTP error, which it cannot."""
