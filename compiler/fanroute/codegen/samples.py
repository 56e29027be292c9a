"""Requests that a component serves while it is built, so that all is ready for those after it: one of each kind."""

from collections.abc import Hashable
from dataclasses import replace

from fanroute.analysis.witness import requests_of
from fanroute_runtime.exchange import Sample
from fanroute_runtime.plan import Hold, Match, Plan, Route, Tunnel, WebSocket


def samples(plan: Plan) -> tuple[Sample, ...]:
    """A client's request for the first route of each kind. Where an earlier route of another kind takes it, so be it."""
    chosen: dict[Hashable, Route] = {}
    for route in plan.routes:
        chosen.setdefault(_kind(route), route)
    requests = requests_of(map(_match, chosen.values()), plan.refused_paths)
    return tuple((request.verb, request.url, request.headers) for request in requests)


def _kind(route: Route) -> Hashable:
    """What is the same where much the same code answers."""
    mode = route.action.mode if isinstance(route.action, Hold) else ""
    return type(route.action), mode, route.auth is None, route.cors is None


def _match(route: Route) -> Match:
    """What a sample of a route fits: it asks for a WebSocket where there is one."""
    websocket = route.match.websocket is None and isinstance(route.action, WebSocket | Tunnel)
    return replace(route.match, websocket=True) if websocket else route.match
