"""Tells the routes of a Plan that stand in routes.yaml from those that are made for preflight requests."""

from dataclasses import replace

from fanroute_runtime.plan import Condition, Match, Plan, Preflight, Route


def is_written(route: Route) -> bool:
    """Returns True if a route stands in routes.yaml, False if it is made for the preflight requests of one."""
    return not isinstance(route.action, Preflight)


def written_routes(plan: Plan) -> tuple[Route, ...]:
    """Returns the routes that stand in routes.yaml, in order."""
    return tuple(filter(is_written, plan.routes))


def preflights_of(match: Match) -> Match:
    """Matches the requests that a browser sends before those of a match, to ask whether it may.

    They are OPTIONS requests that name the method to come, and have none of its headers.
    """
    asked = (Condition("origin"), Condition("access-control-request-method", match.methods))
    return replace(match, methods=("OPTIONS",), websocket=None, headers=asked)
