"""Chooses the route for a request, and the values that its match binds: by matching or, on the second pass, by the pin.

docs/security.md says who may send a pin, when it counts, and what a request from Fanout without one may get.
"""

from fanroute_runtime.grip.signature import Signatures
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.http.media_types import is_websocket_events
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.pin import Pins, action_of, decode
from fanroute_runtime.matching.predicates import bound_value
from fanroute_runtime.messages import Binding, Refused, Request
from fanroute_runtime.plan import (
    Forward,
    Handoff,
    Hold,
    Plan,
    Preflight,
    Redirect,
    Respond,
    Route,
    Tunnel,
    WebSocket,
    record,
)


def publishes_again() -> Refused:
    """Returns the refusal of a request from Fanout on a route that publishes."""
    return Refused(508, "Loop: a request from Fanout would publish again.")


@record
class Chosen:
    """Represents the route for a request, with its number in the Plan and the values that its match has bound."""

    number: int
    route: Route
    values: Binding


class Chooser:
    """Chooses the routes of a Plan for requests."""

    def __init__(self, plan: Plan) -> None:
        self._signatures = Signatures(plan.grip_sig)
        self._paths = Paths(plan.refused_paths)
        self._matcher = Matcher(plan.routes)
        self._pins = Pins(len(plan.routes), self._matcher.route)
        self._linked = frozenset(plan.linked)

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox."""
        self._signatures.forget()

    def client_request(self, request: Request) -> ClientRequest:
        """Returns the client's request: this one, or the one for which Fanout sent this one.

        Raises Refused: 403 if the sender is not who it claims to be, 400 for its path.
        """
        client = self._identify_client(request)
        if client.pin is None or self._pins.pinned_route(client.pin) is None:
            # It will be matched, so the next hop must not read its path as another one.
            if client.has_fragment:
                raise Refused(400, "The request target must not have a '#'.")
            self._paths.check(client.path)
        return client

    def _identify_client(self, request: Request) -> ClientRequest:
        """Finds out who sent the request, and returns the client's request. Raises Refused (403)."""
        sender = self._signatures.identify_sender(request)
        if sender == "client":
            # Reading all names at once saves calls: the host is not called for headers that are known to be absent.
            if "content-type" in request.names() and is_websocket_events(request):
                raise Refused(403, "Only Fanout may send WebSocket events.")
            return ClientRequest(request, through_fanout=False)
        pins = [] if sender == "proxy" else request.values(PIN)
        if len(pins) > 1:
            raise Refused(403, "The pin is refused: there is more than one.")
        if pins:
            return ClientRequest(request, through_fanout=True, pin=decode(pins[0]))
        return ClientRequest(request, through_fanout=True, link=sender == "fanout")

    def choose(self, client: ClientRequest, request: Request) -> Chosen:
        """Returns the route for a request: the one that its pin names, or the first that matches. Raises Refused."""
        pinned = None if client.pin is None else self._pins.pinned_route(client.pin)
        if client.pin is not None and pinned is not None:
            chosen = Chosen(client.pin.number, pinned, self._pins.pinned_values(client.pin))
        else:
            number = self._matcher.match_number(client)
            if number is None:
                raise Refused(404, "No route matches this request.")
            route = self._matcher.route(number)
            chosen = Chosen(number, route, lambda value: bound_value(value, route, client))
        if client.pin is not None:
            _require_same_action(client.pin.action, chosen.route, request)
        elif client.link and not self._is_for_links(chosen.route, request):
            raise Refused(403, f"Fanout sent a request without a pin, and no link leads to the route {chosen.route.name!r}.")
        return chosen

    def make_pin(self, number: int, client: ClientRequest) -> bytes:
        """Returns the pin of a route for a client's request. Raises Refused (431) if it is too long."""
        return self._pins.make_pin(number, client)

    def _is_for_links(self, route: Route, request: Request) -> bool:
        """Returns True if a request for a link, which Fanout sends without a pin, may get the route. Raises Refused."""
        match route.action:
            case Hold() | WebSocket() | Respond():
                may_get_it = True
            case Forward(backend):
                may_get_it = backend in self._linked
            case Handoff() | Tunnel() | Redirect() | Preflight():
                may_get_it = False
            case _:
                raise publishes_again()
        _require_link(request)
        return may_get_it


def _require_link(request: Request) -> None:
    """Checks that a request from Fanout without a pin looks like one for a link: it has no data of a client.

    Raises Refused (403).
    """
    if request.method() != "GET" or not {"cookie", "content-type"}.isdisjoint(request.names()) or _has_body(request):
        raise Refused(403, "Fanout sent a request without a pin, but it is not a request for a link.")


def _has_body(request: Request) -> bool:
    try:
        return request.body(0) != b""
    except Refused as refused:
        if refused.status != 413:
            raise
        return True


def _require_same_action(action: str, route: Route, request: Request) -> None:
    """Checks that the route has the pinned action, and that the request fits this action. Raises Refused (403)."""
    match route.action:
        case WebSocket():
            is_of_kind = is_websocket_events(request)
        case Hold():
            is_of_kind = request.method() != "POST" or not is_websocket_events(request)
        case _:
            is_of_kind = False
    if not is_of_kind or action != action_of(route.fingerprint):
        raise Refused(403, "The pin is refused: its route does not fit this request.")
