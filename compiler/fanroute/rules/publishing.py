"""Checks routes that publish what clients send: FR290 to FR296, and FR497 to FR499."""

from collections.abc import Iterator

from fanroute.analysis.publishing import Subscription, subscriptions_to
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import AUTH, LOOPBACK, POSTED, PUBLISHES, READ_EVENTS, START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check, published_path, publishing_routes, source_check
from fanroute.spec import raw
from fanroute.syntax.source import Source
from fanroute_runtime.grip.publishing import BACKEND
from fanroute_runtime.plan import Plan, Route, WebSocket
from fanroute_runtime.plan.publishing import Publish

_METHODS = frozenset({"POST", "PUT", "PATCH"})

FR290 = Rule(
    "FR290",
    "error",
    "a route publishes, and the file names no token for it",
    "The edge publishes through Fastly's API, which needs an API token. The token is in a secret store of the service, "
    "so it is in "
    "neither the file nor the component. Local edges need no token.",
    LOOPBACK + READ_EVENTS + POSTED + "    publish: {channel: news}\n",
    "Add `publishing: {secret_store: STORE, name: NAME}`, and put a token there that may publish to this service only.",
)


@source_check("publish")
def check_token(source: Source) -> Iterator[Diagnostic]:
    """Reports FR290: a route publishes, and there is no `publishing`."""
    if "publishing" not in source.data:
        for _, path, _ in raw.publications(source):
            suggestion = "add 'publishing: {secret_store: STORE, name: NAME}' to the file"
            yield Diagnostic(
                FR290, "the file does not say with which token the edge publishes", source.key_span(path), suggestion
            )


FR291 = Rule(
    "FR291",
    "error",
    "a route publishes the bodies of requests, and takes requests with other methods",
    "A page can make a browser send a GET without asking anybody, as with an image. Only a POST, PUT or PATCH has content that "
    "is meant to change something (RFC 9110, 9.3).",
    PUBLISHES + READ_EVENTS + "  - match: {path: /messages}\n    public: true\n    publish: {channel: news}\n",
    "Add `method: POST` to the route's match.",
)


@source_check("publish")
def check_methods(source: Source) -> Iterator[Diagnostic]:
    """Reports FR291: a route with the action `publish` takes requests with other methods than POST, PUT and PATCH."""
    for index, path, _ in raw.publications(source):
        if len(path) != 3:
            continue
        method = raw.match_of(source.data["routes"][index]).get("method")
        if method is None:
            yield Diagnostic(
                FR291, "'publish' takes requests with any method", source.key_span(path), "add 'method: POST' to the match"
            )
        for place, name in raw.items(("routes", index, "match", "method"), method) if method is not None else ():
            if isinstance(name, str) and name not in _METHODS:
                yield Diagnostic(FR291, f"'publish' takes a {name}", source.value_span(place), "write POST, PUT or PATCH")


FR292 = Rule(
    "FR292",
    "error",
    "the file does not tell in which formats a message is published",
    "A message is published for each kind of connection that routes of the file subscribe to the channel: `sse`, `stream`, "
    "`long_poll`, `websocket`. If no route does, for example because your origin holds the connections, the file has to say it. "
    "GRIP has one format for streams and server-sent events, so a channel cannot have both. Filters that replace a `%` "
    "need messages "
    "in which it is doubled, so all subscriptions to a channel need such a filter, or none.",
    PUBLISHES + POSTED + "    publish: {channel: news}\n",
    "Add `subscribers:` with the kinds of connections, such as `subscribers: [sse, websocket]`, or use different channels.",
)


def check_subscribers(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Reports FR292 and FR293, which need the Plan: a message has no format, or two, or cannot have the one that it needs."""
    for index, route, publish in publishing_routes(plan):
        path = published_path(route, index)
        channel = (*path, "channel")
        found = list(subscriptions_to(plan, route, publish))
        if not publish.subscribers:
            message, suggestion = (
                "no route of the file subscribes to this channel",
                "add 'subscribers: [sse]', or the kinds that there are",
            )
            yield Diagnostic(FR292, message, source.value_span(channel), suggestion)
        if {"sse", "stream"} <= set(publish.subscribers):
            notes = [
                Note(f"the '{one.kind}'", source.key_span(("routes", one.index)))
                for one in found
                if one.kind in ("sse", "stream")
            ]
            message = "a message cannot be published both as an event and as a line of a stream"
            yield Diagnostic(
                FR292, message, source.value_span(channel), "use two channels, or name one in 'subscribers'", tuple(notes)
            )
        if len({one.replaces_percent for one in found}) > 1:
            notes = [_filter_note(source, one) for one in found if one.replaces_percent]
            message = "a filter of only some subscriptions replaces a '%' in messages"
            yield Diagnostic(
                FR292, message, source.value_span(channel), "use the filter in all subscriptions, or in none", tuple(notes)
            )
        if "stream" in publish.subscribers and not _is_json(publish):
            message = "a stream gets one line for each message, and a text can have several"
            suggestion = "add an 'envelope', or publish only JSON" + _only_json(route)
            yield Diagnostic(FR293, message, source.key_span(path), suggestion)


def _only_json(route: Route) -> str:
    key = "content_type" if isinstance(route.action, WebSocket) else "content_types"
    return f", with '{key}: application/json'"


def _filter_note(source: Source, found: Subscription) -> Note:
    return Note("this route has such a filter", source.key_span(("routes", found.index)))


def _is_json(publish: Publish) -> bool:
    return bool(publish.envelope) or all(each == "application/json" or each.endswith("+json") for each in publish.content_types)


FR293 = Rule(
    "FR293",
    "error",
    "a text is published to a stream",
    "In a stream each message is a line, so that its readers know where a message ends. A text of a client can contain "
    "line ends, "
    "with which it could look like several messages. JSON never needs them.",
    PUBLISHES
    + "  - match: {path: /news, method: GET}\n    public: true\n    stream: {channel: news}\n"
    + POSTED
    + "    publish: {channel: news}\n",
    "Add an `envelope`, or `content_types: application/json`. Or let readers use `sse`, whose messages can have several lines.",
)

FR294 = Rule(
    "FR294",
    "error",
    "a WebSocket with `echo_to_sender: false` sets the meta variable `user` or `sender` itself",
    "With `echo_to_sender: false`, Fanout knows a connection by its meta variable `user`, and a message's sender by "
    "`sender`. Both are "
    "the id of the connection, because the id of a user would also silence the user's other connections.",
    PUBLISHES
    + "  - match: {path: /socket, query: {user: {present: true}}}\n    public: true\n    websocket:\n      channel: news\n"
    '      meta: {user: "{query.user}"}\n      publish: {channel: news, echo_to_sender: false}\n',
    "Remove the meta variable, or `echo_to_sender`.",
)


@source_check("echo_to_sender")
def check_senders(source: Source) -> Iterator[Diagnostic]:
    """Reports FR294: `echo_to_sender: false`, and a variable of the same meaning."""
    for _, path, publish in raw.publications(source):
        if publish.get("echo_to_sender") is not False:
            continue
        for place in ((*path[:-1], "meta", "user"), (*path, "meta", "sender")):
            if source.has(place):
                message = f"'echo_to_sender: false' sets the meta variable '{place[-1]}' itself"
                note = Note("the 'echo_to_sender'", source.key_span((*path, "echo_to_sender")))
                yield Diagnostic(FR294, message, source.key_span(place), "remove one of them", (note,))


FR295 = Rule(
    "FR295",
    "error",
    "a claim says who may publish, and the route needs no token",
    "The claim is one of the client's token. Without `auth` there is none.",
    PUBLISHES + "  - match: {path: /socket}\n    public: true\n"
    "    websocket: {channel: news, publish: {channel: news, channels: may_write}}\n",
    "Add `auth` to the route, or remove `channels`.",
)


@source_check("publish")
def check_claims(source: Source) -> Iterator[Diagnostic]:
    """Reports FR295: a WebSocket's `publish` has `channels`, and its route has no `auth`."""
    for index, path, publish in raw.publications(source):
        route = source.data["routes"][index]
        if len(path) > 3 and "channels" in publish and raw.auth_of(source, index, route) is None:
            message = "'channels' names a claim of the token, and this route requires none"
            yield Diagnostic(FR295, message, source.key_span((*path, "channels")), "add 'auth:', or remove it")


FR296 = Rule(
    "FR296",
    "error",
    "a backend has the name of the one through which the edge publishes",
    f"The build adds the backend `{BACKEND}` to fastly.toml: Fastly's API, and locally the publish endpoint.",
    START.replace("  origin:", f"  {BACKEND}: {{url: 'https://b.example.com'}}\n  origin:") + "routes:\n  - handoff: origin\n",
    "Give the backend another name.",
)


@source_check(BACKEND)
def check_names(source: Source) -> Iterator[Diagnostic]:
    """Reports FR296: a backend with the reserved name."""
    if BACKEND in raw.backends(source):
        message, span = f"'{BACKEND}' is the backend through which the edge publishes", source.key_span(("backends", BACKEND))
        yield Diagnostic(FR296, message, span, "give it another name")


FR497 = Rule(
    "FR497",
    "warning",
    "anybody may publish",
    "The route needs no token, so everybody who knows its address can send messages to all readers of its channel.",
    PUBLISHES + "  - match: {path: /news, method: GET}\n    public: true\n    sse: {channel: news}\n"
    "  - match: {path: /messages, method: POST}\n    publish: {channel: news}\n",
    "Add `auth`. Leave `public: true` on the route if anybody may publish, and limit how often with `limit`.",
)


@plan_check
def check_open_publications(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR497: a route publishes, and neither requires a token nor is `public`."""
    for index, route, _ in publishing_routes(file.plan):
        if route.auth is None and "public" not in file.source.data["routes"][index]:
            suggestion = "add 'auth:', or 'public: true' if this is meant"
            yield Diagnostic(FR497, "anybody may publish here", file.source.key_span(published_path(route, index)), suggestion)


FR498 = Rule(
    "FR498",
    "warning",
    "who may write needs a token, and who may read does not",
    "Writers may expect that only people like them read their messages. But a route that needs no token subscribes its "
    "clients to a "
    "channel on which they publish.",
    PUBLISHES
    + "  - match: {path: /news, method: GET}\n    sse: {channel: news}\n  - match: {path: /messages, method: POST}\n    "
    + AUTH % "audience: chat"
    + "    publish: {channel: news}\n",
    "Add `auth` to the route of the readers, or `public: true` if anybody may read.",
)


@plan_check
def check_readers(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR498: a route publishes for clients with a token, and another subscribes clients without one."""
    for index, route, publish in publishing_routes(file.plan):
        if route.auth is None:
            continue
        for found in subscriptions_to(file.plan, route, publish):
            if found.route.auth is None and "public" not in file.source.data["routes"][found.index]:
                message = f"anybody may read here what clients with a token publish on '{route.name}'"
                note = Note("they publish here", file.source.key_span(published_path(route, index)))
                suggestion = "add 'auth:', or 'public: true' if anybody may read"
                yield Diagnostic(FR498, message, file.source.key_span(("routes", found.index)), suggestion, (note,))


FR499 = Rule(
    "FR499",
    "warning",
    "whoever may read a channel by a WebSocket may also write there",
    "The claim that `auth` names under `channels` lists the channels that a client may subscribe to. Who may publish is "
    "another question: `publish` has `channels` of its own for it.",
    PUBLISHES
    + "  - match: {path: /socket}\n    "
    + AUTH % "audience: chat, channels: may_read"
    + "    websocket: {channel: news, publish: {channel: news}}\n",
    "Add `channels: CLAIM` to `publish`. If each reader may write, name the same claim there.",
)


@plan_check
def check_writers(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR499: a claim lists the channels that a WebSocket's client may read, and nothing says where it may write."""
    for index, route, publish in publishing_routes(file.plan):
        if isinstance(route.action, WebSocket) and route.auth and route.auth.channels and not publish.claim:
            message = f"each client that the claim '{route.auth.channels}' lets in may publish here"
            suggestion = f"add 'channels: CLAIM', or 'channels: {route.auth.channels}' if this is meant"
            yield Diagnostic(FR499, message, file.source.key_span(published_path(route, index)), suggestion)
