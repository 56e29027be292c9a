"""Describes the connections that a local edge holds, as plain data for JSON."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from fanroute.devserver.events import Pass
from fanroute.devserver.pubsub import Channels, Subscriber
from fanroute.devserver.pushpin_stats import PushpinStats
from fanroute.devserver.visits import visit_of
from fanroute.devserver.websocket_proxy import is_websocket
from fanroute.plan.kinds import Kind
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.matching.pin import decode
from fanroute_runtime.matching.predicates import host_name
from fanroute_runtime.plan import Plan

# The longest beginning of a last message that is shown, in characters.
MAX_LAST = 200


# What Pushpin's modes mean. A `stream` can also be an SSE.
_KINDS: Mapping[str, Kind | None] = {"stream": None, "response": "long_poll", "ws": "websocket"}


def describe_subscribers(stats: PushpinStats) -> list[dict[str, Any]]:
    """Returns how many connections Pushpin holds, by channel and kind. For Pushpin, a stream and an SSE are the same."""
    return [
        {
            "channels": [one.channel],
            "kind": _KINDS[one.mode],
            "count": one.count,
            "last": one.last and {"at": one.last[0], "receivers": one.last[1]},
        }
        for one in stats.subscribers()
        if one.mode in _KINDS
    ]


class HeldConnections:
    """Looks at the connections that the GRIP proxy of the embedded edge holds.

    Args:
        channels: the GRIP proxy's.
        plan: what is served now.
        redact: hides tokens in a text.
    """

    def __init__(self, channels: Channels, plan: Plan, redact: Callable[[str], str]) -> None:
        self._channels = channels
        self._names = {route.name for route in plan.routes}
        self._fingerprints = {route.fingerprint for route in plan.routes}
        self._redact = redact

    def describe(self) -> list[dict[str, Any]]:
        """Returns the connections, the oldest first."""
        return [self._describe(one, request) for one, request in self._held()]

    def cut(self, number: int) -> bool:
        """Cuts a connection, as a network does that breaks. Returns False if there is no connection with this number."""
        return any(_abort(request) for one, request in self._held() if one.number == number)

    def cut_outdated(self) -> None:
        """Cuts all connections whose route is gone."""
        for _, request in self._held():
            if self._outdated(request):
                _abort(request)

    def _held(self) -> Iterator[tuple[Subscriber, web.BaseRequest]]:
        for one in self._channels.subscribers():
            if one.request is not None:
                yield one, one.request

    def _describe(self, subscriber: Subscriber, request: web.BaseRequest) -> dict[str, Any]:
        host = request.headers.get("Host", request.host)
        # The names of this machine say nothing.
        shown_host = "" if host_name(host) in LOCAL_NAMES else host
        first = _first_pass(request)
        return {
            "number": subscriber.number,
            "kind": _kind(subscriber, request),
            "route": first.route if first else "",
            "outdated": self._outdated(request),
            "request": self._redact(f"{request.method} {shown_host}{request.raw_path}"),
            "channels": sorted(subscriber.channels),
            "since": subscriber.since,
            "last": _last(subscriber),
        }

    def _outdated(self, request: web.BaseRequest) -> str:
        """Returns `changed` or `gone` if the route that a connection came by is not served any more as it was, otherwise "".

        Its pin tells that. A connection that an origin holds has none, because it needs no route of the edge any more.
        """
        first = _first_pass(request)
        pins = [value for name, value in first.sent if name.lower() == PIN] if first else []
        if first is None or all(decode(pin.encode("latin-1")).fingerprint in self._fingerprints for pin in pins):
            return ""
        return "changed" if first.route in self._names else "gone"


def _first_pass(request: web.BaseRequest) -> Pass | None:
    """Returns the pass in which the edge handed a request to Fanout."""
    return next(iter(visit_of(request).passes), None)


def _abort(request: web.BaseRequest) -> bool:
    """Cuts a request's connection. Returns False if it has ended already."""
    if request.transport is None:
        return False
    request.transport.abort()
    return True


def _kind(subscriber: Subscriber, request: web.BaseRequest) -> Kind:
    """Returns how a connection is held."""
    if is_websocket(request):
        return "websocket"
    if subscriber.is_long_poll:
        return "long_poll"
    answers = [header for made in visit_of(request).passes for header in made.answer]
    return (
        "sse"
        if any(name.lower() == "content-type" and value.startswith("text/event-stream") for name, value in answers)
        else "stream"
    )


def _last(subscriber: Subscriber) -> dict[str, Any] | None:
    """Returns the beginning of the last message that a connection got, and when; None if there was none."""
    if subscriber.last is None:
        return None
    at, content = subscriber.last
    return {"at": at, "text": content.decode(errors="replace")[:MAX_LAST]}
