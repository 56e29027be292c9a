"""Describes the connections that the GRIP proxy of the embedded edge holds, as plain data for JSON."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from fanroute.devserver.pubsub import Channels, Subscriber
from fanroute.devserver.websocket_proxy import is_websocket
from fanroute.plan.kinds import Kind, kind_of
from fanroute.plan.request import RequestData
from fanroute.routetests.tried import Trial
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.matching.predicates import host_name
from fanroute_runtime.plan import Hold, WebSocket

# The longest beginning of a last message that is shown, in characters.
MAX_LAST = 200


class HeldConnections:
    """Looks at the connections that are held.

    Args:
        channels: the GRIP proxy's.
        trial: tries requests with the routes that are served now.
        redact: hides tokens in a text.
    """

    def __init__(self, channels: Channels, trial: Trial, redact: Callable[[str], str]) -> None:
        self._channels = channels
        self._trial = trial
        self._redact = redact

    def describe(self) -> list[dict[str, Any]]:
        """Returns the connections, the oldest first."""
        held = ((one, one.request) for one in self._channels.subscribers())
        return [self._describe(one, request) for one, request in held if request is not None]

    def cut(self, number: int) -> bool:
        """Cuts a connection, as a network does that breaks. Returns False if there is no connection with this number."""
        found = next((one for one in self._channels.subscribers() if one.number == number), None)
        if found is None or found.request is None or found.request.transport is None:
            return False
        found.request.transport.abort()
        return True

    def _describe(self, subscriber: Subscriber, request: web.BaseRequest) -> dict[str, Any]:
        host = request.headers.get("Host", request.host)
        headers = tuple((name.decode("latin-1").lower(), value) for name, value in request.raw_headers)
        seen = RequestData(request.method, f"http://{host}{request.raw_path}", headers, configs=self._trial.configs)
        # The names of this machine say nothing.
        shown_host = "" if host_name(host) in LOCAL_NAMES else host
        route = self._trial.tracer.route_of(seen)
        action = route.action if route else None
        # An origin can hold a connection too. Its route does not say how.
        kind = kind_of(action) if isinstance(action, Hold | WebSocket) else _kind(subscriber, request)
        return {
            "number": subscriber.number,
            "kind": kind,
            "route": route.name if route else None,
            "request": self._redact(f"{request.method} {shown_host}{request.raw_path}"),
            "channels": sorted(subscriber.channels),
            "since": subscriber.since,
            "last": _last(subscriber),
        }


def _kind(subscriber: Subscriber, request: web.BaseRequest) -> Kind:
    """Returns how a connection is held."""
    if is_websocket(request):
        return "websocket"
    return "long_poll" if subscriber.is_long_poll else "stream"


def _last(subscriber: Subscriber) -> dict[str, Any] | None:
    """Returns the beginning of the last message that a connection got, and when; None if there was none."""
    if subscriber.last is None:
        return None
    at, content = subscriber.last
    return {"at": at, "text": content.decode(errors="replace")[:MAX_LAST]}
