"""Holds outlines in a trie, to find those that overlap others."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from fanroute.analysis.budget import Budget
from fanroute.analysis.outline import Characters, Number, Outline, Part


class _Node:
    """Represents the outlines that begin with the parts that lead to this node.

    Attributes:
        first: the smallest number of an outline that goes through this node.
        repeated: the characters of which any number may follow, if the last part has such a number.
        numbers: the numbers of the outlines that end here, in order.
    """

    __slots__ = ("branches", "first", "numbers", "repeated")

    def __init__(self, first: int, repeated: Characters) -> None:
        self.first = first
        self.repeated = repeated
        self.branches: dict[Part, int] = {}
        self.numbers: list[int] = []


class OutlineTrie:
    """Holds numbered outlines in a trie, to find those that overlap others. The numbers must be added in order."""

    # As many visited pairs of places cost one step.
    PLACES_PER_STEP = 8

    def __init__(self) -> None:
        self._nodes = [_Node(0, 0)]

    def add(self, outline: Outline, number: int) -> None:
        """Adds an outline."""
        node = self._nodes[0]
        for part in outline:
            following = node.branches.get(part)
            if following is None:
                following = node.branches[part] = len(self._nodes)
                self._nodes.append(_Node(number, part.characters if part.number is Number.ANY else 0))
            node = self._nodes[following]
        if node.numbers[-1:] != [number]:
            node.numbers.append(number)

    def overlapping(self, outlines: Iterable[Outline], before: int, budget: Budget) -> Iterator[int]:
        """Yields the numbers below `before` whose outlines overlap one of these, in order. Raises BudgetExceeded."""
        # Each place in an outline is paired with the nodes that a common text can reach. The pair whose node has the smallest
        # number comes first, so the numbers are found in order, and no more of the trie is visited than the caller needs.
        wanted = tuple(outlines)
        waiting = [(0, 0, index, 0) for index in range(len(wanted))]
        seen = set(waiting)
        last = -1
        visited = 0
        while waiting:
            first, at, index, place = heappop(waiting)
            node = self._nodes[at]
            if index < 0:  # `place` is the index of a number that is found
                if first != last:
                    last = first
                    yield first
                if place + 1 < len(node.numbers) and node.numbers[place + 1] < before:
                    heappush(waiting, (node.numbers[place + 1], at, index, place + 1))
                continue
            visited += 1
            if visited % self.PLACES_PER_STEP == 0:
                budget.spend()
            if place == len(wanted[index]) and node.numbers and node.numbers[0] < before:
                heappush(waiting, (node.numbers[0], at, -1, 0))
            for following, place_after in self._pairs_after(at, wanted[index], place):
                first = self._nodes[following].first
                pair = (first, following, index, place_after)
                if first < before and pair not in seen:
                    seen.add(pair)
                    heappush(waiting, pair)

    def _pairs_after(self, at: int, outline: Outline, place: int) -> Iterator[tuple[int, int]]:
        """Yields the nodes and places that follow a pair: by a common character, or by none."""
        node = self._nodes[at]
        characters, optional, repeated = 0, False, 0
        if place < len(outline):
            part = outline[place]
            optional = part.number is not Number.ONE
            characters = 0 if part.number is Number.ANY else part.characters
        if place and outline[place - 1].number is Number.ANY:
            repeated = outline[place - 1].characters
        if optional:
            yield at, place + 1
        if node.repeated & characters:
            yield at, place + 1
        for (others, many), following in node.branches.items():
            if many is not Number.ONE:
                yield following, place
            if many is not Number.ANY:
                if others & characters:
                    yield following, place + 1
                if others & repeated:
                    yield following, place
