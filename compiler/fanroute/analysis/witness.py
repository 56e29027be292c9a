"""A request that was found, as `fanroute match` takes it."""

from collections.abc import Collection, Iterable, Iterator
from urllib.parse import quote

from fanroute.analysis.box import Point
from fanroute.analysis.budget import Work
from fanroute.analysis.reachability import MAX_WORK_IN_ALL, Dead, Live, reached
from fanroute.analysis.search import Boxes
from fanroute.diagnostics.shell import word
from fanroute.plan.request import RequestData
from fanroute_runtime.plan import Match, PathFault, Plan

# A byte that is not UTF-8.
BROKEN = "%FF"


def asked(point: Point) -> RequestData:
    """A client's request that matching sees as `point`."""
    path = "".join(f"/{_quoted(segment)}" for segment in point.segments)
    pairs = [f"{_quoted(name)}={_quoted(value)}" for name, value in point.query.items()]
    query = f"?{'&'.join(pairs)}" if pairs else ""
    headers = [(name, value.encode("latin-1")) for name, value in point.headers.items()]
    upgrade = [("upgrade", b"websocket")] if point.websocket else []
    return RequestData(point.method, f"{point.scheme}://{point.host}{path}{query}", (*upgrade, *headers))


def arguments(request: RequestData, further: str = "") -> str:
    """The arguments of `fanroute match` for a request, quoted for a shell; `further` are further options."""
    options = "".join(f" -H {word(name.encode() + b': ' + value)}" for name, value in request.headers) + further
    words = f"{word(request.verb)} {word(request.url)}"
    return f"{options} -- {words}".lstrip() if request.verb.startswith("-") else f"{words}{options}"


def requests_of(matches: Iterable[Match], refused: Collection[PathFault]) -> list[RequestData]:
    """For each match, in order, a request that it gets of what those before it leave; none for one that gets no request.

    Paths with one of the `refused` faults are none's.
    """
    found = reached(Boxes(matches, refused), Work(MAX_WORK_IN_ALL))
    return [asked(reach.witness) for reach in found if isinstance(reach, Live)]


def witnesses(plan: Plan, options: str = "", fanroute: str = "fanroute") -> Iterator[str]:
    """For each route a command that asks for a request it gets; `options` are further ones. Lines for a shell.

    `fanroute` is how a shell calls it.
    """
    boxes = Boxes.of(plan)
    for route, reach in zip(plan.routes, reached(boxes, Work(MAX_WORK_IN_ALL)), strict=True):
        if isinstance(reach, Live):
            yield f"{fanroute} match {arguments(asked(reach.witness), options)}  # {route.name}"
        else:
            yield f"# {route.name}: {'no request gets it' if isinstance(reach, Dead) else 'too much to find out'}"


def _quoted(text: str | None) -> str:
    return BROKEN if text is None else quote(text, safe="")
