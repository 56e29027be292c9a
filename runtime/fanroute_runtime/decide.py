"""What happens to a request: the product's whole behaviour. Pure, given the request's own facts.

A request comes twice. First from the client: it is answered here, or handed off to Fanout with the client's host,
scheme and address in X-Forwarded-*. Then, if the backend it was handed off to is this service, from Fanout with a
Grip-Sig: it is matched as the client's request that it stands for, and answered with GRIP instructions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fanroute_runtime.exchange import Answer, Decision, Headers, Refused, Request, ToFanout, text
from fanroute_runtime.grip import is_websocket_events
from fanroute_runtime.match import Matcher, host_name, split_uri
from fanroute_runtime.plan import Handoff, Plan, Respond
from fanroute_runtime.signature import came_through_fanout

# How an action answers: the action and the request to an answer. Raises Refused.
Handler = Callable[[Any, Request], Answer]


class Decider:
    """Decides about requests by a Plan.

    `handlers` answers for each type of action in the Plan that can answer here (every one but Handoff).
    """

    def __init__(self, plan: Plan, handlers: Mapping[type, Handler]) -> None:
        self._matcher = Matcher(plan.routes)
        self._handlers = handlers

    def decide(self, request: Request) -> Decision:
        """The decision about a request; never raises Refused."""
        try:
            if came_through_fanout(request):
                return self._second_pass(request)
            return self._first_pass(request)
        except Refused as refused:
            return text(refused.status, str(refused))

    def _first_pass(self, request: Request) -> Decision:
        if is_websocket_events(request):
            raise Refused(403, "Only Fanout may send websocket events.")
        authority, path = split_uri(request.uri())
        action = self._action(authority, path)
        if isinstance(action, Respond):
            return self._answer(action, request)
        return ToFanout(action.backend, _forwarded(request, authority))

    def _second_pass(self, request: Request) -> Answer:
        authority, path = split_uri(request.uri())
        forwarded_host = request.header("x-forwarded-host")
        if forwarded_host is not None:
            authority = forwarded_host.decode("latin-1")
        action = self._action(authority, path)
        if isinstance(action, Handoff):
            raise Refused(508, f"Loop: a request from Fanout would be handed off again, to {action.backend!r}.")
        return self._answer(action, request)

    def _action(self, authority: str, path: str) -> Any:
        route = self._matcher.match(host_name(authority), path)
        if route is None:
            raise Refused(404, "No route for this request.")
        return route.action

    def _answer(self, action: Any, request: Request) -> Answer:
        return self._handlers[type(action)](action, request)


def respond(action: Respond, request: Request) -> Answer:
    """Answer with what the route says."""
    return Answer(action.status, action.headers, action.body)


def _forwarded(request: Request, authority: str) -> Headers:
    """The client's connection, in place of whatever the client claims about it."""
    return (
        ("x-forwarded-for", (request.client_address() or "unknown").encode()),
        ("x-forwarded-host", authority.encode()),
        ("x-forwarded-proto", request.client_scheme().encode()),
    )
