"""Names the kinds of connections that an endpoint of the edge holds, as the actions of routes.yaml do."""

from fanroute_runtime.plan import Hold, WebSocket
from fanroute_runtime.plan.publishing import Kind as Kind


def kind_of(action: Hold | WebSocket) -> Kind:
    """Returns the kind of connection that an action holds. A `stream` of events counts as `sse`."""
    if isinstance(action, WebSocket):
        return "websocket"
    if action.mode == "response":
        return "long_poll"
    events = any(name.lower() == "content-type" and value.startswith(b"text/event-stream") for name, value in action.headers)
    return "sse" if events else "stream"
