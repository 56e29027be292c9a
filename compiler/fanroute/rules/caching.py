"""What Fastly's cache loses by a handoff: found exactly, as routes that get no request are."""

from collections.abc import Iterator

from fanroute.analysis.box import METHOD, UNBOUND, WEBSOCKET, Box, Dimension, Point, intersect
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.analysis.sets import HEADERS, METHODS, NONE, QUERIES, SEGMENTS, WEBSOCKETS, NonText, Texts, ValueSet
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
    "header": Texts(HEADERS, frozenset({NonText.ABSENT}), values=NONE),
    "query": Texts(QUERIES, frozenset({NonText.ABSENT}), values=NONE),
}


def handoffs_are_not_cached(source: Source, plan: Plan, boxes: Boxes) -> Iterator[Diagnostic]:
    """FR410"""
    handoffs = [(i, route.action) for i, route in enumerate(plan.routes) if isinstance(route.action, Handoff)]
    catch_alls = [(i, action) for i, action in handoffs if _is_any(plan.routes[i].match.path)]
    if not catch_alls:
        return
    budget, pages = Budget(MAX_TOTAL_STEPS), _pages(boxes)
    for number, action in catch_alls:
        if _gets_some(boxes, number, pages, Budget(MAX_STEPS, budget)):
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


def _gets_some(boxes: Boxes, number: int, wanted: Box, budget: Budget) -> bool:
    """Whether a route gets some of the requests that are wanted; not where that would take too much to find out."""
    region = intersect(boxes.boxes[number], wanted)

    def taken(point: Point) -> Box | None:
        return boxes.taken_box(point, number, budget)

    try:
        return region is not None and find_untaken([region], taken, boxes.named, budget) is not None
    except BudgetExceeded:
        return False


def _pages(boxes: Boxes) -> Box:
    """The requests for pages and pictures: for paths that no route names, with no header and parameter that one does."""
    found: dict[Dimension, ValueSet] = {METHOD: Texts.of(METHODS, CACHED_METHODS), WEBSOCKET: Texts.of(WEBSOCKETS, ("no",))}
    for dimension, names in boxes.named.items():
        if dimension[0] == "segment":
            found[dimension] = Texts(SEGMENTS, excluded=UNBOUND | names)
        elif dimension[0] in _ABSENT:
            found[dimension] = _ABSENT[dimension[0]]
    return found
