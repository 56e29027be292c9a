"""Which request gets a route: regions of requests are tried, and what earlier routes take is cut out of them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property

from fanroute.analysis.box import Box, Dimension, Point, box, meet, minus, point
from fanroute.analysis.budget import Work
from fanroute.analysis.index import Index
from fanroute.analysis.refused import Refusals
from fanroute.analysis.sets import NONE, Hosts, Names, Texts
from fanroute_runtime.match import Test, tests
from fanroute_runtime.plan import Match, PathFault, Plan

# Texts and hosts that routes name, by dimension.
Named = Mapping[Dimension, Names]
# The work of trying and cutting a region, against that of trying a request on a route.
REGION = 10
# Requests that are taken before others can take them, with this one among them; None if it is not taken.
Taken = Callable[[Point], Box | None]
# The requests there are: a WebSocket begins with a GET (RFC 6455, 4.1).
KINDS: tuple[Box, ...] = (box(Match(websocket=False)), box(Match(websocket=True, methods=("GET",))))


class Boxes:
    """Matches in order, by number, as boxes of requests. Requests with one of the `refused` faults in their path get none."""

    def __init__(self, matches: Iterable[Match], refused: Collection[PathFault] = ()) -> None:
        self.matches = tuple(matches)
        self.refusals = Refusals(refused)
        self.boxes: tuple[Box, ...] = tuple(map(box, self.matches))
        self.index = Index(self.matches)
        self._tests: dict[int, tuple[Test, ...]] = {}

    @classmethod
    def of(cls, plan: Plan) -> "Boxes":
        return cls((route.match for route in plan.routes), plan.refused_paths)

    @cached_property
    def named(self) -> Named:
        """The texts and hosts that the boxes name."""
        return _named(self.boxes)

    def is_alone(self, number: int) -> bool:
        """Whether no match with a smaller number has anything to do with one, as is seen at once."""
        return next(self.index.of_box(self.boxes[number], number), None) is None

    def first(self, asked: Point, before: int, work: Work) -> int | None:
        """The first match that a request fits, of those with smaller numbers; by the tests that ship."""
        for number in self.index.of_point(asked):
            if number >= before:
                return None
            work.spend()
            if self.fits(asked, number):
                return number
        return None

    def taking(self, asked: Point, before: int, work: Work) -> Box | None:
        """The box of that match, or one of refused requests."""
        refused = self.refusals.box(asked.segments)
        if refused is not None:
            return refused
        first = self.first(asked, before, work)
        return None if first is None else self.boxes[first]

    def fits(self, asked: Point, number: int) -> bool:
        if number not in self._tests:
            self._tests[number] = tuple(tests(self.matches[number]).values())
        return all(test(asked) for test in self._tests[number])


def _named(boxes: Iterable[Box]) -> Named:
    """The texts and hosts that boxes name, by dimension."""
    found: dict[Dimension, set[str]] = defaultdict(set)
    for each in boxes:
        for dimension, wanted in each.items():
            if isinstance(wanted, Texts):
                found[dimension] |= wanted.values or NONE
            elif isinstance(wanted, Hosts):
                found[dimension] |= wanted.names or NONE
    return {dimension: frozenset(names) for dimension, names in found.items()}


def search(regions: Iterable[Box], taken: Taken, named: Named, work: Work) -> Box | None:
    """A region whose `point` is a request of some regions that is not taken, or None where there is none. Raises TooMuch."""
    left = [*of_kinds(regions)][::-1]
    while left:
        work.spend(REGION)
        region = left.pop()
        asked = point(region, named)
        box = taken(asked)
        if box is None:
            return region
        left += [*minus(region, box)][::-1]
    return None


def of_kinds(regions: Iterable[Box]) -> Iterator[Box]:
    """What some regions have of the requests there are."""
    return (possible for region in regions for kind in KINDS if (possible := meet(region, kind)) is not None)
