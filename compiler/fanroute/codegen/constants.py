"""Computes GRIP instructions at build time, for endpoints whose instructions do not depend on the request. Pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from fanroute.plan.routes import references, templates_of
from fanroute_runtime.grip import instructions as grip
from fanroute_runtime.grip import websocket
from fanroute_runtime.messages import Binding
from fanroute_runtime.plan import Hold, Route, WebSocket

Endpoint = TypeVar("Endpoint", Hold, WebSocket)


def with_constant_instructions(route: Route) -> Route:
    """Returns an endpoint's route with all its GRIP instructions, or the route unchanged if they depend on the request."""
    match route.action:
        case Hold() as hold:
            return replace(route, action=_with_instructions(hold, grip.instructions))
        case WebSocket() as socket:
            return replace(route, action=_with_instructions(socket, websocket.instructions))
    return route


def _with_instructions(action: Endpoint, instructions: Callable[[Endpoint, Binding], tuple[Any, ...]]) -> Endpoint:
    if any(map(references, templates_of(action))):
        return action
    return replace(action, instructions=instructions(action, lambda bound: None), instructions_are_complete=True)
