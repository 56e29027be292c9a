"""Finds out from a Plan what to listen to: the kind of connection that a URL holds, and a URL that is subscribed to a channel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from fanroute.analysis.examples import example_headers, example_target, example_values, needed_host
from fanroute.analysis.subscribers import Subscriber, channel_names, find_subscribers
from fanroute.client.listening import ListenFailed, Target
from fanroute.devserver.config import Stores
from fanroute.plan.kinds import Kind, kind_of
from fanroute.plan.places import place_token
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute.spec.validate import did_you_mean
from fanroute_runtime.local import LOCAL_NAMES, host_entry
from fanroute_runtime.plan import Hold, Plan, Route, WebSocket
from fanroute_runtime.plan.auth import Auth

# The order in which the routes of a channel are tried. A long-poll can miss messages between two requests.
PREFERRED: tuple[Kind, ...] = ("sse", "stream", "websocket", "long_poll")
_UPGRADE = (("upgrade", b"websocket"), ("connection", b"Upgrade"))


@dataclass(frozen=True, slots=True)
class Client:
    """Says what a client sends.

    Args:
        headers: (name, value) pairs.
        token: the token for a route that requires one, or "".
        kind: the kind of connection that the user wants, or None for any.
    """

    headers: tuple[tuple[str, str], ...] = ()
    token: str = ""
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """Holds the routes of a service, and how the names of a local edge count in them.

    Args:
        plan: the routes.
        hosts: the entries of a local edge's store that let its names stand for a host.
    """

    plan: Plan
    hosts: Mapping[str, str]


def target_of_url(url: str, client: Client, routes: Routes | None) -> tuple[Target, Route | None]:
    """Returns what to listen to at a URL, and the route that takes its request; None if that is not known.

    `routes` are those of the service, or None if they are not known.
    """
    wanted: Kind | None = "websocket" if url.startswith("ws") else client.kind
    route, kind = _find_route(url, replace(client, kind=wanted), routes) if routes else (None, None)
    protocols = route.action.protocols[:1] if route and isinstance(route.action, WebSocket) else ()
    name = urlsplit(url).hostname or ""
    target = Target(url, wanted or kind, client.headers, protocols, name in LOCAL_NAMES or name == "::1")
    return _with_token(target, client.token, route.auth if route else None), route


def _find_route(url: str, client: Client, routes: Routes) -> tuple[Route | None, Kind | None]:
    """Returns the route that takes a request for a URL, and the kind of connection that it holds.

    A route may be for WebSockets only, and another one with the same path for other requests. If the wanted kind is None, the
    latter is tried first.
    """
    tracer = Tracer(routes.plan, "")
    plain = _as_client_sends(url, client)
    stores = Stores().with_local_store(routes.hosts).config
    headers = tuple((name.lower(), value.encode("utf-8", "surrogateescape")) for name, value in client.headers)
    request = RequestData("GET", plain, headers, configs=stores)
    upgraded = replace(request, headers=(*headers, *_UPGRADE))
    for one in {None: (request, upgraded), "websocket": (upgraded,)}.get(client.kind, (request,)):
        route = tracer.route_of(one)
        kind = kind_of(route.action) if route and isinstance(route.action, Hold | WebSocket) else None
        if kind and (kind == "websocket") == (one is upgraded):
            return route, kind
    return tracer.route_of(request), None


def _as_client_sends(url: str, client: Client) -> str:
    """Returns a URL with the scheme http or https, and with the host of the client's own Host header, if it has one."""
    parts = urlsplit(url)
    host = next((value for name, value in client.headers if name.lower() == "host"), parts.netloc)
    return urlunsplit(parts._replace(scheme=parts.scheme.replace("ws", "http"), netloc=host))


def target_of_channel(channel: str, client: Client, routes: Routes, edge: str) -> tuple[Target, Route]:
    """Returns what to listen to on a local edge for a channel, and its route. Raises ListenFailed if no route has the channel.

    `edge` is the URL of the local edge.
    """
    subscribers = [one for one in find_subscribers(routes.plan, channel) if client.kind in (None, one.kind)]
    for subscriber in sorted(subscribers, key=lambda one: PREFERRED.index(one.kind)):
        url, headers = _request_of(subscriber, edge, routes.hosts)
        own = replace(client, headers=(*headers, *client.headers), kind=subscriber.kind)
        target, route = target_of_url(url, own, routes)
        if route == subscriber.route:
            return target, route
    if subscribers:
        names = ", ".join(one.route.name for one in subscribers)
        raise ListenFailed(f"no GET request for {channel!a} was found that reaches its route ({names}): give a URL instead")
    of_kind = f" that is {client.kind}" if client.kind else ""
    known = did_you_mean(channel, channel_names(routes.plan), "channels")
    raise ListenFailed(f"no route{of_kind} has the channel {channel!a}; {known}")


def _request_of(subscriber: Subscriber, edge: str, hosts: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Returns the URL and headers of a request that is subscribed to a channel."""
    match = subscriber.route.match
    name = urlsplit(edge).hostname or ""
    values = example_values(match) | {bound: text for bound, text in subscriber.values.items() if bound.source != "claim"}
    host = needed_host(match, values, hosts.get(host_entry(name), name).rpartition("://")[2])
    url = edge + example_target(match, values)
    headers = [("Host", host)] if host else []
    return url.replace("http", "ws", 1) if subscriber.kind == "websocket" else url, (*headers, *example_headers(values))


def _with_token(target: Target, token: str, auth: Auth | None) -> Target:
    """Adds a token in the first place where a route looks for it; in Authorization if no route says where."""
    if not token:
        return target
    url, headers = place_token(target.url, token, auth.places[0] if auth else None)
    return replace(target, url=url, headers=(*target.headers, *headers))
