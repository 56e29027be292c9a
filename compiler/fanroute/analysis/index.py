"""Indexes matches by the values that they require, to find the few that can matter for a request or a box."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import takewhile

from fanroute.analysis.box import HOST, LENGTH, METHOD, Box, Dimension, Point
from fanroute.analysis.sets import Hosts, Lengths, Texts, parents
from fanroute_runtime.plan import Match

# A dimension and a value that a match requires there; None stands for any value that is present.
Key = tuple[Dimension, str | None]


class Index:
    """Indexes matches so that candidates for a request are found quickly.

    Each match is stored under its most selective dimension: the one whose values the fewest other matches require.
    """

    def __init__(self, matches: Iterable[Match]) -> None:
        required = [tuple(_required_keys(match)) for match in matches]
        uses = Counter(key for dimensions in required for keys in dimensions for key in keys)
        self._stored: dict[Dimension, dict[str | None, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._anywhere: list[int] = []
        for number, dimensions in enumerate(required):
            if not dimensions:
                self._anywhere.append(number)
                continue
            for dimension, value in min(dimensions, key=lambda keys: max(map(uses.__getitem__, keys))):
                self._stored[dimension][value].append(number)
        self._under: dict[str, list[str]] = defaultdict(list)
        for host in filter(None, self._stored.get(HOST, ())):
            for parent in parents(host.removeprefix("*.")):
                self._under[parent].append(host)

    def of_point(self, point: Point) -> Iterator[int]:
        """Yields the numbers of the matches that a request may fit, in order."""
        lists = [self._stored[dimension].get(value, []) for dimension, value in _keys_of(point) if dimension in self._stored]
        return merge(self._anywhere, *filter(None, lists))

    def of_box(self, box: Box, before: int) -> Iterator[int]:
        """Yields the numbers below `before` of the matches that may overlap a box, roughly in order."""
        yield from _below(self._anywhere, before)
        seen = set()
        for dimension, stored in self._stored.items():
            wanted = self._keys_overlapping(box, dimension)
            lists: Iterable[list[int]]
            if wanted is None:  # the keys are in the order of their first match
                lists = takewhile(lambda numbers: numbers[0] < before, stored.values())
            else:
                lists = filter(None, map(stored.get, wanted))
            for numbers in lists:
                for number in _below(numbers, before):
                    if number not in seen:
                        seen.add(number)
                        yield number

    def _keys_overlapping(self, box: Box, dimension: Dimension) -> Iterable[str | None] | None:
        """Returns the keys of one dimension whose matches may overlap a box, or None if that may be all of them."""
        length, values = box.get(LENGTH), box.get(dimension)
        if dimension[0] == "segment" and isinstance(length, Lengths) and length.most <= int(dimension[1]):
            return ()
        if isinstance(values, Texts) and values.values is not None:
            return (*values.values, None)
        if isinstance(values, Hosts) and values.names is not None:
            above = (f"*.{parent}" for host in values.names | values.suffixes for parent in parents(host))
            below = (host for suffix in values.suffixes for host in self._under.get(suffix, ()))
            return {*values.names, *(f"*.{suffix}" for suffix in values.suffixes), *above, *below}
        return None


def _below(numbers: Iterable[int], end: int) -> Iterator[int]:
    return takewhile(lambda number: number < end, numbers)


def _required_keys(match: Match) -> Iterator[tuple[Key, ...]]:
    """Yields the keys that a match requires, grouped by dimension. A request that fits has one key of each group."""
    if match.hosts:
        yield tuple((HOST, host) for host in match.hosts)
    for index, segment in enumerate(match.path.segments if match.path else ()):
        if isinstance(segment, str):
            yield ((("segment", index), segment),)
    for kind, conditions in (("header", match.headers), ("query", match.query)):
        for condition in conditions:
            if condition.present:
                yield tuple(((kind, condition.name), value) for value in condition.values or (None,))
    if match.methods:
        yield tuple((METHOD, method) for method in match.methods)


def _keys_of(point: Point) -> Iterator[Key]:
    """Yields the keys of a request."""
    yield HOST, point.host
    yield from ((HOST, f"*.{parent}") for parent in parents(point.host))
    yield METHOD, point.method
    yield from ((("segment", index), segment) for index, segment in enumerate(point.segments) if segment is not None)
    for kind, values in (("header", point.headers), ("query", point.query)):
        for name, value in values.items():
            yield (kind, name), None
            if value is not None:
                yield (kind, name), value
