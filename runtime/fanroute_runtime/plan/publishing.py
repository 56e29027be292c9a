"""Defines how what clients send is published. A component has this module if one of its routes publishes."""

from typing import Literal

from fanroute_runtime.plan import Meta, StoreEntry, Template, record

# The kinds of connections that can be subscribed to a channel.
Kind = Literal["sse", "stream", "long_poll", "websocket"]
# The parts of an envelope: a text, or what the edge knows about the message.
Part = Literal["text", "body", "id", "now"]
# What happens on a WebSocket whose message is not published.
Failure = Literal["close", "event", "ignore"]


@record
class Publish:
    """Publishes what a client sends to `channel`: the body of its request, or each message of its WebSocket.

    A message is published for each kind of `subscribers`. For `sse`, it is an event of the type `event`. The API gets the token
    in `token`. A message has at most `max_message` bytes.

    With an `envelope`, JSON is published: an object with these members, each a name, a kind, and the template of a text. `meta`
    has the message's variables for filters. `id` and `prev_id` are those of the message; without an `id`, the edge makes one.

    A request has one of `content_types`, and pages of other origins than `origins`, in the form of Cors.origins, may not send
    one. A WebSocket's client may publish if the claim `claim` lists the channel, or if that is "". `failure` says what happens
    if a message of a WebSocket is not published. With `skips_sender`, the sender's own connection does not get its messages.
    With `escapes`, the subscriptions have filters that would replace a `%`.
    """

    channel: Template
    subscribers: tuple[Kind, ...]
    token: StoreEntry
    max_message: int
    event: str = ""
    envelope: tuple[tuple[str, Part, Template], ...] = ()
    meta: Meta = ()
    id: Template = ()
    prev_id: Template = ()
    content_types: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    claim: str = ""
    failure: Failure = "close"
    skips_sender: bool = False
    escapes: bool = False
