"""Searches regions of requests for one that no earlier route takes. What earlier routes take is cut out of the regions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property

from fanroute.analysis.box import Box, Dimension, Point, box_of, intersect, sample_point, subtract
from fanroute.analysis.budget import Budget
from fanroute.analysis.index import Index
from fanroute.analysis.refused import Refusals
from fanroute.analysis.sets import NONE, Hosts, Names, Texts
from fanroute_runtime.matching.predicates import Predicate, match_predicates
from fanroute_runtime.plan import Match, PathFault, Plan

# The texts and hosts that routes name, by dimension.
NamedValues = Mapping[Dimension, Names]
# The steps of testing and cutting a region; testing a request on a route is one step.
REGION_STEPS = 10
# Returns a box of requests that are taken and that include this one, or None if this one is not taken.
TakenBox = Callable[[Point], Box | None]
# All requests are in these boxes: a WebSocket begins with a GET (RFC 6455, 4.1).
_POSSIBLE: tuple[Box, ...] = (box_of(Match(websocket=False)), box_of(Match(websocket=True, methods=("GET",))))


class Boxes:
    """Holds the box of each match, by number. No match gets a request whose path has one of the `refused` faults."""

    def __init__(self, matches: Iterable[Match], refused: Collection[PathFault] = ()) -> None:
        self.matches = tuple(matches)
        self.refusals = Refusals(refused)
        self.boxes: tuple[Box, ...] = tuple(map(box_of, self.matches))
        self.index = Index(dict(enumerate(self.matches)))
        self._tests: dict[int, tuple[Predicate, ...]] = {}

    @classmethod
    def of(cls, plan: Plan) -> "Boxes":
        return cls((route.match for route in plan.routes), plan.refused_paths)

    @cached_property
    def named(self) -> NamedValues:
        """Returns the texts and hosts that the boxes name."""
        return _named_values(self.boxes)

    def is_alone(self, number: int, budget: Budget) -> bool:
        """Returns True if the index shows that no earlier match overlaps this one. Raises BudgetExceeded."""
        return next(self.index.of_box(self.boxes[number], number, budget), None) is None

    def first_match(self, point: Point, before: int, budget: Budget) -> int | None:
        """Returns the number of the first match below `before` that a request fits, or None. Uses the tests that ship."""
        for number in self.index.of_point(point, before, budget):
            budget.spend()
            if self.fits(point, number):
                return number
        return None

    def taken_box(self, point: Point, before: int, budget: Budget) -> Box | None:
        """Returns the box of the first match below `before` that a request fits, or a box of refused requests, or None."""
        refused = self.refusals.box(point.segments)
        if refused is not None:
            return refused
        first = self.first_match(point, before, budget)
        return None if first is None else self.boxes[first]

    def fits(self, point: Point, number: int) -> bool:
        """Returns True if a request fits a match. Uses the tests that ship."""
        if number not in self._tests:
            self._tests[number] = tuple(match_predicates(self.matches[number]).values())
        return all(test(point) for test in self._tests[number])


def _named_values(boxes: Iterable[Box]) -> NamedValues:
    found: dict[Dimension, set[str]] = defaultdict(set)
    for each in boxes:
        for dimension, values in each.items():
            if isinstance(values, Texts):
                found[dimension] |= values.values or NONE
            elif isinstance(values, Hosts):
                found[dimension] |= values.names or NONE
    return {dimension: frozenset(names) for dimension, names in found.items()}


def find_untaken(regions: Iterable[Box], taken: TakenBox, named: NamedValues, budget: Budget) -> Box | None:
    """Searches the regions for one whose `sample_point` is not taken. Returns that region, or None if every request is taken.

    Raises BudgetExceeded.
    """
    left = [*possible_regions(regions)][::-1]
    while left:
        budget.spend(REGION_STEPS)
        region = left.pop()
        box = taken(sample_point(region, named))
        if box is None:
            return region
        left += [*subtract(region, box)][::-1]
    return None


def possible_regions(regions: Iterable[Box]) -> Iterator[Box]:
    """Yields the regions without the requests that cannot exist, such as a WebSocket that begins with a POST."""
    return (possible for region in regions for kind in _POSSIBLE if (possible := intersect(region, kind)) is not None)
