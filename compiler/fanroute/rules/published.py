"""Checks the messages that routes publish, and who gets them: FR483 to FR487."""

from collections.abc import Iterator

from fanroute.analysis.publishing import subscriptions_to
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import POSTED, PUBLISHES, READ_EVENTS
from fanroute.diagnostics.rule import Rule
from fanroute.plan.kinds import Kind
from fanroute.plan.routes import publishes, references
from fanroute.rules.check import ValidFile, plan_check, published_path, publishing_routes
from fanroute.spec import raw
from fanroute.spec.publishing import MAX_PUBLISHED, PARTS
from fanroute_runtime.plan import WebSocket

FR483 = Rule(
    "FR483",
    "warning",
    "a message of the size that a route allows is too long to be published",
    "Fastly takes publish requests of up to 64 KiB. The message is in one once for each kind of subscriber, so clients get a 413 "
    "for a message that `max_message` allows. Characters that JSON escapes, such as quotation marks, need more than a byte.",
    PUBLISHES + POSTED + "    publish: {channel: news, max_message: 40KiB, subscribers: [sse, websocket]}\n",
    "Write a smaller `max_message`, or fewer `subscribers`.",
)


@plan_check
def check_sizes(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR483: the longest message, once for each kind of subscriber, does not fit into a publish request."""
    for index, route, publish in publishing_routes(file.plan):
        kinds = len(publish.subscribers)
        if kinds * publish.max_message <= MAX_PUBLISHED:
            continue
        path = published_path(route, index)
        beside = path[:-1] if isinstance(route.action, WebSocket) else path
        message = f"it is published for {kinds} kinds of subscribers" if kinds > 1 else "the longest message cannot be published"
        suggestion = f"write at most {MAX_PUBLISHED // 1024 // kinds}KiB"
        yield Diagnostic(FR483, message, file.source.value_span((*beside, "max_message")), suggestion)


FR484 = Rule(
    "FR484",
    "warning",
    "all messages of a route have the same id",
    "Readers know a message that they get twice by its id, and leave it out. With one id for all messages, they leave out every "
    "message after the first.",
    PUBLISHES + READ_EVENTS + POSTED + "    publish: {channel: news, id: news}\n",
    'Remove `id`, and the edge makes one. Or take the id from the request, as in `id: "{header.idempotency-key}"`.',
)


@plan_check
def check_ids(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR484: the id of a message does not depend on the request."""
    for index, route, publish in publishing_routes(file.plan):
        if publish.id and not references(publish.id):
            span = file.source.value_span((*published_path(route, index), "id"))
            yield Diagnostic(FR484, "each message has this id", span, "remove it, and the edge makes ids")


FR485 = Rule(
    "FR485",
    "note",
    "a key about publishing does nothing",
    "The key `publishing` is for routes with `publish`. An `event` is the type of server-sent events, for subscribers with "
    "`sse`. `echo_to_sender: false` is for a WebSocket that is subscribed to the channel on which it publishes.",
    PUBLISHES + "  - match: {path: /socket}\n    public: true\n"
    "    websocket: {channel: news, publish: {channel: news, event: said}}\n",
    "Remove the key, or add what it is for.",
)


@plan_check
def check_effects(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR485: a key about publishing does nothing."""
    source = file.source
    if "publishing" in source.data and not publishes(file.plan):
        yield Diagnostic(FR485, "no route publishes", source.key_span(("publishing",)), "remove it")
    for index, route, publish in publishing_routes(file.plan):
        path = published_path(route, index)
        if publish.event and "sse" not in publish.subscribers:
            span = source.key_span((*path, "event"))
            yield Diagnostic(FR485, "no subscriber of this channel gets server-sent events", span, "remove it")
        if publish.skips_sender and all(found.index != index for found in subscriptions_to(file.plan, route, publish)):
            message = "this WebSocket is not subscribed to the channel, so its client never gets what it sends"
            yield Diagnostic(FR485, message, source.key_span((*path, "echo_to_sender")), "remove it")


FR486 = Rule(
    "FR486",
    "warning",
    "connections are subscribed to a channel, and get none of its messages",
    "A message is published for the kinds of connections that `subscribers` names. GRIP drops it for others without an error.",
    PUBLISHES + READ_EVENTS + POSTED + "    publish: {channel: news, subscribers: websocket}\n",
    "Add the kind to `subscribers`, or remove `subscribers`, which then has the kinds of the file's routes.",
)
# The formats of GRIP by kinds of connections. Streams and server-sent events share one.
_HTTP_STREAM: frozenset[Kind] = frozenset({"sse", "stream"})


@plan_check
def check_subscribed(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR486: `subscribers` does not name a kind of connection that a route subscribes to the channel."""
    for index, route, publish in publishing_routes(file.plan):
        published = set(publish.subscribers)
        if not published.isdisjoint(_HTTP_STREAM):
            published |= _HTTP_STREAM
        found = [each for each in subscriptions_to(file.plan, route, publish) if each.kind not in published]
        if found:
            kinds = " and ".join(sorted({f"'{each.kind}'" for each in found}))
            notes = tuple(Note(f"the '{each.kind}'", file.source.key_span(("routes", each.index))) for each in found)
            span = file.source.key_span((*published_path(route, index), "subscribers"))
            yield Diagnostic(FR486, f"routes of the file subscribe {kinds} to this channel", span, f"add {kinds}", notes)


FR487 = Rule(
    "FR487",
    "warning",
    "a text in an envelope looks like a part of the message",
    "The texts `body`, `id` and `now` stand for parts of the message. Written in another way, they are texts like any other, "
    "which each message then has.",
    PUBLISHES + READ_EVENTS + POSTED + "    publish: {channel: news, envelope: {at: Now, body: body}}\n",
    "Write the part alone and in lower case.",
)


@plan_check
def check_envelopes(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR487: a text in an envelope differs from the name of a part only in upper case or spaces."""
    for _, path, data in raw.publications(file.source):
        for name, text in (data.get("envelope") or {}).items():
            part = text.strip().lower()
            if part in PARTS and text not in PARTS:
                span = file.source.value_span((*path, "envelope", name))
                yield Diagnostic(FR487, f"{text!r} is a text here", span, f"write '{part}'")
