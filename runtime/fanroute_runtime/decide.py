"""What happens to a request: the product's whole behaviour. Pure, given the request's own facts.

A request comes once or twice. First from the client: it is answered here, passed on to a backend, or handed off to Fanout,
with the client's host, scheme and address in X-Forwarded-*. Then, if the backend it was handed off to is this service, from
Fanout with a Grip-Sig: it gets the route that the first pass has pinned, and is answered with GRIP instructions. One
whose Grip-Sig is refused goes nowhere, nor one whose client the route does not let in, on either pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.choose import Chooser, Chosen
from fanroute_runtime.grip.instructions import channel_name, expand_uri
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.cors import add_cors_headers, cors_headers
from fanroute_runtime.http.forwarding import rules_for_backend, rules_for_fanout, rules_for_tunnel, with_x_forwarded
from fanroute_runtime.http.headers import PIN, apply_rules
from fanroute_runtime.http.media_types import opens_websocket
from fanroute_runtime.http.origins import may_open_websocket
from fanroute_runtime.jose.jwt import Claims
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.messages import (
    Answer,
    Binding,
    Decision,
    Headers,
    NextHop,
    Refused,
    Request,
    ToBackend,
    ToFanout,
    ToWebSocket,
    text_answer,
)
from fanroute_runtime.plan import (
    Action,
    Bound,
    Forward,
    Handoff,
    HeaderRules,
    Hold,
    Plan,
    Preflight,
    Redirect,
    Respond,
    Route,
    Tunnel,
    WebSocket,
)
from fanroute_runtime.routes_file import distinct_auths

# How an action answers: the action, the request and what its match has bound to an answer. Raises Refused.
Handler = Callable[[Any, Request, Binding], Answer]

# What is answered on the first pass, without Fanout.
AnsweredAtEdge = Respond | Redirect | Preflight
# What a backend answers.
AnsweredByBackend = Forward | Handoff | Tunnel

# RFC 9110, 15.5.22.
UPGRADE_REQUIRED = Answer(
    426,
    (("content-type", b"text/plain; charset=utf-8"), ("upgrade", b"websocket"), ("connection", b"upgrade")),
    b"Only a WebSocket is to be had here.\n",
)
FORBIDDEN_ORIGIN = text_answer(403, "Pages of this origin may not connect.")


class Decider:
    """Decides about requests by a Plan.

    `handlers` answers for each type of action in the Plan that can answer here (every one but those that a backend answers).
    """

    def __init__(self, plan: Plan, handlers: Mapping[type, Handler]) -> None:
        auths = distinct_auths(plan.routes)
        self._keys = Keys(key for auth in auths for key in auth.keys)
        self._guards = {auth: Guard(auth, self._keys, plan.service) for auth in auths}
        self.chooser = Chooser(plan)
        self._handlers = handlers
        self._fallbacks = {fallback.backend: fallback for fallback in plan.fallbacks}

    def decide(self, request: Request) -> Decision:
        """The decision about a request; never raises Refused."""
        try:
            client = self.chooser.client_request(request)
            chosen = self.chooser.choose(client, request)
            decision = self._decide_for_route(chosen, client, request)
            return self._finish_answer(decision, chosen.route, client) if isinstance(decision, Answer) else decision
        except Refused as refused:
            return _refusal_answer(refused)

    def forget(self) -> None:
        """Forget what the host has told, as a new sandbox has. Nothing else is kept of a request."""
        self.chooser.forget()
        self._keys.forget()

    def unreachable_answer(self, to: NextHop, status: int) -> Answer:
        """What the client gets instead where a backend cannot be reached; `status` is 502, or 504 where time has run out."""
        fallback = self._fallbacks.get(to.backend)
        if fallback is None:
            answer = text_answer(status, f"The backend {to.backend!r} {_FAILURES[status]}.")
        else:
            answer = Answer(fallback.status or status, fallback.headers, fallback.body)
        rules = to.response_headers if isinstance(to, ToBackend) else HeaderRules()
        return add_cors_headers(_with_response_headers(rules, answer), () if isinstance(to, ToWebSocket) else to.cors_headers)

    def _decide_for_route(self, chosen: Chosen, client: ClientRequest, request: Request) -> Decision:
        try:
            if not may_open_websocket(client, chosen.route.origins):
                return FORBIDDEN_ORIGIN
            bound = self._admit(chosen, client, request)
            decide = self._second_pass if client.through_fanout else self._first_pass
            return decide(chosen, client, request, bound)
        except Refused as refused:
            return _refusal_answer(refused)

    def _admit(self, chosen: Chosen, client: ClientRequest, request: Request) -> Binding:
        """What the request has for the route's action, if its client is let in. Raises Refused."""
        route = chosen.route
        if route.auth is None:
            return chosen.values
        guard = self._guards[route.auth]
        if _is_event_of_open_websocket(route, client, request):
            return _with_claims(chosen.values, guard, lambda: guard.claims_of_open_websocket(client))
        claims = guard.admit(client, request, chosen.values)
        bound = _with_claims(chosen.values, guard, lambda: claims)
        if isinstance(route.action, Hold | WebSocket):
            guard.require_channels(claims, _channel_names(route.action, bound))
        elif isinstance(route.action, AnsweredByBackend):
            guard.require_single_values(client)
        return bound

    def _first_pass(self, chosen: Chosen, client: ClientRequest, request: Request, bound: Binding) -> Decision:
        route = chosen.route
        if isinstance(route.action, AnsweredAtEdge) or _holds_nothing(route.action, client):
            return self._handlers[type(route.action)](route.action, request, bound)
        if isinstance(route.action, Tunnel) and not client.websocket:
            return UPGRADE_REQUIRED
        headers = with_x_forwarded(route.request_headers, request, client)
        match route.action:
            case Forward(backend):
                headers = rules_for_backend(headers, request, client)
                return _to_backend(route, backend, headers, client, uri=self._uri_for_next_hop(route, client))
            case Tunnel(backend):
                return ToWebSocket(backend, rules_for_tunnel(headers, request, client), self._uri_for_next_hop(route, client))
            case Handoff(backend):
                rules = rules_for_fanout(headers, request, client)
                return ToFanout(backend, rules, self._uri_for_next_hop(route, client), _cors_headers(route, client))
            case action:
                return self.hand_off_to_self(action, chosen.number, client, request)

    def hand_off_to_self(self, action: Hold | WebSocket, number: int, client: ClientRequest, request: Request) -> ToFanout:
        """Hands a request for an endpoint off to this service, with the pin of its route. Raises Refused.

        The request keeps its token, which the second pass checks again.
        """
        pinned = HeaderRules(set=((PIN, self.chooser.make_pin(number, client)),))
        return ToFanout(action.backend, rules_for_fanout(with_x_forwarded(pinned, request, client), request, client))

    def _second_pass(self, chosen: Chosen, client: ClientRequest, request: Request, bound: Binding) -> Decision:
        route = chosen.route
        match route.action:
            case Handoff(backend):
                raise Refused(508, f"Loop: a request from Fanout would be handed off again, to {backend!r}.")
            case Forward(backend):
                # X-Forwarded-* are there, from the first pass; this connection is not the client's.
                headers, uri = rules_for_backend(route.request_headers, request, client), self._uri_for_next_hop(route, client)
                return _to_backend(route, backend, headers, client, through_fanout=True, uri=uri)
            case Tunnel():
                return UPGRADE_REQUIRED  # Fanout carries a WebSocket's events, not the WebSocket
            case action:
                return self._handlers[type(action)](action, request, bound)

    def _uri_for_next_hop(self, route: Route, client: ClientRequest) -> str | None:
        """The URI for a backend, where it is not the request's."""
        return self._guards[route.auth].uri_without_token(client) if route.auth else None

    def _finish_answer(self, answer: Answer, route: Route, client: ClientRequest) -> Answer:
        """A route's answer as its client gets it. Raises Refused."""
        answer = _with_response_headers(route.response_headers, answer)
        return add_cors_headers(answer, _cors_headers(route, client))


def _to_backend(
    route: Route, backend: str, headers: HeaderRules, client: ClientRequest, *, through_fanout: bool = False, uri: str | None
) -> ToBackend:
    """Sends a request to a route's backend, and says which pages may read what comes of it. Raises Refused."""
    shares = route.cors is not None and route.cors.backend_answers
    return ToBackend(backend, headers, route.response_headers, through_fanout, uri, _cors_headers(route, client), shares)


def _cors_headers(route: Route, client: ClientRequest) -> Headers:
    """What lets a page of another origin read the answer that a route gives. Raises Refused."""
    return () if route.cors is None else cors_headers(route.cors, client)


_FAILURES = {502: "cannot be reached", 504: "does not answer in time"}


def _refusal_answer(refused: Refused) -> Answer:
    answer = text_answer(refused.status, refused.reason)
    return replace(answer, headers=answer.headers + refused.headers)


def _with_response_headers(rules: HeaderRules, answer: Answer) -> Answer:
    """An answer under rules for its headers."""
    headers = apply_rules(rules, answer.headers)
    return answer if headers is answer.headers else replace(answer, headers=headers)


def _holds_nothing(action: Action, client: ClientRequest) -> bool:
    """Returns True if a request asks an endpoint for nothing that Fanout could hold."""
    if isinstance(action, WebSocket):
        return not client.websocket
    return isinstance(action, Hold) and client.method == "HEAD"


def _with_claims(values: Binding, guard: Guard, claims: Callable[[], Claims]) -> Binding:
    def bound(value: Bound) -> str | None:
        return guard.claim_value(claims(), value.name) if value.source == "claim" else values(value)

    return bound


def _is_event_of_open_websocket(route: Route, client: ClientRequest, request: Request) -> bool:
    """Whether a request is of a WebSocket whose client has been let in. Raises Refused."""
    events = isinstance(route.action, WebSocket) and client.through_fanout and client.websocket
    return events and not opens_websocket(request)


def _channel_names(action: Hold | WebSocket, bound: Binding) -> list[str]:
    """The channels of an endpoint; none where one is no channel: it refuses that itself. Raises Refused (403)."""
    try:
        return [channel_name(channel, bound) for channel in action.channels]
    except Refused as refused:
        if refused.status != 400:
            raise
        return []


def respond(action: Respond, request: Request, bound: Binding) -> Answer:
    """Answer with what the route says."""
    return Answer(action.status, action.headers, action.body)


def redirect(action: Redirect, request: Request, bound: Binding) -> Answer:
    """Send the client elsewhere (RFC 9110, 15.4). Raises Refused (400) where what is bound is no text."""
    return Answer(action.status, (("location", expand_uri(action.location, bound)),))
