"""Chooses the sample requests that a component serves while it is built, so that its snapshot is warm for every kind of route."""

from collections.abc import Hashable
from dataclasses import replace

from fanroute.analysis.witness import requests_of
from fanroute.plan.routes import rewrite_of
from fanroute_runtime.messages import Sample
from fanroute_runtime.plan import Hold, Match, Plan, Route, Tunnel, WebSocket


def sample_requests(plan: Plan) -> tuple[Sample, ...]:
    """Returns a client's request for the first route of each kind. An earlier route of another kind may take the request."""
    first: dict[Hashable, Route] = {}
    for route in plan.routes:
        first.setdefault(_kind(route), route)
    requests = requests_of(map(_sample_match, first.values()), plan.refused_paths)
    return tuple((request.verb, request.url, request.headers) for request in requests)


def _kind(route: Route) -> Hashable:
    """Returns a value that is equal for routes which mostly run the same code."""
    mode = route.action.mode if isinstance(route.action, Hold) else ""
    features = route.auth is None, route.cors is None, route.limit is None, rewrite_of(route.action) is None
    return type(route.action), mode, features


def _sample_match(route: Route) -> Match:
    """Returns the match for a sample of a route. It requires a WebSocket if the action is for one."""
    websocket = route.match.websocket is None and isinstance(route.action, WebSocket | Tunnel)
    return replace(route.match, websocket=True) if websocket else route.match
