"""Finds the warnings and notes of a valid file, with one function for each code."""

from collections.abc import Iterator
from typing import Any

from fanroute.analysis.search import Boxes
from fanroute.diagnostics.diagnostic import Diagnostic, in_source_order
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.caching import handoffs_are_not_cached
from fanroute.rules.channels import channels_are_chosen_knowingly, chosen_channels, values_give_channels
from fanroute.rules.foreign_pages import pages_can_send_headers, pages_can_send_tokens, preflights_are_answered
from fanroute.rules.hijacking import sockets_are_no_wider
from fanroute.rules.openness import endpoints_are_open_knowingly
from fanroute.rules.other_routers import nothing_is_meant_otherwise
from fanroute.rules.paths import paths_are_read_alike
from fanroute.rules.reachability import reachability
from fanroute.rules.template import values_give_locations
from fanroute.rules.variables import backends_can_be_reached, variables_are_where_they_count
from fanroute.spec import raw
from fanroute.spec.defaults import ACTION_DEFAULTS, ROUTE_DEFAULTS, takes_default
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Hold, Plan

FR411 = Rule(
    "FR411",
    "note",
    "some route uses each default",
    "A default is for routes whose action can have the key and that do not have it themselves: `cors` for `stream`, "
    "`sse`, `long_poll` and `respond` (not for `handoff` and `forward`), `keep_alive` for `stream`, `sse` and "
    "`websocket`, `origins` for `websocket`, `tunnel` and `handoff`, header rules where the edge can apply them, and "
    "`auth` for all routes that are not `public`. A default that no route uses does nothing.",
    START + "defaults: {keep_alive: 25s}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
    "Leave the default out, or give a route the action that it is meant for.",
)

FR440 = Rule(
    "FR440",
    "warning",
    "who asks as Fanout is verified",
    "What comes from Fanout is trusted: its X-Forwarded-Host decides which route is taken, and the edge answers with its "
    "instructions. Without a signature that is checked, any client can say that it is Fanout. `present` is what starter kits "
    "do, `none` is for a proxy that signs nothing; both are for a service that clients cannot reach but through the proxy.",
    START + "fanout: {grip_sig: present}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
    "Leave `grip_sig` out, or give the proxy a key, and name it under `fanout.keys`.",
)


def advise(source: Source, plan: Plan, loopback: str) -> tuple[Diagnostic, ...]:
    """The warnings and notes of a valid file, in source order; `loopback` is the host of the loopback backend."""
    chosen, boxes = chosen_channels(source, plan), Boxes.of(plan)
    found = [diagnostic for rule in RULES for diagnostic in rule(source, plan)]
    found += (diagnostic for rule in CHANNEL_RULES for diagnostic in rule(source, chosen))
    found += (diagnostic for rule in REACH_RULES for diagnostic in rule(source, plan, boxes))
    if any(isinstance(route.action, Hold) and route.action.link for route in plan.routes):
        from fanroute.rules.links import links_are_answered  # late: most files have none

        found += links_are_answered(source, plan, loopback)
    return tuple(in_source_order(found))


def defaults_are_taken(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR411"""
    defaults, routes = raw.defaults(source), raw.routes(source)
    actions = [(action, route) for _, route in routes for action in raw.actions(route)] if defaults else []
    for key in defaults:
        if not any(takes_default(action, key) and not _has_own(key, action, route) for action, route in actions):
            span = source.key_span(("defaults", key))
            yield Diagnostic(FR411, f"no route takes the default '{key}'", span, "leave it out")


def _has_own(key: str, action: str, route: dict[str, Any]) -> bool:
    """Whether a key of the action itself, or of the route, stands in the default's place."""
    if key == "auth" and "public" in route:
        return True
    return (key in ACTION_DEFAULTS and key in route[action]) or (key in ROUTE_DEFAULTS and key in route)


def fanout_is_verified(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR440"""
    if plan.grip_sig.check != "verify":
        message = "whoever sends a header is taken for Fanout"
        span = source.value_span(("fanout", "grip_sig"))
        yield Diagnostic(FR440, message, span, "leave it out, and give a proxy of your own a key under 'fanout.keys'")


RULES = (
    pages_can_send_tokens,
    pages_can_send_headers,
    defaults_are_taken,
    sockets_are_no_wider,
    fanout_is_verified,
    values_give_locations,
    nothing_is_meant_otherwise,
    variables_are_where_they_count,
    backends_can_be_reached,
)
# Those of channels that depend on the request, and those that need to know which requests reach which route.
CHANNEL_RULES = (channels_are_chosen_knowingly, values_give_channels, endpoints_are_open_knowingly)
REACH_RULES = (handoffs_are_not_cached, preflights_are_answered, reachability, paths_are_read_alike)
