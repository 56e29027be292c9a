"""Fills the `defaults` of a Spec into its routes."""

from collections.abc import Mapping
from typing import Any, get_args

from fanroute.spec.actions import BACKEND_ANSWERED, UNSEEN_ANSWERS, WEBSOCKET_ACTIONS
from fanroute.spec.document import Defaults, Route, Spec
from fanroute.spec.headers import RequestHeaders, ResponseHeaders
from fanroute.spec.types import Model

HeaderChanges = RequestHeaders | ResponseHeaders | None

# Defaults for keys of the action, and for keys of the route. A route's own value replaces them as a whole.
ACTION_DEFAULTS = ("cors", "keep_alive")
ROUTE_DEFAULTS = ("auth", "origins")


def takes_default(action: str, key: str) -> bool:
    """Returns True if routes with an action take the default for a key."""
    if key == "auth":
        return True
    if key == "origins":
        return action in WEBSOCKET_ACTIONS
    if key == "cors" and action in BACKEND_ANSWERED:
        return False  # a backend may answer preflight requests itself, and goes on doing so unless its route has `cors`
    if key == "request_headers":
        return action in BACKEND_ANSWERED
    if key == "response_headers":
        return action not in UNSEEN_ANSWERS
    kinds = get_args(Route.model_fields[action].annotation)
    return any(isinstance(kind, type) and issubclass(kind, Model) and key in kind.model_fields for kind in kinds)


def with_defaults(spec: Spec) -> Spec:
    """Returns a Spec with its defaults filled into each route that takes them, and without `defaults`."""
    if spec.defaults == Defaults():
        return spec
    routes = [_fill(route, spec.defaults) for route in spec.routes]
    return spec.model_copy(update={"routes": routes, "defaults": Defaults()})


def _fill(route: Route, defaults: Defaults) -> Route:
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
        filled["request_headers"] = _merge(defaults.request_headers, route.request_headers)
    if takes_default(action, "response_headers"):
        filled["response_headers"] = _merge(defaults.response_headers, route.response_headers)
    return route.model_copy(update=filled)


def _merge(default: HeaderChanges, own: HeaderChanges) -> HeaderChanges:
    """Joins the changes of a default and of a route. If both name a header, the route's own win."""
    if default is None or own is None:
        return own or default
    named = {name.lower() for name in (*own.set, *own.add, *own.remove)}
    kept = [name for name in default.remove if name.lower() not in named]
    merged = {"set": _without(default.set, named) | own.set, "add": _without(default.add, named) | own.add}
    return own.model_copy(update={**merged, "remove": kept + own.remove})


def _without(headers: Mapping[str, Any], named: set[str]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() not in named}
