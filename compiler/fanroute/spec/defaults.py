"""`defaults` written out: what routes have that say nothing else."""

from typing import Any, get_args

from fanroute.spec.actions import BACKEND_ANSWERED, UNSEEN_ANSWERS, WEBSOCKET_ACTIONS
from fanroute.spec.document import Defaults, Route, Spec
from fanroute.spec.headers import RequestHeaders, ResponseHeaders
from fanroute.spec.types import Model

Rules = RequestHeaders | ResponseHeaders | None

# Keys of the actions themselves, and of routes: what a route has of its own stands in the default's place.
ACTION_DEFAULTS = ("cors", "keep_alive")
ROUTE_DEFAULTS = ("auth", "origins")


def takes_default(action: str, key: str) -> bool:
    """Whether routes with an action take a default."""
    if key == "auth":
        return True
    if key == "origins":
        return action in WEBSOCKET_ACTIONS
    if key == "cors" and action in BACKEND_ANSWERED:
        return False  # a backend that answers preflight requests itself goes on doing so, until its route says otherwise
    if key == "request_headers":
        return action in BACKEND_ANSWERED
    if key == "response_headers":
        return action not in UNSEEN_ANSWERS
    kinds = get_args(Route.model_fields[action].annotation)
    return any(isinstance(kind, type) and issubclass(kind, Model) and key in kind.model_fields for kind in kinds)


def with_defaults(routes_yaml: Spec) -> Spec:
    """The same with its defaults in each route that takes them."""
    if routes_yaml.defaults == Defaults():
        return routes_yaml
    routes = [_filled(route, routes_yaml.defaults) for route in routes_yaml.routes]
    return routes_yaml.model_copy(update={"routes": routes, "defaults": Defaults()})


def _filled(route: Route, defaults: Defaults) -> Route:
    (action,) = route.actions()
    of_action: dict[str, Any] = {
        key: getattr(defaults, key)
        for key in ACTION_DEFAULTS
        if takes_default(action, key) and getattr(getattr(route, action), key) is None and getattr(defaults, key) is not None
    }
    filled: dict[str, Any] = {action: getattr(route, action).model_copy(update=of_action)} if of_action else {}
    filled |= {key: getattr(route, key) or getattr(defaults, key) for key in ROUTE_DEFAULTS if takes_default(action, key)}
    if route.public:
        filled["auth"] = None
    if takes_default(action, "request_headers"):
        filled["request_headers"] = _merged(defaults.request_headers, route.request_headers)
    if takes_default(action, "response_headers"):
        filled["response_headers"] = _merged(defaults.response_headers, route.response_headers)
    return route.model_copy(update=filled)


def _merged(default: Rules, own: Rules) -> Rules:
    """Rules of one kind together; of two for one header the route's own."""
    if default is None or own is None:
        return own or default
    named = {name.lower() for name in (*own.set, *own.add, *own.remove)}
    kept = [name for name in default.remove if name.lower() not in named]
    merged = {"set": _without(default.set, named) | own.set, "add": _without(default.add, named) | own.add}
    return own.model_copy(update={**merged, "remove": kept + own.remove})


def _without(headers: dict[str, str], named: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in named}
