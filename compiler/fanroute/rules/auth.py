"""Checks `auth`, and who may use the endpoints of the edge: FR260, FR261, FR262, FR263, FR440 and FR445."""

from collections.abc import Iterator

from fanroute.analysis.channels import ResolvedTemplate, decided_by_token
from fanroute.analysis.channels import references_in as references_of
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import AUTH, LOOPBACK, START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.template import references_in
from fanroute.syntax.source import Path, Source
from fanroute_runtime.plan import Bound, Route
from fanroute_runtime.plan.publishing import Publish

FR260 = Rule(
    "FR260",
    "error",
    "a route is public and requires a token",
    "With `public: true` a route is for anybody, even if `defaults` require a token. An `auth` of its own would contradict that.",
    START + "routes:\n  - handoff: origin\n    public: true\n    " + AUTH % "audience: chat",
    "Remove one of them.",
)


@source_check("public")
def check_public_routes(source: Source) -> Iterator[Diagnostic]:
    """Reports FR260: a route has both `public` and `auth`."""
    for index, route in raw.routes(source):
        if "auth" in route and "public" in route:
            note = Note("the 'auth'", source.key_span(("routes", index, "auth")))
            message, span = "'public' and 'auth' cannot be used together", source.key_span(("routes", index, "public"))
            yield Diagnostic(FR260, message, span, "keep one of them", (note,))


FR261 = Rule(
    "FR261",
    "error",
    "a client's token would be passed on to others",
    "Anybody who has a token can send requests in its owner's name. Whoever publishes sees a token in a channel's name, and "
    "another server sees one in a redirect. In a `link` it is allowed, because Fanout sends that request to this service.",
    LOOPBACK + "  - match: {query: {token: {present: true}}}\n    " + AUTH % "token: {query: token}" + "    sse: {channel: "
    '"user-{query.token}"}\n',
    "Use what the token says about the client, as in `user-{claim.sub}`.",
)


@source_check("auth")
def check_token_leaks(source: Source) -> Iterator[Diagnostic]:
    """Reports FR261: a channel or location contains the query parameter or header that has the client's token."""
    for index, route in raw.routes(source):
        found = raw.auth_of(source, index, route)
        if found is None:
            continue
        tokens = dict(_bound_tokens(found))
        for path, text in raw.templates(index, route):
            for bound in references_in(text) if path[-1] != "link" else ():
                if bound in tokens:
                    message = f"'{reference_text(bound)}' is the client's token, which others would see here"
                    note = Note(f"the token is in this {_SOURCES[bound.source]}", source.value_span(tokens[bound]))
                    yield Diagnostic(FR261, message, source.value_span(path), "use a claim, as in '{claim.sub}'", (note,))


_SOURCES = {"query": "parameter", "header": "header"}


def _bound_tokens(auth: raw.FoundAuth) -> Iterator[tuple[Bound, Path]]:
    """Yields the query parameters and headers that may have the token, each with its path in the file."""
    for path, place in auth.token_places():
        if place == "authorization" or (isinstance(place, dict) and "authorization" in place):
            yield Bound("header", "authorization"), path
        elif isinstance(place, dict) and isinstance(place.get("query"), str):
            yield Bound("query", place["query"]), (*path, "query")
        elif isinstance(place, dict) and isinstance(place.get("header"), str):
            yield Bound("header", place["header"].lower()), (*path, "header")


FR263 = Rule(
    "FR263",
    "error",
    "a token after a subprotocol, on a route that is not a WebSocket of the edge",
    "A page can open a WebSocket with `new WebSocket(url, ['bearer', token])`. The edge can read the token from there, and "
    "choose the subprotocol, if it answers the WebSocket itself. With `handoff` and `tunnel`, your backend would get the token, "
    "because Fastly passes on the headers of a handshake. Other actions take no WebSockets.",
    LOOPBACK + "  - match: {path: /news}\n    " + AUTH % "token: {protocol: bearer}" + "    sse: {channel: news}\n",
    "Let the token be in another place: `authorization`, `{header: X-Auth-Token}`, `{cookie: session}` or `{query: token}`. In "
    "`defaults` it is allowed, for the routes with a `websocket`.",
)


@source_check("protocol")
def check_token_protocols(source: Source) -> Iterator[Diagnostic]:
    """Reports FR263: a token may be after a subprotocol, but the route is not a WebSocket of the edge."""
    for index, route in raw.routes(source):
        auth = raw.auth_of(source, index, route)
        places = [(at, isinstance(place, dict) and "protocol" in place) for at, place in (auth.token_places() if auth else ())]
        protocol = next((at for at, is_protocol in places if is_protocol), None)
        action = next(iter(raw.actions(route)), "websocket")
        if protocol is None or action == "websocket":
            continue
        key = source.key_span(("routes", index, action))
        if protocol[0] == "routes":
            why = ", whose backend would get it" if action in ("handoff", "tunnel") else ""
            message, note = f"a token cannot be after a subprotocol on '{action}'{why}", Note("the action", key)
            yield Diagnostic(FR263, message, source.value_span(protocol), "name another place, such as authorization", (note,))
        elif all(is_protocol for _, is_protocol in places):
            owner = raw.owner_text(protocol)
            note = Note(f"{owner} takes it from there only", source.value_span(protocol))
            suggestion = "add another place there, such as authorization, or give the route an 'auth' of its own"
            message = f"a request for '{action}' cannot have its token after a subprotocol"
            yield Diagnostic(FR263, message, key, suggestion, (note,))


FR262 = Rule(
    "FR262",
    "error",
    "a route with `on_expiry: close` is not a WebSocket of the edge",
    "With `on_expiry: close`, the edge closes a WebSocket that it answers itself, at Fanout's first request after the token has "
    "expired. It cannot close a stream, which Fanout holds, or a handoff, which your backend answers. A long-poll ends by "
    "itself.",
    LOOPBACK + "  - match: {path: /news}\n    " + AUTH % "on_expiry: close" + "    sse: {channel: news}\n",
    "Remove it there. It is allowed in `defaults`, for the routes with a `websocket`.",
)


@source_check("on_expiry")
def check_expiry(source: Source) -> Iterator[Diagnostic]:
    """Reports FR262: a route with `on_expiry: close` is not a WebSocket of the edge."""
    for index, route in raw.routes(source):
        auth = route.get("auth")
        if not isinstance(auth, dict) or auth.get("on_expiry") != "close":
            continue
        for action in raw.actions(route)[:1]:
            if action != "websocket":
                note = Note("the action", source.key_span(("routes", index, action)))
                message, span = (
                    f"'on_expiry: close' has no effect on '{action}'",
                    source.value_span(("routes", index, "auth", "on_expiry")),
                )
                suggestion = "remove it: the edge can close only its own WebSockets"
                yield Diagnostic(FR262, message, span, suggestion, (note,))


FR440 = Rule(
    "FR440",
    "warning",
    "requests from Fanout are not verified",
    "The edge trusts requests from Fanout: their X-Forwarded-Host decides which route they get, and the edge answers with "
    "instructions. If no signature is verified, any client can claim to be Fanout. `present` is what starter kits do, and `none` "
    "is for a proxy that signs nothing. Both are for a service that clients can reach only through the proxy.",
    START + "fanout: {grip_sig: present}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
    "Remove `grip_sig`, or give the proxy a key and name it under `fanout.keys`.",
)


@plan_check
def check_grip_sig(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR440: requests from Fanout are not verified."""
    if file.plan.grip_sig.check != "verify":
        span = file.source.value_span(("fanout", "grip_sig"))
        suggestion = "remove it, and give a proxy of your own a key under 'fanout.keys'"
        yield Diagnostic(FR440, "any client can claim to be Fanout, by sending a header", span, suggestion)


FR445 = Rule(
    "FR445",
    "warning",
    "an endpoint does not say who may use which of its channels",
    "Requests for an endpoint of the edge reach no server of yours. So anybody who guesses the name of a room, or of another "
    "user, receives its messages, or sends some with `publish`. The warning is for endpoints whose channels depend on the "
    "path, the query or a header. It is also given if the route requires a token, but neither `channels` nor a claim limits "
    "the channels of its holder: a token for one tenant then opens the channels of all others. A claim that is compared with "
    "several values joined together does not limit the channels if it is ambiguous where one value ends: the claim `a-b-c` "
    "fits `{tenant}-{room}` with tenant `a`, and with tenant `a-b`.",
    LOOPBACK + '  - match: {path: "/rooms/{room}", where: {room: "[a-z]+"}}\n    sse: {channel: "room-{room}"}\n',
    "Say with `auth` which token a client needs, and which channels it opens. For the channels, use `claims: {tenant: "
    '"{tenant}"}`, which compares a claim with a value of the match, or `channels`, or `{claim.sub}` in the channel\'s name. If '
    "every holder of a token may use every channel, write `any_channel: true` in `auth`. If anybody may, write `public: true`.",
)


@plan_check
def check_open_endpoints(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR445: an endpoint does not say who may use which of its channels."""
    for index, route, templates in file.dynamic_channels:
        data = file.source.data["routes"][index]
        auth = raw.auth_of(file.source, index, data)
        if "public" in data or (auth and not auth.keys.keys().isdisjoint({"channels", "any_channel"})):
            continue
        if isinstance(route.action, Publish) and not auth:
            continue  # FR497 says that anybody may publish there
        for path, template in [each for each in templates if not _claims_decide(route, each[1])][:1]:
            reference = reference_text(references_of(template)[0].bound)
            who, suggestion = "anybody", "add 'auth:', or 'public: true' if that is intended"
            if auth:
                who = "anybody with a token"
                suggestion = f"compare a claim with it, as in 'claims: {{NAME: \"{reference}\"}}'; or add 'channels:'; "
                suggestion += "or 'any_channel: true' if that is intended"
            what = "publish on" if "publish" in path else "subscribe to"
            message = f"{who} may {what} the channel of every '{reference}'"
            yield Diagnostic(FR445, message, file.source.value_span(path), suggestion)


def _claims_decide(route: Route, template: ResolvedTemplate) -> bool:
    """Returns True if a claim of the client's token is part of a channel, or must be equal to a part of it."""
    return any(
        reference.bound.source == "claim" or reference.bound in decided_by_token(route) for reference in references_of(template)
    )
