"""Makes the route that answers `health`: it tells which routes a service serves, and what has built it. Pure."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

from fanroute import __version__
from fanroute.plan.literals import python_literal
from fanroute.plan.routes import HEALTH, is_health
from fanroute_runtime.plan import Match, PathPattern, Plan, Respond, Route

# What builds a component, as the answer names it.
BUILD = f"fanroute {__version__}"
# How many hexadecimal digits of its digest the hash of a Plan has.
DIGITS = 16


class Health(NamedTuple):
    """Represents what the answer tells: the hash of the routes, and what has built the component."""

    routes: str
    build: str


def health_route(path: PathPattern) -> Route:
    """Returns the route, whose answer is empty as long as the rest of the Plan is not complete."""
    return Route(HEALTH, Match(path=path, methods=("GET", "HEAD")), Respond(200, (), b""), fingerprint=HEALTH)


def with_health_answer(plan: Plan) -> Plan:
    """Returns a Plan whose route for `health` has its answer, or the Plan itself if it has no such route.

    The hash is the same on every machine: a Plan has only tuples, texts, bytes and numbers, and `ascii` always writes these in
    the same way. Fields with their defaults do not count. No secret does: the Plan names only the places of secrets.
    """
    route = route_of_health(plan)
    if route is None:
        return plan
    plan = without_health_answer(plan)
    health = Health(sha256(python_literal(plan, ascii).encode()).hexdigest()[:DIGITS], BUILD)
    headers = (("content-type", b"application/json"), ("cache-control", b"no-store"))
    answer = Respond(200, headers, f"{json.dumps(health._asdict())}\n".encode())
    return _with_routes(plan, (replace(route, action=answer), *plan.routes[1:]))


def without_health_answer(plan: Plan) -> Plan:
    """Returns a Plan whose answer of `health`, if it has one, does not depend on its other routes, to compare it with another."""
    route = route_of_health(plan)
    return plan if route is None else _with_routes(plan, (replace(route, action=Respond(200, (), b"")), *plan.routes[1:]))


def health_of(plan: Plan) -> Health | None:
    """Returns what the answer of a Plan's `health` tells, or None if the Plan has none."""
    route = route_of_health(plan)
    return None if route is None or not isinstance(route.action, Respond) else Health(**json.loads(route.action.body))


def route_of_health(plan: Plan) -> Route | None:
    """Returns the route that answers `health`, which is the first one, or None."""
    first = next(iter(plan.routes), None)
    return first if first and is_health(first) else None


def _with_routes(plan: Plan, routes: Sequence[Route]) -> Plan:
    return replace(plan, routes=routes)
