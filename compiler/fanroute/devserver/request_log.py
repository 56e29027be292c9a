"""Completes the lines of a local edge's log: says why a route does not match, and hides tokens. Pure."""

import re
from collections.abc import Callable, Mapping

from fanroute.devserver.config import Stores
from fanroute.plan.describe import match_text
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Trace, Tracer
from fanroute_runtime.plan import Match, Plan

# A request in a line of a local edge's log: its method, its host, and its target.
_REQUEST = re.compile(r"\b([A-Z]+) (?:http://)?([^/\s]+)(/\S*)")


def host_mismatch(trace: Trace, plan: Plan) -> str:
    """Names the first route that a request does not match only because of its host. Returns "" if there is none."""
    for step, route in zip(trace.steps, plan.routes, strict=False):
        if step.mismatches == ("host",):
            hosts = match_text(Match(hosts=route.match.hosts))
            return f"only the host does not match: the route '{route.name}' is for {hosts}"
    return ""


def make_explainer(tracer: Tracer, hosts: Mapping[str, str]) -> Callable[[str], str]:
    """Returns a function that adds the result of `host_mismatch` to a line of the log.

    The line has only the request's method, host and target. So a condition on a header counts as if the header were missing.

    Args:
        tracer: for the Plan that the edge serves.
        hosts: the entries of the local store that `host_entries` returns.
    """
    stores = Stores().with_local_store(hosts).config

    def explain(line: str) -> str:
        found = _REQUEST.search(line)
        if found is None:
            return line
        method, host, target = found.groups()
        mismatch = host_mismatch(tracer.trace(RequestData(method, f"http://{host}{target}", configs=stores)), tracer.plan)
        return f"{line} ({mismatch})" if mismatch else line

    return explain if any(route.match.hosts for route in tracer.plan.routes) else lambda line: line


def token_parameters(plan: Plan) -> list[str]:
    """Returns the names of the query parameters in which a Plan's routes accept tokens."""
    auths = {route.auth for route in plan.routes if route.auth}
    return sorted({place.name for auth in auths for place in auth.places if place.kind == "query"})


def make_redactor(plan: Plan) -> Callable[[str], str]:
    """Returns a function that replaces the tokens in the queries of a text by `…`, however their parameters are spelt."""
    names = token_parameters(plan)
    if not names:
        return lambda text: text
    pattern = re.compile(rf"([?&](?:{'|'.join(map(_name_pattern, names))})=)[^&#\s\"]*")
    return lambda text: pattern.sub(r"\1…", text)


def _name_pattern(name: str) -> str:
    """Returns a pattern for all spellings of a parameter's name: characters can be percent-encoded, and a space can be `+`."""
    return "".join(map(_character_pattern, name))


def _character_pattern(character: str) -> str:
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    return f"(?:{re.escape('+' if character == ' ' else character)}|(?i:{encoded}))"
