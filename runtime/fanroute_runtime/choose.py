"""Which route a request gets, and what of the request is bound to it: by its match or, from Fanout, by its pin.

docs/security.md says who may send a pin, when it counts, and what a request of Fanout's without one may get.
"""

from fanroute_runtime.client import Client
from fanroute_runtime.exchange import Binding, Refused, Request
from fanroute_runtime.grip import is_websocket_events
from fanroute_runtime.headers import PIN
from fanroute_runtime.match import bound_value
from fanroute_runtime.matcher import Matcher
from fanroute_runtime.paths import Paths
from fanroute_runtime.pin import Pins, action_of, decode
from fanroute_runtime.plan import Forward, Hold, Plan, Respond, Route, WebSocket, plain
from fanroute_runtime.signature import Signatures


@plain
class Chosen:
    """The route for a request, its number in the Plan, and what its match has bound."""

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
        """Forget what the host has told, as a new sandbox has."""
        self._signatures.forget()

    def client(self, request: Request) -> Client:
        """The client's request that one is, or that it stands for. Raises Refused (403, or 400 for its path)."""
        client = self._sent(request)
        if client.pin is None or self._pins.route(client.pin) is None:
            # It is matched: so its path has to be one that the next hop cannot read otherwise.
            if client.has_fragment:
                raise Refused(400, "The request's target has a '#'.")
            self._paths.check(client.path)
        return client

    def _sent(self, request: Request) -> Client:
        """A request by who has sent it. Raises Refused (403)."""
        sender = self._signatures.sender(request)
        if sender == "client":
            # Of all names at once, as much else is asked by them: what a client does not send is known then.
            if "content-type" in request.names() and is_websocket_events(request):
                raise Refused(403, "Only Fanout may send websocket events.")
            return Client(request, through_fanout=False)
        pins = [] if sender == "proxy" else request.values(PIN)
        if len(pins) > 1:
            raise Refused(403, "The pin is refused: there is more than one.")
        if pins:
            return Client(request, through_fanout=True, pin=decode(pins[0]))
        if sender == "fanout":
            _require_link(request)
        return Client(request, through_fanout=True, link=sender == "fanout")

    def choose(self, client: Client, request: Request) -> Chosen:
        """The route for a request: the one that its pin names, or the first that it fits. Raises Refused."""
        pinned = None if client.pin is None else self._pins.route(client.pin)
        if client.pin is not None and pinned is not None:
            chosen = Chosen(client.pin.number, pinned, self._pins.values(client.pin))
        else:
            number = self._matcher.number(client)
            if number is None:
                raise Refused(404, "No route for this request.")
            route = self._matcher.route(number)
            chosen = Chosen(number, route, lambda value: bound_value(value, route, client))
        if client.pin is not None:
            _require_same_action(client.pin.action, chosen.route, request)
        elif client.link and not self._is_for_links(chosen.route):
            raise Refused(403, f"Fanout asks without a pin, and no link leads to the route {chosen.route.name!r}.")
        return chosen

    def pin(self, number: int, client: Client) -> bytes:
        """The pin of a route for a client's request that gets it. Raises Refused (431)."""
        return self._pins.pin(number, client)

    def _is_for_links(self, route: Route) -> bool:
        """Returns True if Fanout may ask for the route without a pin, as it asks for a link."""
        match route.action:
            case Hold() | WebSocket() | Respond():
                return True
            case Forward(backend):
                return backend in self._linked
        return False


def _require_link(request: Request) -> None:
    """See that a request of Fanout's without a pin is as it asks for a link: with nothing of a client's. Raises Refused (403)."""
    if request.method() != "GET" or "cookie" in request.names() or _has_body(request):
        raise Refused(403, "Fanout asks without a pin, and not as for a link.")


def _has_body(request: Request) -> bool:
    try:
        return request.body(0) != b""
    except Refused as refused:
        if refused.status != 413:
            raise
        return True


def _require_same_action(action: str, route: Route, request: Request) -> None:
    """See that the route is an endpoint of the action that is pinned, and the request of its kind. Raises Refused (403)."""
    match route.action:
        case WebSocket():
            is_of_kind = is_websocket_events(request)
        case Hold():
            is_of_kind = request.method() != "POST" or not is_websocket_events(request)
        case _:
            is_of_kind = False
    if not is_of_kind or action != action_of(route.fingerprint):
        raise Refused(403, "The pin is refused: its route is not for this request.")
