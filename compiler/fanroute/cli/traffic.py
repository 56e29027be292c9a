"""Prints the events of a local edge."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from fanroute.cli.output import conceal_in_text, say_json, say_styled
from fanroute.devserver.event_lines import json_line, text_spans
from fanroute.devserver.events import Emit, Event, Output
from fanroute.devserver.request_log import make_explainer, redacted
from fanroute.plan.trace import Tracer
from fanroute_runtime.plan import Plan


def make_printer(form: str, plan: Plan | None, hosts: Mapping[str, str]) -> Emit:
    """Returns a function that prints events, as lines of `text` or `json`.

    Args:
        form: one of these two.
        plan: the one that the edge serves. With None, Viceroy's lines are not explained.
        hosts: the entries of the local store that `host_entries` returns.
    """

    @cache
    def explainer() -> Callable[[str], str]:
        """Returns a function that explains Viceroy's lines. With many routes, it takes a while to make."""
        return make_explainer(Tracer(plan, ""), hosts) if plan else lambda line: line

    def report(event: Event) -> None:
        if isinstance(event, Output):
            event = replace(event, line=explainer()(event.line))
        if form == "json":
            say_json(json_line(redacted(event, conceal_in_text)))
        elif spans := text_spans(event):
            say_styled(spans)

    return report
