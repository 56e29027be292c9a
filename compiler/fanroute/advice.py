"""What is said of a file that is valid: its warnings and notes, one function a code."""

from collections.abc import Iterator

from fanroute import parts
from fanroute.channels.advice import RULES as CHANNEL_RULES
from fanroute.defaults import OF_ACTIONS, takes
from fanroute.diagnostics import Diagnostic, in_source_order
from fanroute.links import links_are_answered
from fanroute.lower import written_routes
from fanroute.reach.advice import reachability
from fanroute.source import Path, Source
from fanroute_runtime.plan import Handoff, Match, Plan


def advise(source: Source, plan: Plan, loopback: str) -> tuple[Diagnostic, ...]:
    """The warnings and notes of a valid file, in source order; `loopback` is the host of the loopback backend."""
    found = (diagnostic for rule in RULES for diagnostic in rule(source, plan))
    return tuple(in_source_order([*found, *links_are_answered(source, plan, loopback)]))


def handoffs_are_not_cached(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR410"""
    for index, route in enumerate(written_routes(plan)):
        if isinstance(route.action, Handoff) and route.match == Match():
            path: Path = ("routes", index, "handoff")
            message = f"everything else is handed off to '{route.action.backend}', and Fastly caches nothing of it"
            yield Diagnostic("FR410", message, source.value_span(path), "match what may be held, and forward the rest")


def defaults_are_taken(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR411"""
    actions = [(action, route[action]) for _, route in parts.routes(source) for action in parts.actions(route)]
    for key in parts.defaults(source):
        # A key of the action itself stands in the default's place.
        if not any(takes(action, key) and not (key in OF_ACTIONS and key in given) for action, given in actions):
            span = source.key_span(("defaults", key))
            yield Diagnostic("FR411", f"no route takes the default '{key}'", span, "leave it out")


RULES = (*CHANNEL_RULES, handoffs_are_not_cached, defaults_are_taken, reachability)
