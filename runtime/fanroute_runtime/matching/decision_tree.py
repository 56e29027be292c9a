"""Finds the first route that takes a request, without testing all of them.

Routes differ in the texts that their matches require: segments of the path, host, method, values of query parameters and
headers. If many routes could be next, a `Fork` reads one of these from the request. It leads on only to the routes that require
that text. Routes that require nothing there are not behind the fork. The remaining candidates, usually one, are then tested
for everything else that they require. Many routes share the same predicates for that.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any

from fanroute_runtime.matching.predicates import Matchable, Predicate, match_predicates
from fanroute_runtime.plan import MAX_HOST, Condition, Match, Parameter, Route

# How many routes are kept, and how many tuples of predicates: those that most routes share.
MAX_KEPT = 128
# Up to this many routes are tested one after the other, without a fork.
MAX_UNFORKED = 2
# A fork is made if at least 1/MIN_SHARE of the routes require something in its dimension.
MIN_SHARE = 8

# Stands for the end of the path, behind its last segment. No segment equals it.
END = ()


@dataclass(frozen=True, slots=True)
class Dimension:
    """Represents something in which routes differ, such as the host.

    `required` returns the texts of which a match requires one, or none if any will do. `texts_of` returns those of a request.
    `name` is the key in `match_predicates` that need not be tested behind a fork of this dimension.
    """

    name: Hashable
    required: Callable[[Match], tuple[Hashable, ...]]
    texts_of: Callable[[Matchable], Iterable[Hashable]]


class Fork(int):
    """Leads to further routes, by what the request has in one dimension. Its own number is that of the first of these routes."""

    texts_of: Callable[[Matchable], Iterable[Hashable]]
    # A single route is its number, without a tuple, because 10,000 more tuples would take room.
    branches: dict[Hashable, "int | Branch"]


# Numbers of routes, and forks that lead to further routes.
Branch = tuple[int, ...]
# The predicates that a request must pass for a route.
Predicates = tuple[Predicate, ...]


class Matcher:
    """Finds the first of a Plan's routes that takes a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        # These caches outlive a request. What they keep does not depend on one.
        self.route: Callable[[int], Route] = lru_cache(MAX_KEPT)(routes.__getitem__)
        self._predicates_of = lru_cache(MAX_KEPT)(lambda number: _predicates(routes[number], ()))
        paths = (self.route(number).match.path for number in range(len(routes)))
        depth = max((len(path.segments) for path in paths if path), default=0)
        forks = _Forks(routes, depth)
        self._root = forks.branch(range(len(routes)))
        # This compiles all patterns, too.
        needed = [_predicates(route, forks.known[number]) for number, route in enumerate(routes)]
        self._kinds = [kind for kind, _ in Counter(needed).most_common(MAX_KEPT)]
        numbers = {kind: number for number, kind in enumerate(self._kinds)}
        self._kind_of = bytes(numbers.get(kind, MAX_KEPT) for kind in needed)

    def match(self, client: Matchable) -> Route | None:
        """Returns the first route that takes a client's request, or None."""
        number = self.match_number(client)
        return None if number is None else self.route(number)

    def match_number(self, client: Matchable) -> int | None:
        """Returns the number of the first route that takes a client's request, or None."""
        for number in self.candidates(client):
            for predicate in self._predicates_for(number):
                if not predicate(client):
                    break
            else:
                return number
        return None

    def candidates(self, client: Matchable) -> Iterator[int]:
        """Yields the numbers of routes that may take a request, in order. All routes that do take it are among them.

        It reads only what it needs from the request to find the next candidate.
        """
        waiting = list(self._root)
        while waiting:
            number = heappop(waiting)
            if isinstance(number, Fork):
                for text in number.texts_of(client):
                    branch = number.branches.get(text, ())
                    for following in (branch,) if isinstance(branch, int) else branch:
                        heappush(waiting, following)
            else:
                yield number

    def _predicates_for(self, number: int) -> Predicates:
        """Returns the predicates that a request must pass for a candidate."""
        kind = self._kind_of[number]
        return self._kinds[kind] if kind < MAX_KEPT else self._predicates_of(number)


def _predicates(route: Route, known: Collection[Hashable]) -> Predicates:
    return tuple(match_predicates(route.match, known).values())


class _Forks:
    """Makes the branches of the tree.

    It reads each route from `routes` when it needs it and keeps none that it has read, because all of them together may take
    much memory.

    Args:
        routes: the Plan's routes, in order.
        depth: the number of segments of the longest path.
    """

    def __init__(self, routes: Sequence[Route], depth: int) -> None:
        self._routes = routes
        # For each route's number: the dimensions that need not be tested if the route is a candidate.
        self.known: dict[int, frozenset[Hashable]] = {}
        self._always_useful = (*map(_segment_dimension, range(depth + 1)), HOST, METHOD)

    def branch(self, numbers: Sequence[int], known: frozenset[Hashable] = frozenset()) -> Branch:
        """Returns these routes, or forks that lead to them if there are many.

        `known` has the names of the dimensions of the forks that lead to this branch.
        """
        if len(numbers) > MAX_UNFORKED:
            for dimension in self._dimensions(numbers):
                branches, others = self._partition(numbers, dimension)
                requiring = len(numbers) - len(others)
                if requiring * MIN_SHARE >= len(numbers) and max(map(_size, branches.values())) * 2 <= requiring:
                    return tuple(sorted((self._fork(dimension, branches, known), *self.branch(others, known))))
        for number in numbers:
            # A route may be in several branches.
            self.known[number] = known & self.known.get(number, known)
        return tuple(numbers)

    def _fork(self, dimension: Dimension, branches: dict[Hashable, Any], known: frozenset[Hashable]) -> Fork:
        # In place, because objects that are made and freed leave holes in the snapshot.
        fork = Fork(min(one if isinstance(one, int) else one[0] for one in branches.values()))
        fork.texts_of, fork.branches = dimension.texts_of, branches
        known |= {dimension.name}
        for text, one in branches.items():
            following = self.branch([one] if isinstance(one, int) else one, known)
            branches[text] = following if following[1:] else following[0]
        return fork

    def _dimensions(self, numbers: Sequence[int]) -> Iterator[Dimension]:
        """Yields dimensions in which some routes may differ. Those that cost no call of the host come first."""
        yield from self._always_useful
        yield from map(_query_dimension, _frequent_names((match.query for match in self._matches(numbers)), len(numbers)))
        yield from map(_header_dimension, _frequent_names((match.headers for match in self._matches(numbers)), len(numbers)))

    def _matches(self, numbers: Sequence[int]) -> Iterator[Match]:
        return (self._routes[number].match for number in numbers)

    def _partition(self, numbers: Sequence[int], dimension: Dimension) -> tuple[dict[Hashable, Any], list[int]]:
        """Groups routes by the text that they require: a single one as its number, several as a list.

        Also returns the routes that require none.
        """
        branches: dict[Hashable, Any] = {}
        others = []
        for number, match in zip(numbers, self._matches(numbers), strict=True):
            required = dimension.required(match)
            for text in required:
                before = branches.setdefault(text, number)
                if isinstance(before, list):
                    before.append(number)
                elif before != number:
                    branches[text] = [before, number]
            if not required:
                others.append(number)
        return branches, others


def _size(branch: Any) -> int:
    return 1 if isinstance(branch, int) else len(branch)


def _frequent_names(conditions: Iterable[tuple[Condition, ...]], count: int) -> list[str]:
    """Returns the names for which enough of `count` routes require certain values."""
    names = Counter(condition.name for of_route in conditions for condition in of_route if condition.values)
    return [name for name, requiring in names.items() if requiring * MIN_SHARE >= count]


def _segment_dimension(depth: int) -> Dimension:
    def required(match: Match) -> tuple[Hashable, ...]:
        if match.path is None or (match.path.rest and len(match.path.segments) <= depth):
            return ()
        segment = match.path.segments[depth] if depth < len(match.path.segments) else END
        return () if isinstance(segment, Parameter) else (segment,)

    return Dimension(depth, required, lambda client: client.segments[depth : depth + 1] or (END,))


def _host_and_suffixes(client: Matchable) -> Iterator[str]:
    """Yields the host, and each of its suffixes that routes may name."""
    host = client.host
    yield host
    dot = host.find(".", max(1, len(host) - MAX_HOST))
    while dot >= 0:
        yield f"*{host[dot:]}"
        dot = host.find(".", dot + 1)


HOST = Dimension("host", lambda match: match.hosts, _host_and_suffixes)
METHOD = Dimension("method", lambda match: match.methods, lambda client: (client.method,))


def _query_dimension(name: str) -> Dimension:
    return Dimension(f"query {name}", lambda match: _required_values(match.query, name), lambda client: (client.query.get(name),))


def _header_dimension(name: str) -> Dimension:
    return Dimension(f"header {name}", lambda match: _required_values(match.headers, name), lambda client: (client.header(name),))


def _required_values(conditions: tuple[Condition, ...], name: str) -> tuple[str, ...]:
    """Returns the values of which a header or query parameter must have one, or none if any value will do."""
    return next((condition.values for condition in conditions if condition.name == name), ())
