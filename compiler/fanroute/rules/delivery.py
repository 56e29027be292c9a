"""Checks what routes ask of Fanout's delivery (previous ids, links, filters): FR220, FR221 and FR420."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec.actions import STREAM_ACTIONS
from fanroute.spec.channels import FILTER_META
from fanroute.spec.raw import channel_mappings, edge_answered_actions
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Hold

FR220 = Rule(
    "FR220",
    "error",
    "a `prev_id` has no `link`, or a `link` has no `prev_id`",
    "With a `prev_id`, Fanout notices if messages are missing between the client's last one and the next, and requests them from "
    "the `link`. Without a link it ends the stream, and a link without a `prev_id` is never requested. A long-poll needs no "
    "link: it ends, and the client asks again. A WebSocket can have neither.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {query: {after: {present: true}}}\n"
    '    sse: {channel: {name: news, prev_id: "{query.after}"}}\n',
    "Add `link: /missed?after={query.after}` and a route for it that forwards to your origin, or remove `prev_id`.",
)


@source_check("prev_id", "link")
def check_prev_ids(source: Source) -> Iterator[Diagnostic]:
    """Reports FR220: `prev_id` and `link` are not together, or stand where they cannot be used."""
    for path, mapping in edge_answered_actions(source):
        action = path[-1]
        prev_ids = [
            (*channel_path, "prev_id") for channel_path, channel in channel_mappings(path, mapping) if "prev_id" in channel
        ]
        if prev_ids and action == "websocket":
            message, suggestion = "a WebSocket cannot have a 'prev_id'", "remove it, or use 'sse' or 'long_poll'"
            yield Diagnostic(FR220, message, source.key_span(prev_ids[0]), suggestion)
        if prev_ids and action in STREAM_ACTIONS and "link" not in mapping:
            suggestion = "add 'link:', a path that answers with what was published since"
            yield Diagnostic(FR220, f"the 'prev_id' of '{action}' needs a link", source.key_span(prev_ids[0]), suggestion)
        if not prev_ids and action in STREAM_ACTIONS and "link" in mapping:
            suggestion = "give a channel a 'prev_id', or remove the link"
            yield Diagnostic(FR220, "a link without a 'prev_id' is never requested", source.key_span((*path, "link")), suggestion)


FR221 = Rule(
    "FR221",
    "error",
    "a filter does not have the meta variable that it needs",
    "The filters `skip-self` and `skip-users` know a connection's user by its meta variable `user`. `build-id` makes ids with "
    "`id_format`, and `var-subst` inserts whichever variables there are. Without its variable a filter has no effect, or ends "
    "the connection at the first message.",
    START + "  self: {loopback: true}\nroutes:\n  - stream: {channel: {name: news, filters: skip-self}}\n",
    'Give the endpoint the variable, as in `meta: {user: "{query.user}"}`, or remove the filter.',
)


@source_check("filters")
def check_filter_variables(source: Source) -> Iterator[Diagnostic]:
    """Reports FR221: a filter does not have the meta variable that it needs."""
    for path, mapping in edge_answered_actions(source):
        meta = mapping.get("meta", {})
        for channel_path, channel in channel_mappings(path, mapping):
            filters = channel.get("filters")
            for name in filters if isinstance(filters, list) else [filters]:
                needed = FILTER_META.get(name) if isinstance(name, str) else None
                if needed is not None and isinstance(meta, dict) and (needed not in meta if needed else not meta):
                    message = f"the filter '{name}' needs " + (f"the meta variable '{needed}'" if needed else "a meta variable")
                    suggestion = f"add 'meta: {{{needed or 'NAME'}: ...}}' to the '{path[-1]}'"
                    yield Diagnostic(FR221, message, source.key_span((*channel_path, "filters")), suggestion)


FR420 = Rule(
    "FR420",
    "warning",
    "a link gives Fanout no part of its stream",
    "Fanout requests a link from this service, under the loopback backend's host, with a GET that carries nothing from the "
    "client. If that request gets a handoff, an error or no route, the stream ends at the first missing message. The warning "
    "shows one such request.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events, query: {after: {present: true}}}\n"
    '    sse: {channel: {name: news, prev_id: "{query.after}"}, link: /missed}\n'
    "  - match: {path: /missed}\n    handoff: origin\n",
    "Add a route for the link's path that forwards it to your origin. Give it no host, or the loopback backend's.",
)


@plan_check
def check_links(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR420: Fanout gets no part of a stream from its link."""
    if not any(isinstance(route.action, Hold) and route.action.link for route in file.plan.routes):
        return
    from fanroute.analysis.links import unusable_links  # late: most files have no links

    for index, target, problem in unusable_links(file.plan, file.loopback_host):
        stream, sse = (("routes", index, kind, "link") for kind in STREAM_ACTIONS)
        message = f"Fanout requests the link from {file.loopback_host}, as in GET {target}, and {problem}"
        suggestion = "add a route for that path that forwards it to your origin or answers with a stream"
        yield Diagnostic(FR420, message, file.source.value_span(sse if file.source.has(sse) else stream), suggestion)
