"""Checks what Fastly's cache loses by a handoff: FR410. It computes exactly which requests a route gets."""

from collections.abc import Iterator

from fanroute.analysis.box import METHOD, WEBSOCKET, Box, Dimension, Point, intersect
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.analysis.sets import HEADERS, METHODS, NONE, QUERIES, SEGMENTS, UNBOUND, WEBSOCKETS, NonText, Texts, ValueSet
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_index
from fanroute.rules.check import ValidFile, plan_check
from fanroute.syntax.source import Path
from fanroute_runtime.plan import Handoff, Parameter, PathPattern

FR410 = Rule(
    "FR410",
    "note",
    "a handoff takes requests that need no realtime",
    "A request that is handed off goes through Fanout to the backend, and Fastly does not cache the answer. A last route that "
    "hands off everything else is a safe beginning, but then no page or picture is cached. The note is for routes that get GET "
    "or HEAD requests for paths that no route names.",
    START + "routes:\n  - handoff: origin\n",
    "Hand off only the paths that need realtime, as in `match: {path: /live/*}`, and let a last route `forward` the rest.",
)

# The methods whose answers Fastly caches.
_CACHED_METHODS = ("GET", "HEAD")
# By the kind of a dimension: no such header, and no such query parameter.
_ABSENT = {
    "header": Texts(HEADERS, frozenset({NonText.ABSENT}), values=NONE),
    "query": Texts(QUERIES, frozenset({NonText.ABSENT}), values=NONE),
}


@plan_check
def check_uncached_handoffs(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR410: a handoff takes requests for pages and pictures, which Fastly could cache."""
    source, plan, boxes = file.source, file.plan, file.boxes
    handoffs = [(i, route.action) for i, route in enumerate(plan.routes) if isinstance(route.action, Handoff)]
    catch_alls = [(i, action) for i, action in handoffs if _is_any(plan.routes[i].match.path)]
    if not catch_alls:
        return
    budget, pages = Budget(MAX_TOTAL_STEPS), _pages(boxes)
    for number, action in catch_alls:
        if _gets_some(boxes, number, pages, Budget(MAX_STEPS, budget)):
            index = declared_index(plan.routes, number)
            path: Path = ("routes", index, "handoff")
            path = (*path, "backend") if source.has((*path, "backend")) else path
            requests = "everything else of these hosts" if plan.routes[number].match.hosts else "everything else"
            message = f"{requests} is handed off to '{action.backend}', and Fastly does not cache it"
            yield Diagnostic(
                FR410, message, source.value_span(path), "hand off only the paths that need realtime, and 'forward' the rest"
            )


def _is_any(pattern: PathPattern | None) -> bool:
    """Returns True if a pattern has a final `*` and names no text of a segment, or if there is no pattern."""
    if pattern is None:
        return True
    parts = (*pattern.segments, *([pattern.bound_rest] if pattern.bound_rest else []))
    return pattern.rest and all(isinstance(part, Parameter) and not part.pattern for part in parts)


def _gets_some(boxes: Boxes, number: int, requests: Box, budget: Budget) -> bool:
    """Returns True if a route gets some of the requests, and False if it would take too much to find out."""
    region = intersect(boxes.boxes[number], requests)

    def taken(request: Point) -> Box | None:
        return boxes.taken_box(request, number, budget)

    try:
        return region is not None and find_untaken([region], taken, boxes.named, budget) is not None
    except BudgetExceeded:
        return False


def _pages(boxes: Boxes) -> Box:
    """Returns the requests for pages and pictures.

    Their paths are named by no route, and they have no header or query parameter that a route names.
    """
    found: dict[Dimension, ValueSet] = {METHOD: Texts.of(METHODS, _CACHED_METHODS), WEBSOCKET: Texts.of(WEBSOCKETS, ("no",))}
    for dimension, names in boxes.named.items():
        if dimension[0] == "segment":
            found[dimension] = Texts(SEGMENTS, excluded=UNBOUND | names)
        elif dimension[0] in _ABSENT:
            found[dimension] = _ABSENT[dimension[0]]
    return found
