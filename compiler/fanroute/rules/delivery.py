"""The rules of what a route asks of Fanout's delivery: previous ids, links, filters and their variables."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.spec.channels import FILTER_META
from fanroute.spec.document import STREAMS
from fanroute.spec.raw import answered, full_channels
from fanroute.spec.rules import FR220, FR221
from fanroute.syntax.source import Source


def what_is_missed_can_be_asked_for(source: Source) -> Iterator[Diagnostic]:
    """FR220"""
    for path, given in answered(source):
        action = path[-1]
        reliable = [(*place, "prev_id") for place, channel in full_channels(path, given) if "prev_id" in channel]
        if reliable and action == "websocket":
            span = source.key_span(reliable[0])
            yield Diagnostic(FR220, "a WebSocket has no previous id", span, "leave it out, or use an sse or a long_poll")
        if reliable and action in STREAMS and "link" not in given:
            mend = "add 'link:', a path that answers with what was published since"
            yield Diagnostic(FR220, f"the prev_id of the '{action}' needs a link", source.key_span(reliable[0]), mend)
        if not reliable and action in STREAMS and "link" in given:
            mend = "give a channel a prev_id, or leave the link out"
            yield Diagnostic(FR220, "a link without a prev_id is never asked", source.key_span((*path, "link")), mend)


def filters_have_their_meta(source: Source) -> Iterator[Diagnostic]:
    """FR221"""
    for path, given in answered(source):
        meta = given.get("meta", {})
        for place, channel in full_channels(path, given):
            filters = channel.get("filters")
            for name in filters if isinstance(filters, list) else [filters]:
                wanted = FILTER_META.get(name) if isinstance(name, str) else None
                if wanted is not None and isinstance(meta, dict) and (wanted not in meta if wanted else not meta):
                    mend = f"add 'meta: {{{wanted or 'NAME'}: ...}}' to the '{path[-1]}'"
                    what = f"the meta variable '{wanted}'" if wanted else "a meta variable"
                    yield Diagnostic(FR221, f"the filter '{name}' needs {what}", source.key_span((*place, "filters")), mend)


RULES = {what_is_missed_can_be_asked_for: ("prev_id", "link"), filters_have_their_meta: ("filters",)}
