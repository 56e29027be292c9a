"""Decides which host `localhost` and the like stand for on a local edge, so that its URLs work in a browser. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping

from fanroute.devserver.config import Stores
from fanroute.plan.describe import match_text
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Trace, Tracer
from fanroute_runtime.local import LOCAL_NAMES, host_entry
from fanroute_runtime.plan import Match, Plan, Route

# A request in a line of a local edge's log: its method, its host, and its target.
_REQUEST = re.compile(r"\b([A-Z]+) (?:http://)?([^/\s]+)(/\S*)")


def host_entries(routes: Iterable[Route], host: str) -> dict[str, str]:
    """Returns the entries of the local store by which local names stand for a host.

    `host` is a host, or a scheme and a host; "" if there is none. A name that a route matches itself gets no entry.
    """
    named = {name for route in routes for name in route.match.hosts}
    return {host_entry(name): host for name in sorted(LOCAL_NAMES - named) if host}


def kept_by_host(trace: Trace, plan: Plan) -> str:
    """Names the first route that a request fails to match only because of its host; "" if there is none."""
    for step, route in zip(trace.steps, plan.routes, strict=False):
        if step.mismatches == ("host",):
            hosts = match_text(Match(hosts=route.match.hosts))
            return f"only its host keeps it from the route '{route.name}', which is for {hosts}"
    return ""


def explaining(tracer: Tracer, hosts: Mapping[str, str]) -> Callable[[str], str]:
    """Returns a function that adds the result of `kept_by_host` to a line of a local edge's log.

    The line has only the request's method, host and target, so header conditions count as if no header were there.
    """
    stores = Stores().with_local(hosts).config

    def explained(line: str) -> str:
        found = _REQUEST.search(line)
        if found is None:
            return line
        method, host, target = found.groups()
        kept = kept_by_host(tracer.trace(RequestData(method, f"http://{host}{target}", configs=stores)), tracer.plan)
        return f"{line} ({kept})" if kept else line

    return explained if any(route.match.hosts for route in tracer.plan.routes) else lambda line: line
