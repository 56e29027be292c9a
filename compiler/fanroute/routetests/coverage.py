"""Which routes, and which alternatives of their matches, some requests have exercised. Pure.

An alternative is a value of `host`, `method`, `header` or `query`. What answers preflight requests does not count: it
stands in no file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fanroute.diagnostics.diagnostic import Diagnostic, in_source_order
from fanroute.diagnostics.examples import TESTED
from fanroute.diagnostics.rule import Rule
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.routes import declared_routes
from fanroute.plan.trace import mismatches
from fanroute.routetests import locate
from fanroute_runtime.match import tests as match_tests
from fanroute_runtime.plan import Condition, Match

FR515 = Rule(
    "FR515",
    "note",
    "every route is exercised by a test",
    "A route that no passed test gets may do anything.",
    TESTED + "  - name: rest\n    match: {path: /rest}\n    handoff: origin\n",
    "Write a test with a request that the route takes.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)

FR516 = Rule(
    "FR516",
    "note",
    "every alternative of a match is exercised by a test",
    "A value of `host`, `method`, `header` or `query` that no request of a passed test has may be misspelt or not needed.",
    TESTED.replace("/live/*}", "/live/*, method: [GET, POST]}"),
    "Write a test with a request that the route takes by this alternative.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the values of a route's match, by the key that `match.tests` has for it; `alone` is a match for it only."""

    route: int
    key: str
    index: int
    value: str
    alone: Match


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many routes and alternatives there are, and those that nothing has exercised; routes by their number in routes.yaml."""

    routes: int
    alternatives: int
    missed_routes: tuple[int, ...]
    missed_alternatives: tuple[Alternative, ...]

    @property
    def percent(self) -> int:
        """Of routes and alternatives together, rounded down."""
        every = self.routes + self.alternatives
        return 100 * (every - len(self.missed_routes) - len(self.missed_alternatives)) // every


def coverage(compiled: Compiled, requests: Iterable[tuple[int | None, RequestData]]) -> Coverage:
    """What some requests have exercised, each with the route that took it, by its index in the Plan."""
    numbers = {index: number for number, index in enumerate(locate.written(compiled))}
    taken = [(numbers[index], client_of(asked)) for index, asked in requests if index in numbers]
    every = list(alternatives(compiled))

    def is_missed(alternative: Alternative) -> bool:
        return all(route != alternative.route or mismatches(match_tests(alternative.alone), client) for route, client in taken)

    missed_routes = set(numbers.values()) - {route for route, _ in taken}
    return Coverage(len(numbers), len(every), tuple(sorted(missed_routes)), tuple(filter(is_missed, every)))


def alternatives(compiled: Compiled) -> Iterator[Alternative]:
    """All alternatives of a routes.yaml, in order."""
    for number, route in enumerate(declared_routes(compiled.plan)):
        for key, values in _values(route.match).items():
            yield from (Alternative(number, key, index, value, alone) for index, (value, alone) in enumerate(values))


def _values(match: Match) -> dict[str, list[tuple[str, Match]]]:
    """The values of a match, by the key that `match.tests` has for them, each with a match that asks for it alone."""
    found = {
        "host": [(host, Match(hosts=(host,))) for host in match.hosts],
        "method": [(method, Match(methods=(method,))) for method in match.methods],
    }
    for condition in match.headers:
        found[f"header {condition.name}"] = [(value, Match(headers=(one,))) for value, one in _each(condition)]
    for condition in match.query:
        found[f"query {condition.name}"] = [(value, Match(query=(one,))) for value, one in _each(condition)]
    return found


def _each(condition: Condition) -> Iterator[tuple[str, Condition]]:
    yield from ((value, replace(condition, values=(value,))) for value in condition.values)


def missed(covered: Coverage, compiled: Compiled) -> list[Diagnostic]:
    """What nothing has exercised, in source order."""
    return in_source_order(_missed(covered, compiled))


def _missed(covered: Coverage, compiled: Compiled) -> Iterator[Diagnostic]:
    """FR515 and FR516; of a missed route, not its alternatives too."""
    source, names = compiled.source, [route.name for route in declared_routes(compiled.plan)]
    for number in covered.missed_routes:
        yield Diagnostic(FR515, f"no passed test gets the route '{names[number]}'", source.key_span(("routes", number)))
    for missed in covered.missed_alternatives:
        if missed.route not in covered.missed_routes:
            place = locate.value_place(compiled, missed.route, missed.key, missed.index)
            message = f"no passed test gets '{names[missed.route]}' by {missed.key} '{missed.value}'"
            yield Diagnostic(FR516, message, source.value_span(place))


def covered_text(covered: Coverage) -> str:
    """The coverage on one line."""
    routes = covered.routes - len(covered.missed_routes)
    alternatives = covered.alternatives - len(covered.missed_alternatives)
    of_alternatives = f", {alternatives} of {covered.alternatives} alternatives" if covered.alternatives else ""
    return f"{routes} of {covered.routes} routes{of_alternatives}, {covered.percent} %"
