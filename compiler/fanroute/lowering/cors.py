"""Lowers `cors` and `origins`, and makes the routes that answer preflight requests (Fetch standard, "CORS protocol")."""

from collections.abc import Iterable
from itertools import chain

from fanroute.plan.routes import preflight_match
from fanroute.spec import cors, document
from fanroute.spec.cors import ANY_PORT
from fanroute_runtime.http.origins import ANY
from fanroute_runtime.plan import Cors, Preflight, Route


def cors_of(route: document.Route) -> cors.Cors | None:
    """Returns the `cors` of a route's action, None if it has none."""
    actions = (route.handoff, route.forward, route.stream, route.sse, route.long_poll, route.publish, route.respond)
    return next((action.cors for action in actions if action), None)


def lower_origins(origins: list[str]) -> tuple[str, ...]:
    """Returns the origins whose pages may open a WebSocket. An empty tuple allows any."""
    return () if tuple(origins) == ANY else _patterns(origins)


def _patterns(origins: list[str]) -> tuple[str, ...]:
    """Returns patterns for `matches_origin`. Any port includes the scheme's own, which an origin does not have."""
    patterns = ((one.removesuffix(ANY_PORT), one) if one.endswith(ANY_PORT) else (one,) for one in origins)
    return tuple(dict.fromkeys(chain.from_iterable(patterns)))


def lower_cors(spec: cors.Cors) -> Cors:
    """Returns the CORS headers of a route's answers, with the origins that get them."""
    headers = (*_credentials(spec), *_name_list("access-control-expose-headers", spec.expose))
    return Cors(_patterns(spec.origins), headers, spec.backend_answers)


def preflight_route(route: Route, spec: cors.Cors) -> Route:
    """Returns the route that answers the preflight requests of another route."""
    max_age = () if spec.max_age is None else (("access-control-max-age", b"%d" % spec.max_age),)
    headers = (*_credentials(spec), *_name_list("access-control-allow-headers", spec.headers), *max_age)
    return Route(
        name=f"{route.name} preflight",
        match=preflight_match(route.match),
        action=Preflight(),
        cors=Cors(_patterns(spec.origins), headers),
    )


def _credentials(spec: cors.Cors) -> Iterable[tuple[str, bytes]]:
    return (("access-control-allow-credentials", b"true"),) if spec.credentials else ()


def _name_list(field: str, names: list[str]) -> Iterable[tuple[str, bytes]]:
    return ((field, ", ".join(names).encode()),) if names else ()
