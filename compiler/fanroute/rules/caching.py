"""What Fastly's cache loses by a handoff: found exactly, as routes that get no request are."""

from collections.abc import Iterator

from fanroute.analysis.box import METHOD, UNBOUND, WEBSOCKET, Box, Dimension, Point, meet
from fanroute.analysis.budget import TooMuch, Work
from fanroute.analysis.reachability import MAX_WORK, MAX_WORK_IN_ALL
from fanroute.analysis.search import Boxes, search
from fanroute.analysis.sets import HEADERS, METHODS, NONE, QUERIES, SEGMENTS, WEBSOCKETS, Other, Set, Texts
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import is_declared
from fanroute.syntax.source import Path, Source
from fanroute_runtime.plan import Handoff, Parameter, PathPattern, Plan

FR410 = Rule(
    "FR410",
    "note",
    "requests that need no realtime are forwarded",
    "A request that is handed off goes through Fanout to the backend, and Fastly does not cache the answer. A last route "
    "that hands off everything else is a safe beginning, but no page or picture is cached then. The note is for routes "
    "that get GET or HEAD requests for paths that no route names.",
    START + "routes:\n  - handoff: origin\n",
    "Say what the backend may hold, as in `match: {path: /live/*}`, and let a last route `forward` the rest.",
)


# The methods whose answers Fastly caches.
CACHED_METHODS = ("GET", "HEAD")
# No header, and no query parameter.
_ABSENT = {
    "header": Texts(HEADERS, frozenset({Other.ABSENT}), values=NONE),
    "query": Texts(QUERIES, frozenset({Other.ABSENT}), values=NONE),
}


def handoffs_are_not_cached(source: Source, plan: Plan, boxes: Boxes) -> Iterator[Diagnostic]:
    """FR410"""
    handoffs = [(i, route.action) for i, route in enumerate(plan.routes) if isinstance(route.action, Handoff)]
    catch_alls = [(i, action) for i, action in handoffs if _is_any(plan.routes[i].match.path)]
    if not catch_alls:
        return
    work, pages = Work(MAX_WORK_IN_ALL), _pages(boxes)
    for number, action in catch_alls:
        if _gets_some(boxes, number, pages, Work(MAX_WORK, work)):
            written = sum(map(is_declared, plan.routes[:number]))
            path: Path = ("routes", written, "handoff")
            path = (*path, "backend") if source.has((*path, "backend")) else path
            what = "everything else of these hosts" if plan.routes[number].match.hosts else "everything else"
            message = f"{what} is handed off to '{action.backend}', and Fastly caches nothing of it"
            yield Diagnostic(FR410, message, source.value_span(path), "hand off what may be held, and 'forward' the rest")


def _is_any(path: PathPattern | None) -> bool:
    """Whether a pattern is for paths whatever their names are."""
    if path is None:
        return True
    return path.rest and all(isinstance(segment, Parameter) and not segment.pattern for segment in path.segments)


def _gets_some(boxes: Boxes, number: int, wanted: Box, work: Work) -> bool:
    """Whether a route gets some of the requests that are wanted; not where that would take too much to find out."""
    region = meet(boxes.boxes[number], wanted)

    def taken(asked: Point) -> Box | None:
        return boxes.taking(asked, number, work)

    try:
        return region is not None and search([region], taken, boxes.named, work) is not None
    except TooMuch:
        return False


def _pages(boxes: Boxes) -> Box:
    """The requests for pages and pictures: for paths that no route names, with no header and parameter that one does."""
    found: dict[Dimension, Set] = {METHOD: Texts.of(METHODS, CACHED_METHODS), WEBSOCKET: Texts.of(WEBSOCKETS, ("no",))}
    for dimension, names in boxes.named.items():
        if dimension[0] == "segment":
            found[dimension] = Texts(SEGMENTS, without=UNBOUND | names)
        elif dimension[0] in _ABSENT:
            found[dimension] = _ABSENT[dimension[0]]
    return found
