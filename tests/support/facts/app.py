"""Defines the component: a Plan, a handler that answers with facts, and a decider that can pass requests on with another URI."""

from dataclasses import replace

from fanroute_runtime.compute import edge
from fanroute_runtime.decide import Decider
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Answer, Binding, Decision, Request, ToBackend, ToFanout, ToWebSocket, text_answer
from fanroute_runtime.plan import Forward, Handoff, Match, PathPattern, Plan, Respond, Route, Tunnel

PASSING = {"handoff": Handoff("origin"), "forward": Forward("origin"), "tunnel": Tunnel("origin")}
ROUTES = [Route(name, Match(path=PathPattern((name,))), action) for name, action in PASSING.items()]
PLAN = Plan("facts", (*ROUTES, Route("fact", Match(), Respond(200, (), b""))))


def fact(action: Respond, request: Request, bound: Binding) -> Answer:
    """Answers with the fact in the path: `/now`, `/service-id`, `/config/STORE/NAME` or `/secret/STORE/NAME`. Otherwise 404."""
    _, path, _ = split_uri(request.uri())
    match path.split("/")[1:]:
        case ["now"]:
            found = str(request.now())
        case ["service-id"]:
            found = request.service_id()
        case ["config", store, name]:
            found = request.config(store, name)
        case ["secret", store, name]:
            found = request.secret(store, name)
        case _:
            found = None
    if found is None:
        return text_answer(404, "none")
    return Answer(200, (), found if isinstance(found, bytes) else found.encode())


class Elsewhere(Decider):
    """Passes the request on with the URI of its header X-Uri."""

    def decide(self, request: Request) -> Decision:
        decision = super().decide(request)
        uri = request.header("x-uri")
        if uri is None or not isinstance(decision, ToFanout | ToBackend | ToWebSocket):
            return decision
        return replace(decision, uri=uri.decode())


HttpIncoming, Decisions = edge.classes_of(edge.Server(Elsewhere(PLAN, {Respond: fact}), PLAN.sandbox))
