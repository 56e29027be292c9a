"""Finds the routes that subscribe connections to a channel, and the values of a request that make them do so."""

from dataclasses import dataclass

from fanroute.analysis.channels import Values, find_values, resolve
from fanroute.plan.describe import template_text
from fanroute.plan.kinds import Kind, kind_of
from fanroute.plan.routes import declared_routes
from fanroute_runtime.plan import Hold, Plan, Route, WebSocket


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Represents a route that can subscribe a connection to a channel.

    Args:
        route: the route.
        kind: the kind of the connection.
        values: the values of the channel's references, for which the route's template gives the channel.
    """

    route: Route
    kind: Kind
    values: Values


def find_subscribers(plan: Plan, channel: str) -> list[Subscriber]:
    """Returns the routes that can subscribe a connection to a channel, in order."""
    found = []
    for route in declared_routes(plan):
        if isinstance(route.action, Hold | WebSocket):
            templates = (resolve(one.name, route, plan.refused_paths) for one in route.action.channels)
            values = next((values for template in templates if (values := find_values(template, channel)) is not None), None)
            if values is not None:
                found.append(Subscriber(route, kind_of(route.action), values))
    return found


def channel_names(plan: Plan) -> list[str]:
    """Returns the channels of all routes as routes.yaml has them, such as `room-{room}`, each once and in order."""
    actions = (route.action for route in declared_routes(plan))
    channels = (channel for action in actions if isinstance(action, Hold | WebSocket) for channel in action.channels)
    return list(dict.fromkeys(template_text(channel.name) for channel in channels))
