"""What the edge says to Fanout, put together when building where nothing of it is of a request. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from fanroute.plan.routes import references
from fanroute_runtime import grip, websocket
from fanroute_runtime.exchange import Binding
from fanroute_runtime.plan import Hold, Route, Template, WebSocket

Answering = TypeVar("Answering", Hold, WebSocket)


def ready(route: Route) -> Route:
    """A route whose action has all its instructions for Fanout, unless some are of a request."""
    match route.action:
        case Hold() as hold:
            return replace(route, action=_ready(hold, grip.instructions))
        case WebSocket() as socket:
            return replace(route, action=_ready(socket, websocket.instructions))
    return route


def _ready(action: Answering, instructions: Callable[[Answering, Binding], tuple[Any, ...]]) -> Answering:
    if any(map(references, _templates(action))):
        return action
    return replace(action, instructions=instructions(action, lambda bound: None), ready=True)


def _templates(action: Hold | WebSocket) -> Iterator[Template]:
    for channel in action.channels:
        yield from (channel.name, channel.prev_id)
    for _, value in action.meta:
        yield value
    if isinstance(action, Hold):
        yield action.link
