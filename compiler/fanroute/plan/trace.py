"""Traces a request through a Plan with the code that ships: the routes that are tried, and what the edge does on both passes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from fanroute.plan.describe import cache_text
from fanroute.plan.request import RequestData, second_pass_request, with_fanout_headers
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.auth.guards import Guards
from fanroute_runtime.decide import Decider, Handler, redirect, respond
from fanroute_runtime.explain import Explainer, ObservedDecider
from fanroute_runtime.grip.instructions import hold
from fanroute_runtime.grip.publishing import answer_and_publish, publish
from fanroute_runtime.grip.websocket import answer_events
from fanroute_runtime.http.caching import override_cache
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.cors import answer_preflight
from fanroute_runtime.http.secret_headers import SecretHeaders
from fanroute_runtime.limiter import CheckRate, Limiter
from fanroute_runtime.matching.predicates import Predicate, match_predicates
from fanroute_runtime.messages import Answer, Decision, NextHop, Publication, Refused, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import HeaderRules, Hold, Plan, Preflight, Redirect, Respond, Route, WebSocket
from fanroute_runtime.plan.auth import Auth
from fanroute_runtime.plan.publishing import Publish
from fanroute_runtime.rewriting import Rewriter

# The function of the runtime that answers for each action. Actions that pass a request on, such as Handoff, have none.
HANDLERS: dict[type, Handler] = {
    Hold: hold,
    WebSocket: answer_and_publish,
    Respond: respond,
    Redirect: redirect,
    Preflight: answer_preflight,
    Publish: publish,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Represents a route that was tried. `mismatches` are the keys of its match that the request fails, none if it is taken."""

    route: str
    mismatches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Represents what happens to a request: the routes tried, in order, and the decision of each pass.

    `route` is the index of the route that takes the request, or None. `second` is the decision of the second pass, or None if
    Fanout does not ask this service. `refusal` is the reason of the last decision if that refuses the request, or "". A request
    that is refused before has no steps, and a request with a pin has only the pinned route.
    """

    steps: tuple[Step, ...]
    route: int | None
    decision: Decision
    second: Decision | None
    refusal: str = ""


_FURTHER_PLACES = frozenset({"header", "protocol"})


def guard_for(auths: Iterable[Auth]) -> type[Guard]:
    """Returns the class that admits clients as these Auths require, without more code than they need."""
    return FurtherGuard if any(auth.parts or _FURTHER_PLACES & {place.kind for place in auth.places} for auth in auths) else Guard


def handlers_for(routes: Iterable[Route]) -> dict[type, Handler]:
    """Returns the handlers that routes need, without more code than that."""
    publishes = any(isinstance(route.action, WebSocket) and route.action.publish for route in routes)
    return HANDLERS if publishes else HANDLERS | {WebSocket: answer_events}


def _rate_as_told(request: Any, *_: Any) -> bool | None:
    """Says what a request as data has about its client's rate, without counting anything."""
    penalized: bool | None = request.penalized
    return penalized


def make_decider(plan: Plan, check_rate: CheckRate = _rate_as_told) -> Decider:
    """Returns what decides about requests in a component of a Plan. `check_rate` counts uses of a route."""
    return make_full_decider(plan, Explainer if plan.debug else Decider, check_rate)


def make_full_decider(plan: Plan, kind: type[Decider] = Decider, check_rate: CheckRate = _rate_as_told) -> Decider:
    """Returns what decides about requests by a Plan, with all code that any Plan may need.

    Args:
        plan: the Plan.
        kind: the class of what decides.
        check_rate: counts uses of a route.
    """
    return kind(
        plan,
        HANDLERS,
        guards=Guards(plan, FurtherGuard),
        secret_headers=SecretHeaders(),
        override_cache=override_cache,
        rewriter=Rewriter(plan.refused_paths),
        limiter=Limiter(plan.service, check_rate),
    )


class Tracer:
    """Traces requests through a Plan. `loopback` is the name of the loopback backend, or ""."""

    def __init__(self, plan: Plan, loopback: str) -> None:
        self._loopback = loopback
        self.plan = plan
        self._decider = make_decider(plan)
        self._tests = [(route.name, match_predicates(route.match)) for route in plan.routes]
        self._has_secrets = any(route.secret_headers for route in plan.routes)

    def trace(self, request: RequestData) -> Trace:
        """Returns what happens to a request on both passes. Its secret headers have the names of their secrets as values."""
        if self._has_secrets:
            request = replace(request, secrets=with_stand_ins(request.secrets, self.plan))
        decision = self._decider.decide(request)
        steps, route = self._steps(request)
        if not isinstance(decision, ToFanout) or decision.backend != self._loopback:
            return Trace(steps, route, decision, None, self._refusal(request, decision))
        through = second_pass_request(request, decision)
        second = self._decider.decide(through)
        return Trace(steps, route, decision, second, self._refusal(through, second))

    def _refusal(self, request: RequestData, decision: Decision) -> str:
        """Returns the reason of a decision if it refuses the request, or ""."""
        if not isinstance(decision, Answer) or decision.status < 400:
            return ""
        return ObservedDecider(self._decider).judge(request).refusal

    def route_of(self, request: RequestData) -> Route | None:
        """Returns the route that takes a request, or None."""
        _, number = self._steps(request)
        return None if number is None else self.plan.routes[number]

    def through_fanout(self, request: RequestData) -> RequestData:
        """Returns the request that Fanout sends to this service for a client's request, with the pin of the first pass.

        The client's token and Origin are not checked. If the route is not an endpoint, the result has no pin, as a request for a
        link has none.
        """
        try:
            client = self._decider.chooser.client_request(request)
            chosen = self._decider.chooser.choose(client, request)
            if isinstance(chosen.route.action, Hold | WebSocket):
                handoff = self._decider.hand_off_to_self(chosen.route.action, chosen.number, client, request)
                return second_pass_request(request, handoff)
        except Refused:
            pass
        return replace(request, headers=with_fanout_headers(request.headers, request.time))

    def _steps(self, request: RequestData) -> tuple[tuple[Step, ...], int | None]:
        try:
            client = self._decider.chooser.client_request(request)
            if client.pin:
                chosen = self._decider.chooser.choose(client, request)
                return (Step(chosen.route.name, ()),), chosen.number
        except Refused:
            return (), None
        steps: list[Step] = []
        for number, (name, of_route) in enumerate(self._tests):
            steps.append(Step(name, mismatches(of_route, client)))
            if not steps[-1].mismatches:
                return tuple(steps), number
        return tuple(steps), None


def with_stand_ins(secrets: Mapping[str, Mapping[str, bytes]], plan: Plan) -> dict[str, dict[str, bytes]]:
    """Returns secret stores in which each secret of a header is replaced by a text that names it."""
    stores = {store: dict(entries) for store, entries in secrets.items()}
    for _, _, entry in (header for route in plan.routes for header in route.secret_headers):
        stores.setdefault(entry.store, {})[entry.name] = f"{{secret {entry.store}/{entry.name}}}".encode()
    return stores


def trace(plan: Plan, loopback: str, request: RequestData) -> Trace:
    """Traces one request (`Tracer.trace`)."""
    return Tracer(plan, loopback).trace(request)


def through_fanout(plan: Plan, request: RequestData) -> RequestData:
    """Returns the request that Fanout sends to a service for a client's request (`Tracer.through_fanout`)."""
    return Tracer(plan, "").through_fanout(request)


def mismatches(of_match: Mapping[str, Predicate], client: ClientRequest) -> tuple[str, ...]:
    """Returns the keys of a match's tests that a request fails.

    If the path does not match, its parameters have no values, so the tests of their patterns are left out.
    """
    keys = tuple(key for key, test in of_match.items() if not test(client))
    return tuple(key for key in keys if not key.startswith("where ")) if "path" in keys else keys


def trace_lines(trace: Trace) -> Iterator[str]:
    """Yields a trace as lines of text: the routes tried, then the decision of each pass."""
    yield from step_lines(trace)
    for lines in pass_lines(trace):
        yield from lines


def step_lines(trace: Trace) -> Iterator[str]:
    """Yields a line for each route tried, and one if none takes the request."""
    # A route with several paths is tried with each of them. The one that fits best is shown.
    for route, steps in groupby(trace.steps, lambda step: step.route):
        failed = [step.mismatches for step in steps]
        fewest = min(failed, key=len)
        yield f"  {route}: no, by {', '.join(fewest)}" if fewest else f"  {route}: yes"
    if not trace.steps or trace.steps[-1].mismatches:
        yield "  no route"


def pass_lines(trace: Trace) -> Iterator[list[str]]:
    """Yields the lines of the first pass, then those of the second one if there is one."""
    passes = [list(_decision_lines("Answered at once", trace.decision))]
    if trace.second is not None:
        passes.append(list(_decision_lines("Asked by Fanout, the edge answers", trace.second)))
    last = trace.second or trace.decision
    if isinstance(last, Answer) and trace.refusal.encode() not in last.body:
        passes[-1].append(f"The reason, which the client does not get: {trace.refusal}")
    yield from passes


def _decision_lines(intro: str, decision: Decision) -> Iterator[str]:
    match decision:
        case Answer():
            yield from _answer_lines(intro, decision)
        case Publication():
            yield f"Published on {decision.channel}: {decision.messages} {'message' if decision.messages == 1 else 'messages'}"
            yield from _answer_lines(intro, decision.published)
        case ToFanout(backend):
            yield f"Handed off to {backend} through Fanout, with"
            yield from _passing_lines(decision)
        case ToWebSocket(backend):
            yield f"Joined to a WebSocket of {backend}, with"
            yield from _passing_lines(decision)
        case ToBackend(backend, _, response_headers):
            yield f"Forwarded to {backend}, with"
            yield from _passing_lines(decision)
            if decision.cache is not None:
                yield f"Fastly {cache_text(decision.cache)}"
            if response_headers != HeaderRules() or decision.backend_answers:
                yield "Its answer goes to the client, with"
                yield from _rule_lines(response_headers)
            if decision.backend_answers:
                yield "  access-control-* (removed)"
                yield from _rule_lines(HeaderRules(add=decision.cors_headers))


def _answer_lines(intro: str, answer: Answer) -> Iterator[str]:
    yield f"{intro}: {answer.status}"
    yield from _header_lines(answer.headers)
    for line in answer.body.decode(errors="replace").splitlines():
        yield f"  | {line}"


def _passing_lines(passing: NextHop) -> Iterator[str]:
    if passing.uri is not None:
        yield f"  the URI {passing.uri}"
    yield from _rule_lines(passing.headers)


def _rule_lines(rules: HeaderRules) -> Iterator[str]:
    yield from _header_lines(rules.set)
    yield from (f"  {name}: {value.decode('latin-1')} (added)" for name, value in rules.add)
    yield from (f"  {name} (removed)" for name in rules.remove)


def _header_lines(headers: tuple[tuple[str, bytes], ...]) -> Iterator[str]:
    for name, value in headers:
        yield f"  {name}: {value.decode('latin-1')}"
