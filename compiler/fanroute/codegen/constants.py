"""Computes GRIP instructions at build time, for endpoints whose instructions do not depend on the request. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from fanroute.plan.routes import references
from fanroute_runtime.grip import instructions as grip
from fanroute_runtime.grip import websocket
from fanroute_runtime.messages import Binding
from fanroute_runtime.plan import Hold, Route, Template, WebSocket

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
    if any(map(references, _templates(action))):
        return action
    return replace(action, instructions=instructions(action, lambda bound: None), instructions_are_complete=True)


def _templates(action: Hold | WebSocket) -> Iterator[Template]:
    """Yields the templates from which the instructions are made."""
    for channel in action.channels:
        yield from (channel.name, channel.prev_id)
    for _, value in action.meta:
        yield value
    if isinstance(action, Hold):
        yield action.link
