"""Finds for each route a request that reaches it, or the earlier routes that take all of its requests."""

from collections.abc import Iterator
from dataclasses import dataclass

from fanroute.analysis.box import METHOD, PATH, WEBSOCKET, Box, Dimension, Point, contradiction, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.search import Boxes, find_untaken, possible_regions

# The most steps for one route, and for all of them.
MAX_STEPS, MAX_TOTAL_STEPS = 200_000, 2_000_000


@dataclass(frozen=True, slots=True)
class Reachable:
    """Says that the route gets requests of a region, such as its `witness`. If it is `alone`, no earlier route overlaps it."""

    region: Box
    boxes: Boxes
    alone: bool = False

    @property
    def witness(self) -> Point:
        """Returns a request that the route gets."""
        return sample_point(next(possible_regions([self.region])), self.boxes.named)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Says that the route gets no request.

    The routes `covering`, by number, take all requests that its match fits. If there are none, no request satisfies the match in
    the dimensions `impossible`. PATH stands there for paths that are refused.
    """

    covering: tuple[int, ...] = ()
    impossible: tuple[Dimension, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Says that the search took too many steps."""


Reachability = Reachable | Unreachable | Unknown


def reachability_of(boxes: Boxes, budget: Budget) -> Iterator[Reachability]:
    """Yields the reachability of each route, in order."""
    for number in range(len(boxes.boxes)):
        try:
            yield _reachability(boxes, number, Budget(MAX_STEPS, budget))
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            yield Unknown()


def _reachability(boxes: Boxes, number: int, budget: Budget) -> Reachability:
    own = boxes.boxes[number]
    impossible = tuple(dimension for dimension, values in own.items() if values.is_empty)
    if not impossible and (contradictory := contradiction(own)):
        impossible = (contradictory,)
    if impossible:
        return Unreachable(impossible=impossible)
    alone = boxes.is_alone(number, budget)
    if (
        alone
        and not boxes.refusals.may_refuse(boxes.matches[number].path)
        and (WEBSOCKET not in own or any(possible_regions([own])))
    ):
        return Reachable(own, boxes, alone)
    covering: set[int] = set()
    refused = False

    def taken(point: Point) -> Box | None:
        nonlocal refused
        refusal = boxes.refusals.box(point.segments)
        if refusal is not None:
            refused = True
            return refusal
        first = boxes.first_match(point, number, budget)
        if first is None:
            return None
        covering.add(first)
        return boxes.boxes[first]

    found = find_untaken([own], taken, boxes.named, budget)
    if found is None and not covering:
        return Unreachable(impossible=(PATH if refused else METHOD,))
    return Unreachable(_without_spare(boxes, own, sorted(covering), budget)) if found is None else Reachable(found, boxes, alone)


def _without_spare(boxes: Boxes, own: Box, covering: list[int], budget: Budget) -> tuple[int, ...]:
    """Returns the routes that cover a box together, without those that are not needed, as far as the budget allows."""
    budget = Budget(MAX_STEPS // 10, budget)
    needed = covering

    def taken(point: Point) -> Box | None:
        budget.spend(len(others))
        refusal = boxes.refusals.box(point.segments)
        return refusal or next((boxes.boxes[number] for number in others if boxes.fits(point, number)), None)

    try:
        for spare in covering:
            others = [number for number in needed if number != spare]
            if find_untaken([own], taken, boxes.named, budget) is None:
                needed = others
    except BudgetExceeded:
        pass
    return tuple(needed)
