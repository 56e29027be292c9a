"""The rules of what a route asks of Fanout's delivery: previous ids, links, filters and their variables."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec.actions import STREAM_ACTIONS
from fanroute.spec.channels import FILTER_META
from fanroute.spec.raw import channel_mappings, edge_answered_actions
from fanroute.syntax.source import Source

FR220 = Rule(
    "FR220",
    "error",
    "what a client has missed can be asked for",
    "With a `prev_id`, Fanout notices when messages are missing between the client's last one and the next, and asks "
    "the `link` for them; without a link it ends the stream, and a link without a `prev_id` is never asked. "
    "A long-poll needs no link: it ends, and the client asks. A WebSocket cannot have either.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {query: {after: {present: true}}}\n"
    '    sse: {channel: {name: news, prev_id: "{query.after}"}}\n',
    "Add `link: /missed?after={query.after}` and a route for it that forwards to your origin, or leave `prev_id` out.",
)

FR221 = Rule(
    "FR221",
    "error",
    "a filter has the meta variables that it works by",
    "The filters `skip-self` and `skip-users` know a connection's user by its meta variable `user`, `build-id` makes ids by "
    "`id_format`, and `var-subst` puts in whatever there is. Without them a filter does nothing, or ends "
    "the connection at the first message.",
    START + "  self: {loopback: true}\nroutes:\n  - stream: {channel: {name: news, filters: skip-self}}\n",
    'Give the endpoint the variable, as in `meta: {user: "{query.user}"}`, or leave the filter out.',
)


def what_is_missed_can_be_asked_for(source: Source) -> Iterator[Diagnostic]:
    """FR220"""
    for path, given in edge_answered_actions(source):
        action = path[-1]
        reliable = [(*place, "prev_id") for place, channel in channel_mappings(path, given) if "prev_id" in channel]
        if reliable and action == "websocket":
            span = source.key_span(reliable[0])
            yield Diagnostic(FR220, "a WebSocket has no previous id", span, "leave it out, or use an sse or a long_poll")
        if reliable and action in STREAM_ACTIONS and "link" not in given:
            mend = "add 'link:', a path that answers with what was published since"
            yield Diagnostic(FR220, f"the prev_id of the '{action}' needs a link", source.key_span(reliable[0]), mend)
        if not reliable and action in STREAM_ACTIONS and "link" in given:
            mend = "give a channel a prev_id, or leave the link out"
            yield Diagnostic(FR220, "a link without a prev_id is never asked", source.key_span((*path, "link")), mend)


def filters_have_their_meta(source: Source) -> Iterator[Diagnostic]:
    """FR221"""
    for path, given in edge_answered_actions(source):
        meta = given.get("meta", {})
        for place, channel in channel_mappings(path, given):
            filters = channel.get("filters")
            for name in filters if isinstance(filters, list) else [filters]:
                wanted = FILTER_META.get(name) if isinstance(name, str) else None
                if wanted is not None and isinstance(meta, dict) and (wanted not in meta if wanted else not meta):
                    mend = f"add 'meta: {{{wanted or 'NAME'}: ...}}' to the '{path[-1]}'"
                    what = f"the meta variable '{wanted}'" if wanted else "a meta variable"
                    yield Diagnostic(FR221, f"the filter '{name}' needs {what}", source.key_span((*place, "filters")), mend)


RULES = {what_is_missed_can_be_asked_for: ("prev_id", "link"), filters_have_their_meta: ("filters",)}
