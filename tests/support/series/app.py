"""Defines the component: a handler that answers with the number of requests to its sandbox. Some paths make it fail."""

import os
from itertools import count

from fanroute_runtime.compute import edge
from fanroute_runtime.decide import Decider
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Answer, Binding, Request
from fanroute_runtime.plan import Match, Plan, Respond, Route, SandboxLimits

PLAN = Plan("series", (Route("number", Match(), Respond(200, (), b"")),), sandbox=SandboxLimits(1000, 600, 10))
NUMBERS = count(1)
KEPT: list[bytes] = []


def number(action: Respond, request: Request, bound: Binding) -> Answer:
    """Answers with the request's number. `/keep` first takes 40 MiB of memory, `/raise` raises, and `/trap` traps."""
    found = next(NUMBERS)
    match split_uri(request.uri())[1]:
        case "/keep":
            KEPT.append(bytes(40 << 20))
        case "/raise":
            raise RuntimeError("a bug")
        case "/trap":
            os.abort()
    return Answer(200, (), b"%d" % found)


HttpIncoming, Decisions = edge.classes_of(edge.Server(Decider(PLAN, {Respond: number}), PLAN.sandbox))
