"""Finds the requests that two files answer differently."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

from fanroute.analysis.answer import Answer, KnownPaths, answer_of, dimensions_used, known_paths
from fanroute.analysis.box import Box, Dimension, Point, box_of_values, intersect, sample_point, subtract
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS
from fanroute.analysis.refused import Refusals
from fanroute.analysis.search import Boxes, find_untaken
from fanroute.plan.backend import Backend
from fanroute.plan.health import without_health_answer
from fanroute_runtime.plan import Forward, Plan, Route

# The most steps for one comparison.
MAX_TOTAL_STEPS = 10_000_000


class Side:
    """Represents one of the two files: its routes and their answers, by number.

    Two numbers follow those of the routes: the first for requests that no route takes, the second, `refused`, for requests that
    are refused because of their path.
    """

    def __init__(self, plan: Plan, backends: tuple[Backend, ...]) -> None:
        plan = without_health_answer(plan)  # it differs whenever another answer does
        self.boxes = Boxes.of(plan)
        self.routes: tuple[Route | None, ...] = (*plan.routes, None, None)
        self.refused = len(plan.routes) + 1
        self._refusals = frozenset(plan.refused_paths)
        self._backends = {backend.name: _production_address(backend) for backend in backends}
        self._fallbacks = {fallback.backend: replace(fallback, backend="") for fallback in plan.fallbacks}
        self.answers = [self.answer(number) for number in range(len(self.routes))]

    def answer(self, number: int, point: Point | None = None, known: KnownPaths | None = None) -> Answer:
        """Returns what a route answers (`answer.answer_of`)."""
        route = self.routes[number]
        if route is None:
            return {"kind": "refused" if number == self.refused else "no route"}
        fallback = self._fallbacks.get(route.action.backend) if isinstance(route.action, Forward) else None
        return {**answer_of(route, self._backends, point, known, self._refusals), "fallback": fallback}

    def box(self, number: int) -> Box:
        """Returns the box of a route. No route and `refused` have the box of all requests."""
        return self.boxes.boxes[number] if self.routes[number] else {}

    def overlapping(self, box: Box, budget: Budget) -> list[int]:
        """Returns the numbers that may get requests of a box: all numbers, if it would take too many steps to find fewer."""
        routes = self.refused - 1
        try:
            return [*self.boxes.index.of_box(box, routes, budget), routes, self.refused]
        except BudgetExceeded:
            return [*range(self.refused + 1)]

    def refused_only_here(self, other: "Side") -> list[Box]:
        """Returns boxes of requests that this file refuses because of their path and the other does not, some of each kind."""
        paths = (match.path for side in (self, other) for match in side.boxes.matches)
        depth = 1 + max((len(path.segments) for path in paths if path), default=0)
        return [*Refusals(self._refusals - other._refusals).boxes(depth)]

    def taken_box(self, point: Point, number: int, budget: Budget) -> Box | None:
        """Returns a box of requests that something before `number` takes, and that includes this request.

        Returns None if the request gets `number`. The request must be in the box of that number.
        """
        return None if number == self.refused else self.boxes.taken_box(point, number, budget)

    def dimensions_used(self, number: int) -> set[Dimension]:
        """Returns the dimensions of a request on which an answer depends."""
        route = self.routes[number]
        return dimensions_used(route) if route else set()


@dataclass(frozen=True, slots=True)
class Change:
    """Represents a change of answers: requests that got the number `old` in one file get `new` in the other.

    `request` is one of them, or None if the search took too many steps to find one or to rule it out.
    """

    old: int
    new: int
    request: Point | None


def find_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yields a change for each pair of an old and a new route that answer some request differently."""
    budget = Budget(MAX_TOTAL_STEPS)
    refused_by_old, refused_by_new = old.refused_only_here(new), new.refused_only_here(old)
    for one in range(len(old.routes)):
        for other in new.overlapping(old.box(one), budget):
            if old.answers[one] == new.answers[other]:
                continue
            boxes = [old.box(one)] if one != old.refused else refused_by_old
            others = [new.box(other)] if other != new.refused else refused_by_new
            try:
                shared = [region for pair in product(boxes, others) if (region := intersect(*pair)) is not None]
                regions = [region for region in shared if not _is_same_answer(old, one, new, other, region)]
                found = _find_change(old, one, new, other, regions, Budget(MAX_STEPS, budget))
            except BudgetExceeded:
                budget.charge(MAX_STEPS)
                yield Change(one, other, None)
                if budget.left < 0:
                    return
            else:
                if found is not None:
                    yield Change(one, other, found)


def _is_same_answer(old: Side, one: int, new: Side, other: int, region: Box) -> bool:
    """Returns True if it is clear that both files answer all requests of a region alike, by what is known of their paths."""
    known = known_paths(region)
    return old.answer(one, known=known) == new.answer(other, known=known)


def _find_change(old: Side, one: int, new: Side, other: int, regions: list[Box], budget: Budget) -> Point | None:
    """Returns a request of the regions that gets `one` in the old file and `other` in the new one, with different answers.

    Raises BudgetExceeded.
    """

    def taken(point: Point) -> Box | None:
        box = old.taken_box(point, one, budget)
        return new.taken_box(point, other, budget) if box is None else box

    named = {**old.boxes.named, **new.boxes.named}
    while (found := find_untaken(regions, taken, named, budget)) is not None:
        point = sample_point(found, named)
        if old.answer(one, point) != new.answer(other, point):
            return point
        # The answers happen to be equal for the values of this request. Requests with the same values need no further look.
        used = sorted(old.dimensions_used(one) | new.dimensions_used(other))
        same = box_of_values(point, used)
        regions = [rest for region in regions for rest in subtract(region, same)]
    return None


def _production_address(backend: Backend) -> Any:
    """Returns what identifies a backend in production. Its name and its local URL do not matter."""
    if backend.loopback:
        return "loopback"
    return {field.name: getattr(backend, field.name) for field in fields(backend) if field.name not in ("name", "local")}
