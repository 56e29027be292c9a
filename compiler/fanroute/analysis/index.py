"""Routes by what they ask for, so that only those are looked at that a request or another route can have to do with."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import takewhile

from fanroute.analysis.box import HOST, LENGTH, METHOD, Box, Dimension, Point
from fanroute.analysis.sets import Hosts, Lengths, Texts, parents
from fanroute_runtime.plan import Match

# One value that a match asks of a dimension; None is any that is there.
Key = tuple[Dimension, str | None]


class Index:
    """Matches by number. Each is filed under the keys of one dimension: that of which the fewest others ask the same."""

    def __init__(self, matches: Iterable[Match]) -> None:
        asked = [tuple(_asked(match)) for match in matches]
        load = Counter(key for ways in asked for keys in ways for key in keys)
        self._filed: dict[Dimension, dict[str | None, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._anywhere: list[int] = []
        for number, ways in enumerate(asked):
            if not ways:
                self._anywhere.append(number)
                continue
            for dimension, value in min(ways, key=lambda keys: max(map(load.__getitem__, keys))):
                self._filed[dimension][value].append(number)
        self._under: dict[str, list[str]] = defaultdict(list)
        for host in filter(None, self._filed.get(HOST, ())):
            for parent in parents(host.removeprefix("*.")):
                self._under[parent].append(host)

    def of_point(self, asked: Point) -> Iterator[int]:
        """The matches that a request may fit, in order."""
        lists = [self._filed[dimension].get(value, []) for dimension, value in _has(asked) if dimension in self._filed]
        return merge(self._anywhere, *filter(None, lists))

    def of_box(self, box: Box, before: int) -> Iterator[int]:
        """The matches with smaller numbers that may have something in common with a box; roughly in order."""
        yield from _before(self._anywhere, before)
        seen = set()
        for dimension, filed in self._filed.items():
            wanted = self._wanted(box, dimension)
            some: Iterable[list[int]]
            if wanted is None:  # keys are in the order of the first match under them
                some = takewhile(lambda numbers: numbers[0] < before, filed.values())
            else:
                some = filter(None, map(filed.get, wanted))
            for numbers in some:
                for number in _before(numbers, before):
                    if number not in seen:
                        seen.add(number)
                        yield number

    def _wanted(self, box: Box, dimension: Dimension) -> Iterable[str | None] | None:
        """The keys of one dimension under which is filed what has something in common with a box; None for all keys."""
        length, asked = box.get(LENGTH), box.get(dimension)
        if dimension[0] == "segment" and isinstance(length, Lengths) and length.most <= int(dimension[1]):
            return ()
        if isinstance(asked, Texts) and asked.values is not None:
            return (*asked.values, None)
        if isinstance(asked, Hosts) and asked.names is not None:
            above = (f"*.{parent}" for host in asked.names | asked.suffixes for parent in parents(host))
            below = (host for suffix in asked.suffixes for host in self._under.get(suffix, ()))
            return {*asked.names, *(f"*.{suffix}" for suffix in asked.suffixes), *above, *below}
        return None


def _before(numbers: Iterable[int], end: int) -> Iterator[int]:
    return takewhile(lambda number: number < end, numbers)


def _asked(match: Match) -> Iterator[tuple[Key, ...]]:
    """The keys that a match asks for, by dimension: a request that fits has one of each."""
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


def _has(asked: Point) -> Iterator[Key]:
    """The keys of a request."""
    yield HOST, asked.host
    yield from ((HOST, f"*.{parent}") for parent in parents(asked.host))
    yield METHOD, asked.method
    yield from ((("segment", index), segment) for index, segment in enumerate(asked.segments) if segment is not None)
    for kind, values in (("header", asked.headers), ("query", asked.query)):
        for name, value in values.items():
            yield (kind, name), None
            if value is not None:
                yield (kind, name), value
