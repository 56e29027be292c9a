"""What the component is made of: a handler that tells how many requests its sandbox has had, unless the path says otherwise."""

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
    """The request's number: after `/keep` with 40 MiB more in use; `/raise` has an exception, `/trap` a trap."""
    found = next(NUMBERS)
    match split_uri(request.uri())[1]:
        case "/keep":
            KEPT.append(bytes(40 << 20))
        case "/raise":
            raise RuntimeError("a bug")
        case "/trap":
            os.abort()
    return Answer(200, (), b"%d" % found)


HttpIncoming = edge.handler_class(Decider(PLAN, {Respond: number}), PLAN.sandbox)
