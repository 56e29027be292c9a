"""Checks what shares its path with `health`: FR490."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.health import route_of_health
from fanroute.plan.routes import HEALTH, declared_index, is_generated
from fanroute.rules.check import ValidFile, plan_check

FR490 = Rule(
    "FR490",
    "warning",
    "the answer of `health` takes requests from a route with the same path",
    "The edge answers GET and HEAD at the path of `health` itself, before it tries any route. A route for this path gets only "
    "other requests. If it has no others, FR301 reports it.",
    START + "health: /status\nroutes:\n  - match: {path: /status}\n    handoff: origin\n",
    "Choose another path for `health`, one that no route names, such as `/-/healthz`.",
)


@plan_check
def check_health(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR490: a route for the path of `health` gets only some of its requests."""
    health = route_of_health(file.plan)
    if health is None:
        return
    taken = set(health.match.methods)
    for number, route in enumerate(file.plan.routes):
        methods = set(route.match.methods)
        shares = not methods or bool(methods & taken)
        if is_generated(route) or route.match.path != health.match.path or not shares or (methods and methods <= taken):
            continue
        path = ("routes", declared_index(file.plan.routes, number), "match", "path")
        note = Note("the path of 'health'", file.source.value_span((HEALTH,)))
        message = f"'{HEALTH}' takes the GET and HEAD requests of the route '{route.name}'"
        yield Diagnostic(FR490, message, file.source.value_span(path), "choose another path for 'health'", (note,))
