"""Decides what happens to a request. It only reads facts of the request, and changes nothing.

On the first pass, a request comes from a client. It is answered here, sent to a backend, or handed off to Fanout with the
client's host, scheme and address in X-Forwarded-*. If it was handed off to this service, Fanout sends it back with a Grip-Sig:
this is the second pass. It then gets the route that the first pass has pinned, and an answer with GRIP instructions. On both
passes, a request is refused if its Grip-Sig is invalid, or if the route does not admit its client. How often a client uses a
route with a limit is a fact, too: the host counts a use when it is asked.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fanroute_runtime.choose import Chooser, Chosen, publishes_again
from fanroute_runtime.grip.instructions import channel_name, expand_uri
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.cors import add_cors_headers, cors_headers
from fanroute_runtime.http.forwarding import rules_for_backend, rules_for_fanout, rules_for_tunnel, with_x_forwarded
from fanroute_runtime.http.headers import PIN, apply_rules
from fanroute_runtime.http.media_types import opens_websocket
from fanroute_runtime.http.origins import may_open_websocket
from fanroute_runtime.jose.jwt import Claims
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import (
    UPGRADE_REQUIRED,
    Answer,
    Binding,
    Decision,
    Headers,
    NextHop,
    Publication,
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

# The code that only some Plans need. A component has it if its main module gives it to the Decider.
if TYPE_CHECKING:
    from fanroute_runtime.auth.guard import Guard
    from fanroute_runtime.auth.guards import Guards
    from fanroute_runtime.http.secret_headers import SecretHeaders
    from fanroute_runtime.limiter import Limiter
    from fanroute_runtime.plan.caching import CachePolicy
    from fanroute_runtime.plan.rewriting import Rewrite
    from fanroute_runtime.rewriting import Rewriter

# Answers a request: gets the action, the request, and the values that the match has bound. Raises Refused.
Handler = Callable[[Any, Request, Binding], Answer | Publication]

# The actions that Fanout holds: it asks this service for their answers.
HeldByFanout = Hold | WebSocket
# The actions that the edge answers on both passes in the same way.
AnsweredAlike = Respond | Redirect | Preflight
# The actions that a backend answers.
AnsweredByBackend = Forward | Handoff | Tunnel

FORBIDDEN_ORIGIN = text_answer(403, "Pages of this origin must not open a WebSocket here.")


class Decider:
    """Decides about requests by a Plan.

    Args:
        plan: the Plan.
        handlers: a handler for each type of action in the Plan, except those that a backend answers.
        guards: admit clients, if a route needs a token.
        secret_headers: adds headers, if a route has secret ones.
        override_cache: tells the host how to cache an answer (`http.caching`), if a route has a CachePolicy.
        rewriter: makes URIs for backends, if an action has a Rewrite.
        limiter: refuses clients that use a route too often, if a route has a limit.
    """

    def __init__(
        self,
        plan: Plan,
        handlers: Mapping[type, Handler],
        *,
        guards: "Guards | None" = None,
        secret_headers: "SecretHeaders | None" = None,
        override_cache: "Callable[[Any, Any, CachePolicy], None] | None" = None,
        rewriter: "Rewriter | None" = None,
        limiter: "Limiter | None" = None,
    ) -> None:
        self.chooser = Chooser(plan)
        self._handlers = handlers
        self._guards = guards
        self._secret_headers = secret_headers
        self.override_cache = override_cache
        # Gets each response of a backend, with the names of its headers. Only what logs requests sets it (`compute.logs`).
        self.note_response: Callable[[Any, Collection[str]], None] | None = None
        self._rewriter = rewriter
        self._limiter = limiter
        self._fallbacks = {fallback.backend: fallback for fallback in plan.fallbacks}

    def decide(self, request: Request) -> Decision:
        """Returns the decision about a request. Never raises Refused."""
        try:
            client = self.chooser.client_request(request)
            chosen = self.chooser.choose(client, request)
            decision = self._decide_for_route(chosen, client, request)
            return self._finish(decision, chosen.route, client)
        except Refused as refused:
            return self._refuse(refused)

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox. Nothing else outlives a request."""
        self.chooser.forget()
        if self._guards:
            self._guards.forget()
        if self._secret_headers:
            self._secret_headers.forget()

    def unreachable_answer(self, to: NextHop, status: int) -> Answer:
        """Returns the answer for a backend that cannot be reached. `status` is 502, or 504 after a time-out."""
        fallback = self._fallbacks.get(to.backend)
        if fallback is None:
            answer = failure_answer(to.backend, status)
        else:
            answer = Answer(fallback.status or status, fallback.headers, fallback.body)
        rules = to.response_headers if isinstance(to, ToBackend) else HeaderRules()
        return add_cors_headers(_with_response_headers(rules, answer), () if isinstance(to, ToWebSocket) else to.cors_headers)

    def _decide_for_route(self, chosen: Chosen, client: ClientRequest, request: Request) -> Decision:
        try:
            if not may_open_websocket(client, chosen.route.origins):
                return FORBIDDEN_ORIGIN
            admitted = self._admit(chosen, client, request)
            decide = self._second_pass if client.through_fanout else self._first_pass
            return decide(chosen, client, request, admitted)
        except Refused as refused:
            return self._refuse(refused)

    def _refuse(self, refused: Refused) -> Answer:
        """Returns the answer to a request that is refused."""
        answer = text_answer(refused.status, refused.told)
        return replace(answer, headers=answer.headers + refused.headers)

    def _admit(self, chosen: Chosen, client: ClientRequest, request: Request) -> "_Admitted | None":
        """Checks that the route admits the client. Returns what its token says, or None if it needs none. Raises Refused."""
        route = chosen.route
        if route.limit is not None:
            self._require_rate(route, client, request, None)
        guard = self._guard(route)
        if guard is None:
            return None
        if _is_event_of_open_websocket(route, client, request):
            return _Admitted(chosen.values, guard, lambda: guard.claims_of_open_websocket(client))
        claims = guard.admit(client, request, chosen.values)
        if route.limit is not None:
            self._require_rate(route, client, request, claims)
        admitted = _Admitted(chosen.values, guard, lambda: claims)
        if isinstance(route.action, HeldByFanout):
            guard.require_channels(claims, _channel_names(route.action, admitted.value_of))
        elif isinstance(route.action, AnsweredByBackend):
            guard.require_single_values(client)
        return admitted

    def _require_rate(self, route: Route, client: ClientRequest, request: Request, claims: Claims | None) -> None:
        """Counts a client's use of a route with a limit. Raises Refused (429).

        It is called before the client's token is verified, with None, and after that. If the limit is by a claim, the second call
        counts, otherwise the first. A use counts once, on the first pass.
        """
        assert route.limit is not None and self._limiter, "a Plan with a RateLimit has what enforces it"
        by_claim = route.limit.by is not None and route.limit.by.source == "claim"
        if not client.through_fanout and by_claim == (claims is not None):
            self._limiter.require(route, client, request, claims)

    def _first_pass(self, chosen: Chosen, client: ClientRequest, request: Request, admitted: "_Admitted | None") -> Decision:
        route, value_of = chosen.route, admitted.value_of if admitted else chosen.values
        if isinstance(route.action, AnsweredAlike) or _holds_nothing(route.action, client):
            return self._handlers[type(route.action)](route.action, request, value_of)
        if isinstance(route.action, Tunnel) and not client.websocket:
            return UPGRADE_REQUIRED
        headers = with_x_forwarded(self._request_headers(route, request), request, client)
        match route.action:
            case Forward(backend, rewrite):
                headers = rules_for_backend(headers, request, client)
                uri = self._uri_for_next_hop(rewrite, route, client, value_of)
                return _to_backend(route, backend, headers, client, uri=uri)
            case Tunnel(backend, rewrite):
                rules = rules_for_tunnel(headers, request, client)
                return ToWebSocket(backend, rules, self._uri_for_next_hop(rewrite, route, client, value_of))
            case Handoff(backend, rewrite):
                rules, uri = rules_for_fanout(headers, request, client), self._uri_for_next_hop(rewrite, route, client, value_of)
                return ToFanout(backend, rules, uri, _cors_headers(route, client))
            case Hold() | WebSocket() as action:
                return self.hand_off_to_self(action, chosen.number, client, request)
            case action:
                decision = self._handlers[type(action)](action, request, value_of)
                return decision if isinstance(decision, Answer) else self._permitted(decision, route, client, request, admitted)

    def hand_off_to_self(self, action: Hold | WebSocket, number: int, client: ClientRequest, request: Request) -> ToFanout:
        """Hands off a request to this service itself, with the pin of its route. Raises Refused.

        The request keeps its token, because the second pass checks it again.
        """
        pinned = HeaderRules(set=((PIN, self.chooser.make_pin(number, client)),))
        return ToFanout(action.backend, rules_for_fanout(with_x_forwarded(pinned, request, client), request, client))

    def _second_pass(self, chosen: Chosen, client: ClientRequest, request: Request, admitted: "_Admitted | None") -> Decision:
        route, value_of = chosen.route, admitted.value_of if admitted else chosen.values
        match route.action:
            case Handoff(backend):
                raise Refused(508, f"Loop: a request from Fanout would be handed off again, to {backend!r}.")
            case Forward(backend, rewrite):
                # The first pass has set X-Forwarded-*. This connection is that of Fanout, not of the client.
                headers = rules_for_backend(self._request_headers(route, request), request, client)
                uri = self._uri_for_next_hop(rewrite, route, client, value_of)
                return _to_backend(route, backend, headers, client, through_fanout=True, uri=uri)
            case Tunnel():
                return UPGRADE_REQUIRED  # Fanout sends a WebSocket's events, not the WebSocket itself
            case Hold() | WebSocket() | Respond() | Redirect() | Preflight() as action:
                decision = self._handlers[type(action)](action, request, value_of)
                return decision if isinstance(decision, Answer) else self._permitted(decision, route, client, request, admitted)
        raise publishes_again()

    def _permitted(
        self, decision: Publication, route: Route, client: ClientRequest, request: Request, admitted: "_Admitted | None"
    ) -> Decision:
        """Returns a publication, or its failure if the client may not publish that, or not so often.

        The first pass has counted a request for the route's limit. Only the second one knows the messages of a WebSocket.
        """
        if decision.claim:
            assert admitted, "a claim is one of a token"
            if not admitted.guard.lists_channel(admitted.claims(), decision.claim, decision.channel):
                return decision.failure(403)
        if route.limit is not None and client.through_fanout:
            assert self._limiter, "a Plan with a RateLimit has what enforces it"
            try:
                claims = admitted.claims() if admitted else None
                self._limiter.require(route, client, request, claims, decision.messages)
            except Refused as refused:
                return decision.failure(refused.status)
        return decision

    def _guard(self, route: Route) -> "Guard | None":
        """Returns what admits clients to a route, or None if it admits all."""
        if route.auth is None:
            return None
        assert self._guards, "a Plan with an Auth has guards"
        return self._guards[route.auth]

    def _request_headers(self, route: Route, request: Request) -> HeaderRules:
        """Returns a route's rules for its requests, with its secrets. Raises Refused (500)."""
        if not route.secret_headers:
            return route.request_headers
        assert self._secret_headers, "a Plan with secret headers has what adds them"
        return self._secret_headers.rules(route, request)

    def _uri_for_next_hop(self, rewrite: "Rewrite | None", route: Route, client: ClientRequest, value_of: Binding) -> str | None:
        """Returns the URI for the next hop, or None if it is the request's own. Raises Refused (400)."""
        guard = self._guard(route)
        uri = guard.uri_without_token(client) if guard else None
        if rewrite is None:
            return uri
        assert self._rewriter, "a Plan with a Rewrite has what carries it out"
        return self._rewriter.rewrite_uri(rewrite, uri or client.uri, value_of)

    def _finish(self, decision: Decision, route: Route, client: ClientRequest) -> Decision:
        """Adds a route's response headers and CORS headers to each answer of the edge in a decision. Raises Refused."""
        if isinstance(decision, Answer):
            return self._finish_answer(decision, route, client)
        if isinstance(decision, Publication):
            failures = tuple((status, self._finish_answer(answer, route, client)) for status, answer in decision.failures)
            return replace(decision, published=self._finish_answer(decision.published, route, client), failures=failures)
        return decision

    def _finish_answer(self, answer: Answer, route: Route, client: ClientRequest) -> Answer:
        """Adds a route's response headers and CORS headers to the edge's answer. Raises Refused."""
        answer = _with_response_headers(route.response_headers, answer)
        return add_cors_headers(answer, _cors_headers(route, client))


def _to_backend(
    route: Route, backend: str, headers: HeaderRules, client: ClientRequest, *, through_fanout: bool = False, uri: str | None
) -> ToBackend:
    """Returns the decision to send a request to a route's backend. Raises Refused."""
    shares = route.cors is not None and route.cors.backend_answers
    cache = route.action.cache if isinstance(route.action, Forward) else None
    return ToBackend(backend, headers, route.response_headers, through_fanout, uri, _cors_headers(route, client), shares, cache)


def _cors_headers(route: Route, client: ClientRequest) -> Headers:
    """Returns the headers that let a page of another origin read a route's answer. Raises Refused."""
    return () if route.cors is None else cors_headers(route.cors, client)


_FAILURES = {502: "cannot be reached", 504: "does not answer in time"}


def failure_answer(backend: str, status: int) -> Answer:
    """Returns the answer for a backend that cannot be reached and has no fallback. `status` is 502, or 504 after a time-out."""
    return text_answer(status, f"The backend {backend!r} {_FAILURES[status]}.")


def _with_response_headers(rules: HeaderRules, answer: Answer) -> Answer:
    """Applies rules to the headers of an answer."""
    headers = apply_rules(rules, answer.headers)
    return answer if headers is answer.headers else replace(answer, headers=headers)


def _holds_nothing(action: Action, client: ClientRequest) -> bool:
    """Returns True if Fanout could not hold the answer to this request."""
    if isinstance(action, WebSocket):
        return not client.websocket
    return isinstance(action, Hold) and client.method == "HEAD"


class _Admitted:
    """Represents a client that a route admits by its token.

    Args:
        values: returns the values that the match has bound.
        guard: has admitted the client.
        claims: returns the claims of the client's token. It may raise Refused.
    """

    def __init__(self, values: Binding, guard: "Guard", claims: Callable[[], Claims]) -> None:
        self.guard = guard
        self.claims = claims
        self._values = values

    def value_of(self, bound: Bound) -> str | None:
        """Returns a value of the request. Raises Refused (403) for a `claim` that no channel can contain."""
        if not bound.source.startswith("claim"):
            return self._values(bound)
        return self.guard.bound_claim(self.claims(), bound)


def _is_event_of_open_websocket(route: Route, client: ClientRequest, request: Request) -> bool:
    """Returns True if a request has events of a WebSocket whose client was admitted before. Raises Refused."""
    events = isinstance(route.action, WebSocket) and client.through_fanout and client.websocket
    return events and not opens_websocket(request)


def _channel_names(action: Hold | WebSocket, value_of: Binding) -> list[str]:
    """Returns the channels of an action, or [] if one is invalid: then the action's handler refuses the request.

    Raises Refused (403) for a claim that no channel can contain.
    """
    try:
        return [channel_name(channel, value_of) for channel in action.channels]
    except Refused as refused:
        if refused.status != 400:
            raise
        return []


def respond(action: Respond, request: Request, value_of: Binding) -> Answer:
    """Returns the answer that the route configures."""
    return Answer(action.status, action.headers, action.body)


def redirect(action: Redirect, request: Request, value_of: Binding) -> Answer:
    """Redirects the client (RFC 9110, 15.4). Raises Refused (400) if a value in the location is invalid."""
    location = expand_uri(action.location, value_of)
    if action.keep_path or action.keep_query:
        _, path, query = split_uri(ClientRequest(request, through_fanout=False).uri_without(action.drop_query))
        # The slash keeps the path out of the host, whatever the host of this sandbox gives as a path.
        kept = f"/{path.removeprefix('/')}" if action.keep_path else ""
        location += quote(f"{kept}?{query}" if query and action.keep_query else kept, safe=_AS_SENT).encode()
    return Answer(action.status, (("location", location),))


# All printable ASCII: what a request target may have is kept as it was sent.
_AS_SENT = "".join(map(chr, range(0x21, 0x7F)))
