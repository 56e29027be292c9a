"""Finds the routes of a Plan that routes.yaml declares, and what their matches and templates refer to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fanroute_runtime.plan import (
    Action,
    Bound,
    Condition,
    Forward,
    Handoff,
    Hold,
    Match,
    Plan,
    Preflight,
    Redirect,
    Route,
    Template,
    Tunnel,
    WebSocket,
)
from fanroute_runtime.plan.publishing import Publish
from fanroute_runtime.plan.rewriting import Rewrite

# The name and the fingerprint of the route that answers `health`.
HEALTH = "health"


def is_declared(route: Route) -> bool:
    """Returns True if the route is the first, and usually the only one, for a route of routes.yaml.

    The other ones answer preflight requests or `health`, or are for further paths of a route.
    """
    return not is_generated(route) and not route.alternative


def is_generated(route: Route) -> bool:
    """Returns True if routes.yaml does not declare the route: it answers preflight requests or `health`."""
    return isinstance(route.action, Preflight) or is_health(route)


def is_health(route: Route) -> bool:
    """Returns True if the route answers `health`."""
    return route.fingerprint == HEALTH


def declared_index(routes: Sequence[Route], number: int) -> int:
    """Returns the index in routes.yaml of the route to which one of a Plan's routes belongs."""
    return sum(map(is_declared, routes[:number])) - (routes[number].alternative > 0)


def declared_routes(plan: Plan) -> tuple[Route, ...]:
    """Returns the routes that routes.yaml declares, in order, each with the first of its paths."""
    return tuple(filter(is_declared, plan.routes))


def preflight_match(match: Match) -> Match:
    """Returns a match for the CORS-preflight requests that browsers send before the requests of a match.

    They are OPTIONS requests that name the method to come and have none of its headers. Source: https://fetch.spec.whatwg.org/#http-cors-protocol
    """
    conditions = (Condition("origin"), Condition("access-control-request-method", match.methods))
    return replace(match, methods=("OPTIONS",), websocket=None, headers=conditions)


def rest_name(match: Match) -> str:
    """Returns the name to which a match binds the rest of the path, or "" if it binds none."""
    return match.path.bound_rest.name if match.path and match.path.bound_rest else ""


def references(template: Template) -> list[Bound]:
    """Returns the references in a template, in order."""
    return [part for part in template if isinstance(part, Bound)]


def rewrite_of(action: Action) -> Rewrite | None:
    """Returns how an action changes the path and query for its backend, or None if it does not."""
    return action.rewrite if isinstance(action, Forward | Handoff | Tunnel) else None


def keeps_path(action: Action) -> bool:
    """Returns True if a backend gets the path of the request as it is."""
    rewrite = rewrite_of(action)
    return rewrite is None or (rewrite.strip == 0 and not rewrite.path)


def publishing_of(action: Action) -> Publish | None:
    """Returns how an action publishes what clients send, or None if it does not."""
    if isinstance(action, WebSocket):
        return action.publish
    return action if isinstance(action, Publish) else None


def publishes(plan: Plan) -> bool:
    """Returns True if a route publishes what clients send."""
    return any(publishing_of(route.action) for route in plan.routes)


def templates_of(action: Action) -> Iterator[Template]:
    """Yields the templates of an action, which its answer is made from."""
    if isinstance(action, Redirect):
        yield action.location
    if rewrite := rewrite_of(action):
        yield rewrite.path
        yield from (value for _, value in rewrite.set_query)
    if isinstance(action, Hold | WebSocket):
        for channel in action.channels:
            yield from (channel.name, channel.prev_id)
        for _, value in action.meta:
            yield value
    if isinstance(action, Hold):
        yield action.link
    if publishing := publishing_of(action):
        yield from (publishing.channel, publishing.id, publishing.prev_id)
        yield from (value for _, value in publishing.meta)
        yield from (template for _, _, template in publishing.envelope)
