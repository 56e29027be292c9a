"""Other origins as a user writes of them to the Plan: who may connect, what answers say, and the preflight route before one."""

from collections.abc import Iterable

from fanroute.plan.routes import preflight_match
from fanroute.spec import cors, document
from fanroute_runtime.origins import ANY
from fanroute_runtime.plan import Cors, Preflight, Route


def cors_of(route: document.Route) -> cors.Cors | None:
    """What a route's action says of pages of other origins."""
    sharing = (route.handoff, route.forward, route.stream, route.sse, route.long_poll, route.respond)
    return next((action.cors for action in sharing if action), None)


def lower_origins(given: list[str]) -> tuple[str, ...]:
    """The origins whose pages may open a WebSocket; none are any."""
    return () if tuple(given) == ANY else tuple(dict.fromkeys(given))


def lower_cors(given: cors.Cors) -> Cors:
    """What a route's answers say."""
    headers = (*_credentials(given), *_listed("access-control-expose-headers", given.expose))
    return Cors(_origins(given), headers, given.backend_answers)


def preflight_of(route: Route, given: cors.Cors) -> Route:
    """The route that answers a browser when it asks whether a page may send what a route takes."""
    max_age = () if given.max_age is None else (("access-control-max-age", b"%d" % given.max_age),)
    headers = (*_credentials(given), *_listed("access-control-allow-headers", given.headers), *max_age)
    return Route(
        name=f"{route.name} preflight",
        match=preflight_match(route.match),
        action=Preflight(),
        cors=Cors(_origins(given), headers),
    )


def _origins(given: cors.Cors) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given.origins))


def _credentials(given: cors.Cors) -> Iterable[tuple[str, bytes]]:
    return (("access-control-allow-credentials", b"true"),) if given.credentials else ()


def _listed(name: str, headers: list[str]) -> Iterable[tuple[str, bytes]]:
    return ((name, ", ".join(headers).encode()),) if headers else ()
