"""Writes a request that the analysis found as the arguments of `fanroute match`."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import quote

from fanroute.analysis.box import Point
from fanroute.analysis.budget import Budget
from fanroute.analysis.reachability import MAX_TOTAL_STEPS, Reachability, Reachable, Unreachable, reachability_of
from fanroute.analysis.search import Boxes
from fanroute.diagnostics.shell import shell_word
from fanroute.plan.describe import path_texts
from fanroute.plan.request import CLIENT_ADDRESS, UNKNOWN_ADDRESS, RequestData
from fanroute_runtime.plan import Match, PathFault, Plan, Route

# A percent-encoded byte that is not UTF-8.
BROKEN = "%FF"


def request_of(point: Point) -> RequestData:
    """Returns a client's request that matching sees as `point`."""
    path = "".join(f"/{_quoted(segment)}" for segment in point.segments)
    pairs = [f"{_quoted(name)}={_quoted(value)}" for name, value in point.query.items()]
    query = f"?{'&'.join(pairs)}" if pairs else ""
    headers = [(name, value.encode("latin-1")) for name, value in point.headers.items()]
    upgrade = [("upgrade", b"websocket")] if point.websocket else []
    return RequestData(point.method, f"{point.scheme}://{point.host}{path}{query}", (*upgrade, *headers), address=point.address)


def match_arguments(request: RequestData, more_options: str = "") -> str:
    """Returns the arguments of `fanroute match` for a request, quoted for a shell. `more_options` begin with a space."""
    options = "".join(f" -H {shell_word(name.encode() + b': ' + value)}" for name, value in request.headers)
    if request.address != CLIENT_ADDRESS:
        options += f" --client-ip {request.address or UNKNOWN_ADDRESS}"
    options += more_options
    words = f"{shell_word(request.verb)} {shell_word(request.url)}"
    return f"{options} -- {words}".lstrip() if request.verb.startswith("-") else f"{words}{options}"


def requests_of(matches: Iterable[Match], refused: Collection[PathFault]) -> list[RequestData]:
    """Returns for each match, in order, a request that fits it and no earlier one. A match that gets no request has none.

    Requests whose path has one of the `refused` faults reach no match.
    """
    found = reachability_of(Boxes(matches, refused), Budget(MAX_TOTAL_STEPS))
    return [request_of(each.witness) for each in found if isinstance(each, Reachable)]


def reachable_routes(plan: Plan) -> Iterator[tuple[Route, Reachability]]:
    """Yields each route with the result of the search for a request that it gets, in bounded time for all of them."""
    yield from zip(plan.routes, reachability_of(Boxes.of(plan), Budget(MAX_TOTAL_STEPS)), strict=True)


def witness_commands(plan: Plan, options: str = "", fanroute: str = "fanroute") -> Iterator[str]:
    """Yields for each route a shell command that traces a request which the route gets, or a comment if there is none.

    `options` are added to each command, and `fanroute` is how the shell calls it.
    """
    found_for = [*reachable_routes(plan)]
    paths = Counter(route.name for route, _ in found_for)
    for route, found in found_for:
        # A route with several paths is there once for each of them.
        name = f"{route.name}, {next(path_texts(route.match.path))}" if paths[route.name] > 1 and route.match.path else route.name
        if isinstance(found, Reachable):
            yield f"{fanroute} match {match_arguments(request_of(found.witness), options)}  # {name}"
        else:
            reason = "no request reaches it" if isinstance(found, Unreachable) else "the search for a request took too long"
            yield f"# {name}: {reason}"


def _quoted(text: str | None) -> str:
    return BROKEN if text is None else quote(text, safe="")
