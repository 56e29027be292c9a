"""Which requests get another answer by one file than by another."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from fanroute.analysis.answer import Answer, answer, bound_by
from fanroute.analysis.box import Box, Dimension, Point, at, meet, minus, point
from fanroute.analysis.budget import TooMuch, Work
from fanroute.analysis.reachability import MAX_WORK
from fanroute.analysis.refused import Refusals
from fanroute.analysis.search import Boxes, search
from fanroute.plan.backend import Backend
from fanroute_runtime.plan import Forward, Plan, Route

# Most work for a comparison.
MAX_WORK_IN_ALL = 10_000_000


class Side:
    """One of two files: its routes and their answers, by number. The number after the last route stands for no route.

    The one after that stands for requests that are refused because of their path.
    """

    def __init__(self, plan: Plan, backends: tuple[Backend, ...]) -> None:
        self.boxes = Boxes.of(plan)
        self.routes: tuple[Route | None, ...] = (*plan.routes, None, None)
        self.refused = len(plan.routes) + 1
        self._refusals = frozenset(plan.refused_paths)
        self._backends = {backend.name: _address(backend) for backend in backends}
        self._fallbacks = {fallback.backend: replace(fallback, backend="") for fallback in plan.fallbacks}
        self.answers = [self.answer(number) for number in range(len(self.routes))]

    def answer(self, number: int, asked: Point | None = None) -> Answer:
        """What a route answers (`answer.answer`)."""
        route = self.routes[number]
        if route is None:
            return {"kind": "refused" if number == self.refused else "no route"}
        fallback = self._fallbacks.get(route.action.backend) if isinstance(route.action, Forward) else None
        return {**answer(route, self._backends, asked), "fallback": fallback}

    def box(self, number: int) -> Box:
        return self.boxes.boxes[number] if self.routes[number] else {}

    def near(self, box: Box) -> list[int]:
        """The numbers that may have requests of a box."""
        return [*sorted(self.boxes.index.of_box(box, self.refused - 1)), self.refused - 1, self.refused]

    def refused_only_here(self, other: "Side") -> list[Box]:
        """Requests that this file refuses because of their path, and the other one does not: some of each kind."""
        paths = (match.path for side in (self, other) for match in side.boxes.matches)
        depth = 1 + max((len(path.segments) for path in paths if path), default=0)
        return [*Refusals(self._refusals - other._refusals).boxes(depth)]

    def taking(self, asked: Point, number: int, work: Work) -> Box | None:
        """Requests that get another number than one whose region this request is of; None if this one gets that number."""
        return None if number == self.refused else self.boxes.taking(asked, number, work)

    def bound_by(self, number: int) -> set[Dimension]:
        """The dimensions of a request that a route's answer depends on."""
        route = self.routes[number]
        return bound_by(route) if route else set()


@dataclass(frozen=True, slots=True)
class Change:
    """A request that got the old route of one number and gets the new one of another, with another answer.

    It is None where it would take too much to find out whether there is one.
    """

    old: int
    new: int
    request: Point | None


def changes(old: Side, new: Side) -> Iterator[Change]:
    """A change for each pair of an old and a new route that answer a request differently."""
    work = Work(MAX_WORK_IN_ALL)
    refused_by_old, refused_by_new = old.refused_only_here(new), new.refused_only_here(old)
    for one in range(len(old.routes)):
        for other in new.near(old.box(one)):
            if old.answers[one] == new.answers[other]:
                continue
            boxes = [old.box(one)] if one != old.refused else refused_by_old
            others = [new.box(other)] if other != new.refused else refused_by_new
            regions = [shared for box in boxes for further in others if (shared := meet(box, further)) is not None]
            try:
                found = _changed(old, one, new, other, regions, Work(MAX_WORK, work))
            except TooMuch:
                work.give_up(MAX_WORK)
                yield Change(one, other, None)
                if work.left < 0:
                    return
            else:
                if found is not None:
                    yield Change(one, other, found)


def _changed(old: Side, one: int, new: Side, other: int, regions: list[Box], work: Work) -> Point | None:
    """A request of the regions that gets one route by the old file, another by the new one, and different answers.

    Raises TooMuch.
    """

    def taken(asked: Point) -> Box | None:
        box = old.taking(asked, one, work)
        return new.taking(asked, other, work) if box is None else box

    named = {**old.boxes.named, **new.boxes.named}
    while (found := search(regions, taken, named, work)) is not None:
        asked = point(found, named)
        if old.answer(one, asked) != new.answer(other, asked):
            return asked
        # With what they take from this request the answers happen to be the same.
        same = {dimension: at(asked, dimension) for dimension in sorted(old.bound_by(one) | new.bound_by(other))}
        regions = [rest for region in regions for rest in minus(region, same)]
    return None


def _address(backend: Backend) -> Any:
    """What a backend is, whatever it is called, and wherever it is while one develops."""
    if backend.loopback:
        return "loopback"
    return {field.name: getattr(backend, field.name) for field in fields(backend) if field.name not in ("name", "local")}
