"""Indexes matches by what they require, to find the few that can matter for a request or a box."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush, heapreplace
from itertools import count, takewhile

from fanroute.analysis.box import HOST, LENGTH, METHOD, Box, Dimension, Point
from fanroute.analysis.budget import Budget
from fanroute.analysis.outline import ANY_TEXT, Outline, outline_of_text, outlines_of
from fanroute.analysis.sets import Hosts, Lengths, Texts, parents
from fanroute.analysis.trie import OutlineTrie
from fanroute_runtime.plan import Match, Parameter

# A dimension and a value that a match requires there; None stands for any value that is present.
Key = tuple[Dimension, str | None]
# Up to this many matches are not worth a look at their patterns.
FEW = 8
# Numbers in order, and a bound that none of them is below.
_Source = tuple[int, Iterable[int]]


class Index:
    """Indexes matches so that candidates for a request are found quickly.

    Each match is stored under its most selective dimension: the one whose values the fewest other matches require. If many
    matches require the same value, they are told apart by their patterns.

    Args:
        matches: the matches by number, in order.
        without: the dimensions under which no match is stored.
    """

    def __init__(self, matches: Mapping[int, Match], without: frozenset[Dimension] = frozenset()) -> None:
        self._matches, self._without = matches, without
        required = {
            number: [keys for keys in _required_keys(match) if keys[0][0] not in without] for number, match in matches.items()
        }
        uses = Counter(key for dimensions in required.values() for keys in dimensions for key in keys)
        self._stored: dict[Dimension, dict[str | None, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._anywhere: list[int] = []
        for number, dimensions in required.items():
            if not dimensions:
                self._anywhere.append(number)
                continue
            for dimension, value in min(dimensions, key=lambda keys: max(map(uses.__getitem__, keys))):
                self._stored[dimension][value].append(number)
        self._under: dict[str, list[str]] = defaultdict(list)
        for host in filter(None, self._stored.get(HOST, ())):
            for parent in parents(host.removeprefix("*.")):
                self._under[parent].append(host)
        # By the key of a list of matches, with None for `_anywhere`.
        self._by_pattern: dict[Key | None, _PatternIndex] = {}
        self._tries: dict[Dimension, OutlineTrie] = {}
        # By dimension, an index of the matches under it for boxes that any of its values is in.
        self._others: dict[Dimension, Index] = {}

    def of_point(self, point: Point, before: int, budget: Budget) -> Iterator[int]:
        """Yields the numbers below `before` of the matches that a request may fit, in order. Raises BudgetExceeded."""
        found: list[tuple[Key | None, list[int]]] = [(None, self._anywhere)]
        found += [(key, self._stored[key[0]].get(key[1], [])) for key in _keys_of(point) if key[0] in self._stored]
        sources = (
            (0, numbers if len(numbers) <= FEW else self._pattern_index(key, numbers).of_point(point, before, budget))
            for key, numbers in found
            if numbers
        )
        return _below(before, _merged(sources))

    def of_box(self, box: Box, before: int, budget: Budget) -> Iterator[int]:
        """Yields the numbers below `before` of the matches that may overlap a box, in order. Raises BudgetExceeded."""
        return _below(before, _merged(self._sources_of_box(box, before, budget)))

    def _sources_of_box(self, box: Box, before: int, budget: Budget) -> Iterator[_Source]:
        """Yields sources of the matches that may overlap a box, in the order of their bounds."""
        yield 0, self._overlapping(None, self._anywhere, box, before, budget)
        for dimension, stored in self._stored.items():  # dimensions and keys are in the order of their first match
            bound = next(iter(stored.values()))[0]
            if bound >= before:
                return
            yield bound, self._of_dimension(dimension, box, before, budget)

    def _of_dimension(self, dimension: Dimension, box: Box, before: int, budget: Budget) -> Iterator[int]:
        """Yields the matches that are stored under a dimension and may overlap a box, in order."""
        stored = self._stored[dimension]
        wanted = self._keys_overlapping(box, dimension)
        outlines = _outlines_in(box, dimension)
        if wanted is None and len(stored) > FEW:
            if outlines is None:
                return self._other_index(dimension).of_box(box, before, budget)
            return self._trie(dimension).overlapping(outlines, before, budget)
        found = stored.items() if wanted is None else [(value, stored[value]) for value in wanted if value in stored]
        bounds = ((numbers[0] if wanted is None else 0, value, numbers) for value, numbers in found)
        return _merged(
            (bound, self._overlapping((dimension, value), numbers, box, before, budget)) for bound, value, numbers in bounds
        )

    def _overlapping(self, key: Key | None, numbers: list[int], box: Box, before: int, budget: Budget) -> Iterable[int]:
        """Returns those of the matches under a key that may overlap a box."""
        return numbers if len(numbers) <= FEW else self._pattern_index(key, numbers).of_box(box, before, budget)

    def _pattern_index(self, key: Key | None, numbers: list[int]) -> "_PatternIndex":
        if key not in self._by_pattern:
            self._by_pattern[key] = _PatternIndex({number: self._matches[number] for number in numbers})
        return self._by_pattern[key]

    def _other_index(self, dimension: Dimension) -> "Index":
        """Returns an index of the matches under one dimension by what they require in others."""
        if dimension not in self._others:
            numbers = sorted({number for numbers in self._stored[dimension].values() for number in numbers})
            matches = {number: self._matches[number] for number in numbers}
            self._others[dimension] = Index(matches, self._without | {dimension})
        return self._others[dimension]

    def _trie(self, dimension: Dimension) -> OutlineTrie:
        """Returns the values of one dimension that matches are stored under."""
        if dimension not in self._tries:
            self._tries[dimension] = trie = OutlineTrie()
            lists = self._stored[dimension].items()
            for number, value in sorted(((n, value) for value, numbers in lists for n in numbers), key=lambda pair: pair[0]):
                trie.add(ANY_TEXT if value is None else outline_of_text(value), number)
        return self._tries[dimension]

    def _keys_overlapping(self, box: Box, dimension: Dimension) -> Iterable[str | None] | None:
        """Returns the keys of one dimension whose matches may overlap a box, or None if that may be all of them."""
        if _is_behind(box, dimension):
            return ()
        values = box.get(dimension)
        if isinstance(values, Texts) and values.values is not None:
            return (*values.values, None)
        if isinstance(values, Hosts) and values.names is not None:
            above = (f"*.{parent}" for host in values.names | values.suffixes for parent in parents(host))
            below = (host for suffix in values.suffixes for host in self._under.get(suffix, ()))
            return {*values.names, *(f"*.{suffix}" for suffix in values.suffixes), *above, *below}
        return None


class _PatternIndex:
    """Indexes matches by their patterns. Each match is stored under that of its patterns that the fewest others have."""

    def __init__(self, matches: Mapping[int, Match]) -> None:
        required = {number: tuple(_required_patterns(match)) for number, match in matches.items()}
        uses = Counter(key for keys in required.values() for key in keys)
        self._stored: dict[Dimension, list[int]] = defaultdict(list)
        self._tries: dict[Dimension, OutlineTrie] = defaultdict(OutlineTrie)
        self._anywhere: list[int] = []
        for number, keys in required.items():
            if not keys:
                self._anywhere.append(number)
                continue
            dimension, pattern = min(keys, key=uses.__getitem__)
            self._stored[dimension].append(number)
            for outline in outlines_of(pattern):
                self._tries[dimension].add(outline, number)

    def of_point(self, point: Point, before: int, budget: Budget) -> Iterator[int]:
        """Yields the numbers below `before` of the matches that a request may fit, in order. Raises BudgetExceeded."""
        found = ((self._tries[dimension], text) for dimension, text in _texts_of(point) if dimension in self._tries)
        overlapping = ((0, trie.overlapping([outline_of_text(text)], before, budget)) for trie, text in found)
        return _merged([(0, self._anywhere), *overlapping])

    def of_box(self, box: Box, before: int, budget: Budget) -> Iterator[int]:
        """Yields the numbers below `before` of the matches that may overlap a box, in order. Raises BudgetExceeded."""
        return _merged(self._sources_of_box(box, before, budget))

    def _sources_of_box(self, box: Box, before: int, budget: Budget) -> Iterator[_Source]:
        yield 0, self._anywhere
        for dimension, numbers in self._stored.items():
            if numbers[0] >= before:
                return
            if not _is_behind(box, dimension):
                outlines = _outlines_in(box, dimension)
                trie = self._tries[dimension]
                yield numbers[0], numbers if outlines is None else trie.overlapping(outlines, before, budget)


def _is_behind(box: Box, dimension: Dimension) -> bool:
    """Returns True if a dimension is a segment of the path that no request of a box has."""
    length = box.get(LENGTH)
    return dimension[0] == "segment" and isinstance(length, Lengths) and length.most <= int(dimension[1])


def _outlines_in(box: Box, dimension: Dimension) -> Iterable[Outline] | None:
    """Returns outlines that contain a box's texts in one dimension, or None if these may be any."""
    values = box.get(dimension)
    if not isinstance(values, Texts):
        return None
    if values.values is not None:
        return map(outline_of_text, values.values)
    return outlines_of(min(values.patterns)) if values.patterns else None


def _merged(sources: Iterable[_Source]) -> Iterator[int]:
    """Merges sources, which must be in the order of their bounds. Yields each number once, and opens no source before it must."""
    places = count()  # no two iterators are compared
    waiting: list[tuple[int, int, Iterator[int]]] = []
    last = -1

    def following(until: float) -> Iterator[int]:
        nonlocal last
        while waiting and waiting[0][0] < until:
            number, place, numbers = waiting[0]
            if number != last:
                last = number
                yield number
            after = next(numbers, None)
            if after is None:
                heappop(waiting)
            else:
                heapreplace(waiting, (after, place, numbers))

    for bound, source in sources:
        yield from following(bound)
        numbers = iter(source)
        first = next(numbers, None)
        if first is not None:
            heappush(waiting, (first, next(places), numbers))
    yield from following(float("inf"))


def _below(end: int, numbers: Iterator[int]) -> Iterator[int]:
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


def _required_patterns(match: Match) -> Iterator[tuple[Dimension, str]]:
    """Yields the patterns that a request must fit, each with its dimension."""
    for index, segment in enumerate(match.path.segments if match.path else ()):
        if isinstance(segment, Parameter) and segment.pattern:
            yield ("segment", index), segment.pattern
    for kind, conditions in (("header", match.headers), ("query", match.query)):
        yield from (((kind, condition.name), condition.pattern) for condition in conditions if condition.pattern)


def _keys_of(point: Point) -> Iterator[Key]:
    """Yields the keys of a request."""
    yield HOST, point.host
    yield from ((HOST, f"*.{parent}") for parent in parents(point.host))
    yield METHOD, point.method
    yield from _texts_of(point)
    for kind, values in (("header", point.headers), ("query", point.query)):
        yield from (((kind, name), None) for name in values)


def _texts_of(point: Point) -> Iterator[tuple[Dimension, str]]:
    """Yields the texts of a request's segments, headers and query parameters."""
    yield from ((("segment", index), segment) for index, segment in enumerate(point.segments) if segment is not None)
    for kind, values in (("header", point.headers), ("query", point.query)):
        yield from (((kind, name), value) for name, value in values.items() if value is not None)
