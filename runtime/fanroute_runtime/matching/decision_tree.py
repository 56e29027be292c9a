"""The first of many routes that a request fits, without asking all of them.

Routes are known apart by texts that their matches want: segments of the path, host, method, values of query parameters and
headers. Where many could be next, a `Fork` asks the request for one of these, and only the routes that want what it has, or
that do not mind, go on. What is left, as a rule one route, is tested for all else that it wants: of many routes the same.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any

from fanroute_runtime.matching.predicates import Matchable, Predicate, match_predicates
from fanroute_runtime.plan import MAX_HOST, Condition, Match, Parameter, Route

# So many routes are kept ready, and so many kinds of what is to be tested, those of the most routes.
MAX_KEPT = 128
# So many routes are tested one after the other, rather than known apart.
MAX_UNFORKED = 2
# A fork is made where at least one in so many routes minds what it asks for.
MIN_SHARE = 8

# What a path has after its last segment, as a text that is no segment's.
END = ()


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that tells routes apart: which texts a match wants (none: it does not mind), and which a request has.

    `name` is for `match.tests`: of a route that wants what a request has, this need not be tested.
    """

    name: Hashable
    wanted: Callable[[Match], tuple[Hashable, ...]]
    had: Callable[[Matchable], Iterable[Hashable]]


class Fork(int):
    """What to go on with, by what a request has. As a number it is the first of the routes that it leads to."""

    had: Callable[[Matchable], Iterable[Hashable]]
    # One route is that number alone: 10,000 tuples more would take room.
    branches: dict[Hashable, "int | Branch"]


# Routes by their numbers, and forks that lead to further ones.
Branch = tuple[int, ...]
# What a request has to pass for a route.
Predicates = tuple[Predicate, ...]


class Matcher:
    """The routes of a Plan, ready to be asked."""

    def __init__(self, routes: Sequence[Route]) -> None:
        # What they keep outlives a request, and is the same for all.
        self.route: Callable[[int], Route] = lru_cache(MAX_KEPT)(routes.__getitem__)
        self._predicates_of = lru_cache(MAX_KEPT)(lambda number: _predicates(routes[number], ()))
        paths = (self.route(number).match.path for number in range(len(routes)))
        depth = max((len(path.segments) for path in paths if path), default=0)
        forks = _Forks(routes, depth)
        self._root = forks.branch(range(len(routes)))
        # All are made here once, so that patterns are compiled.
        needed = [_predicates(route, forks.known[number]) for number, route in enumerate(routes)]
        self._kinds = [kind for kind, _ in Counter(needed).most_common(MAX_KEPT)]
        numbers = {kind: number for number, kind in enumerate(self._kinds)}
        self._kind_of = bytes(numbers.get(kind, MAX_KEPT) for kind in needed)

    def match(self, client: Matchable) -> Route | None:
        """The first route for a client's request, or None."""
        number = self.match_number(client)
        return None if number is None else self.route(number)

    def match_number(self, client: Matchable) -> int | None:
        """The number of the first route for a client's request, or None."""
        for number in self.candidates(client):
            for test in self._predicates_for(number):
                if not test(client):
                    break
            else:
                return number
        return None

    def candidates(self, client: Matchable) -> Iterator[int]:
        """The numbers of the routes that a request may fit, in order; all that it fits are among them.

        Of the request only that is asked which tells the next route.
        """
        waiting = list(self._root)
        while waiting:
            number = heappop(waiting)
            if isinstance(number, Fork):
                for text in number.had(client):
                    branch = number.branches.get(text, ())
                    for following in (branch,) if isinstance(branch, int) else branch:
                        heappush(waiting, following)
            else:
                yield number

    def _predicates_for(self, number: int) -> Predicates:
        """What a candidate is tested for."""
        kind = self._kind_of[number]
        return self._kinds[kind] if kind < MAX_KEPT else self._predicates_of(number)


def _predicates(route: Route, known: Collection[Hashable]) -> Predicates:
    return tuple(match_predicates(route.match, known).values())


class _Forks:
    """Makes forks for some routes, of which it keeps none: together they may take much memory.

    Args:
        routes: the routes.
        depth: how many segments a path has at most.
    """

    def __init__(self, routes: Sequence[Route], depth: int) -> None:
        self._routes = routes
        # What is known of a request for which a route is a candidate, by the route's number.
        self.known: dict[int, frozenset[Hashable]] = {}
        self._always_useful = (*map(_segment_dimension, range(depth + 1)), HOST, METHOD)

    def branch(self, numbers: Sequence[int], known: frozenset[Hashable] = frozenset()) -> Branch:
        """Some routes: as they are, or behind forks. `known` is what is known of a request that comes here."""
        if len(numbers) > MAX_UNFORKED:
            for dimension in self._dimensions(numbers):
                branches, others = self._partition(numbers, dimension)
                minding = len(numbers) - len(others)
                if minding * MIN_SHARE >= len(numbers) and max(map(_size, branches.values())) * 2 <= minding:
                    return tuple(sorted((self._fork(dimension, branches, known), *self.branch(others, known))))
        for number in numbers:
            # A route may be in several branches.
            self.known[number] = known & self.known.get(number, known)
        return tuple(numbers)

    def _fork(self, dimension: Dimension, branches: dict[Hashable, Any], known: frozenset[Hashable]) -> Fork:
        # In place: all that is made and thrown away leaves holes in the snapshot.
        fork = Fork(min(one if isinstance(one, int) else one[0] for one in branches.values()))
        fork.had, fork.branches = dimension.had, branches
        known |= {dimension.name}
        for text, one in branches.items():
            several = self.branch([one] if isinstance(one, int) else one, known)
            branches[text] = several if several[1:] else several[0]
        return fork

    def _dimensions(self, numbers: Sequence[int]) -> Iterator[Dimension]:
        """What may tell some routes apart; what costs no call of the host comes first."""
        yield from self._always_useful
        yield from map(_query_dimension, _frequent_names((match.query for match in self._matches(numbers)), len(numbers)))
        yield from map(_header_dimension, _frequent_names((match.headers for match in self._matches(numbers)), len(numbers)))

    def _matches(self, numbers: Sequence[int]) -> Iterator[Match]:
        return (self._routes[number].match for number in numbers)

    def _partition(self, numbers: Sequence[int], dimension: Dimension) -> tuple[dict[Hashable, Any], list[int]]:
        """Some routes by the texts that they want, a number or a list of several, and those that do not mind."""
        branches: dict[Hashable, Any] = {}
        others = []
        for number, match in zip(numbers, self._matches(numbers), strict=True):
            wanted = dimension.wanted(match)
            for text in wanted:
                before = branches.setdefault(text, number)
                if isinstance(before, list):
                    before.append(number)
                elif before != number:
                    branches[text] = [before, number]
            if not wanted:
                others.append(number)
        return branches, others


def _size(branch: Any) -> int:
    return 1 if isinstance(branch, int) else len(branch)


def _frequent_names(conditions: Iterable[tuple[Condition, ...]], count: int) -> list[str]:
    """The names of which enough of `count` routes want certain values."""
    names = Counter(condition.name for of_route in conditions for condition in of_route if condition.values)
    return [name for name, wanting in names.items() if wanting * MIN_SHARE >= count]


def _segment_dimension(depth: int) -> Dimension:
    def wanted(match: Match) -> tuple[Hashable, ...]:
        if match.path is None or (match.path.rest and len(match.path.segments) <= depth):
            return ()
        segment = match.path.segments[depth] if depth < len(match.path.segments) else END
        return () if isinstance(segment, Parameter) else (segment,)

    return Dimension(depth, wanted, lambda client: client.segments[depth : depth + 1] or (END,))


def _host_and_suffixes(client: Matchable) -> Iterator[str]:
    """The host, and each suffix of it that routes may speak of."""
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
    """The values of which a header or query parameter must have one, if it must."""
    return next((condition.values for condition in conditions if condition.name == name), ())
