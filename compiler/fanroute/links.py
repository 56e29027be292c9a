"""Who answers a stream's link, which Fanout asks in the client's place."""

from collections.abc import Iterator
from contextlib import suppress

from fanroute.diagnostics import Diagnostic
from fanroute.lower import written_routes
from fanroute.reach.box import box, point
from fanroute.reach.request import asked
from fanroute.source import Source
from fanroute.spec import STREAMS
from fanroute.trace import Asked
from fanroute_runtime.client import Client
from fanroute_runtime.exchange import Refused
from fanroute_runtime.grip import encoded
from fanroute_runtime.match import bound_value
from fanroute_runtime.matcher import Matcher
from fanroute_runtime.paths import Paths
from fanroute_runtime.plan import Bound, Handoff, Hold, Plan, Redirect, Respond, Route, Template, Tunnel, WebSocket


def links_are_answered(source: Source, plan: Plan, host: str) -> Iterator[Diagnostic]:
    """FR420; `host` is the Host that Fanout asks this service with."""
    linked = [(index, target) for index, route in enumerate(written_routes(plan)) for target in _examples(route)]
    matcher, paths = Matcher(plan.routes if linked else ()), Paths(plan.refused_paths)
    for index, target in linked:
        client = Client(Asked("GET", f"https://{host}{target}"), through_fanout=True)
        if instead := _refused(paths, client) or _instead(matcher.match(client), client):
            stream, sse = (("routes", index, kind, "link") for kind in STREAMS)
            message = f"Fanout asks {host} for the link, as in GET {target}, and {instead}"
            mend = "have a route for that path forward it to your origin, or answer it with a stream"
            yield Diagnostic("FR420", message, source.value_span(sse if source.has(sse) else stream), mend)


def _examples(route: Route) -> Iterator[str]:
    """The link of a request that fits the route, if it has one and there is such a request that gives one."""
    if not isinstance(route.action, Hold) or not route.action.link:
        return
    region = box(route.match)
    if not any(wanted.is_empty for wanted in region.values()):
        with suppress(Refused):
            yield _link(route.action.link, route, Client(asked(point(region, {})), through_fanout=False))


def _link(link: Template, route: Route, client: Client) -> str:
    def bound(value: Bound) -> str | None:
        return value.name if value.source == "claim" else bound_value(value, route, client)

    return encoded(link, bound).decode()


def _refused(paths: Paths, client: Client) -> str:
    """Why a link's request is refused before it is matched; "" if it is not."""
    try:
        paths.check(client.path)
    except Refused as refused:
        return f"the edge answers 400: {refused.reason}"
    return ""


def _instead(route: Route | None, client: Client) -> str:
    """What becomes of a link's request that gets a route; "" if a stream can go on with it."""
    if route is None:
        return "no route is for that"
    if route.auth and not any(place.kind == "query" and place.name in client.query for place in route.auth.places):
        return f"the route '{route.name}' answers 401, since Fanout has not the client's token"
    match route.action:
        case Handoff():
            return f"the route '{route.name}' would hand it off once more, which is a loop"
        case Hold(mode="response") | WebSocket():
            return f"the route '{route.name}' gives no part of a stream"
        case Tunnel():
            return f"the route '{route.name}' answers 426"
        case Respond(status=status) | Redirect(status=status) if not 200 <= status < 300:
            return f"the route '{route.name}' answers {status}"
    return ""
