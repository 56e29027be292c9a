"""Measures which routes, and which alternatives of their matches, tests exercise. Pure.

An alternative is a value of `host`, `path`, `method`, `header`, `query` or `client_ip`. Routes for preflight requests do not
count: they are not in routes.yaml.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fanroute.diagnostics.diagnostic import Diagnostic, in_source_order
from fanroute.diagnostics.examples import TESTED
from fanroute.diagnostics.printable import counted
from fanroute.diagnostics.rule import Rule
from fanroute.pipeline import Compiled
from fanroute.plan.describe import host_texts, path_texts
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.routes import declared_routes
from fanroute.plan.trace import mismatches
from fanroute.routetests import locate
from fanroute_runtime.matching.predicates import match_predicates
from fanroute_runtime.plan import Condition, Match, PathPattern

FR515 = Rule(
    "FR515",
    "note",
    "no test exercises a route",
    "No passed test shows what this route does.",
    TESTED + "  - name: rest\n    match: {path: /rest}\n    handoff: origin\n",
    "Write a test with a request that the route takes.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)

FR516 = Rule(
    "FR516",
    "note",
    "no test exercises an alternative of a match",
    "A value of `host`, `path`, `method`, `header`, `query` or `client_ip` that no request of a passed test has can be misspelt "
    "or unnecessary.",
    TESTED.replace("/live/*}", "/live/*, method: [GET, POST]}"),
    "Write a test with a request that has this value and that the route takes.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Names one value of a route's match.

    Args:
        route: the route's number in routes.yaml.
        key: the key that `match_predicates` has for the value, such as `host` or `header x-plan`.
        index: the value's index there.
        value: the value.
        alone: a match that asks for this value and nothing else.
    """

    route: int
    key: str
    index: int
    value: str
    alone: Match


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts all routes and alternatives, and lists those that no test exercises, routes by their number in routes.yaml."""

    routes: int
    alternatives: int
    missed_routes: tuple[int, ...]
    missed_alternatives: tuple[Alternative, ...]

    @property
    def percent(self) -> int:
        """Returns the percentage of all routes and alternatives that is exercised, rounded down."""
        every = self.routes + self.alternatives
        return 100 * (every - len(self.missed_routes) - len(self.missed_alternatives)) // every


def measure_coverage(compiled: Compiled, requests: Iterable[tuple[int | None, RequestData]]) -> Coverage:
    """Returns what requests exercise. Each has the index in the Plan of the route that took it, or None."""
    numbers = locate.route_numbers(compiled)
    taken = [(numbers[index], client_of(request)) for index, request in requests if index in numbers]
    every = list(alternatives(compiled))

    def is_missed(alternative: Alternative) -> bool:
        return all(
            route != alternative.route or mismatches(match_predicates(alternative.alone), client) for route, client in taken
        )

    missed_routes = set(numbers.values()) - {route for route, _ in taken}
    return Coverage(len(set(numbers.values())), len(every), tuple(sorted(missed_routes)), tuple(filter(is_missed, every)))


def alternatives(compiled: Compiled) -> Iterator[Alternative]:
    """Yields all alternatives of a routes.yaml, in order."""
    paths: dict[int, list[PathPattern | None]] = {}
    for index, number in locate.route_numbers(compiled).items():
        paths.setdefault(number, []).append(compiled.plan.routes[index].match.path)
    for number, route in enumerate(declared_routes(compiled.plan)):
        for key, values in (_paths(paths[number]) | _values(route.match)).items():
            yield from (Alternative(number, key, index, value, alone) for index, (value, alone) in enumerate(values))


def _paths(paths: list[PathPattern | None]) -> dict[str, list[tuple[str, Match]]]:
    """Returns the paths of a route that has several, as `_values` does."""
    return {"path": [(next(path_texts(path)), Match(path=path)) for path in paths if path]} if len(paths) > 1 else {}


def _values(match: Match) -> dict[str, list[tuple[str, Match]]]:
    """Returns the values of a match, by their keys in `match_predicates`, each with a match that asks for it alone."""
    of_host = Match(host_parameter=match.host_parameter)
    found = {
        "host": [(text, replace(of_host, hosts=(host,))) for text, host in zip(host_texts(match), match.hosts, strict=True)],
        "client_ip": [(network, Match(client_ips=(network,))) for network in match.client_ips],
        "method": [(method, Match(methods=(method,))) for method in match.methods],
    }
    for condition in match.headers:
        found[f"header {condition.name}"] = [(value, Match(headers=(one,))) for value, one in _each(condition)]
    for condition in match.query:
        found[f"query {condition.name}"] = [(value, Match(query=(one,))) for value, one in _each(condition)]
    return found


def _each(condition: Condition) -> Iterator[tuple[str, Condition]]:
    yield from ((value, replace(condition, values=(value,))) for value in condition.values)


def report_missed(coverage: Coverage, compiled: Compiled, known: Coverage | None = None) -> list[Diagnostic]:
    """Reports FR515 and FR516, in source order: routes and alternatives that no test exercises.

    Those that are missed in `known` too are left out. That is the coverage in another environment, in which hosts can be others.
    """
    if known:
        places = {(one.route, one.key, one.index) for one in known.missed_alternatives}
        routes = tuple(number for number in coverage.missed_routes if number not in known.missed_routes)
        rest = tuple(one for one in coverage.missed_alternatives if (one.route, one.key, one.index) not in places)
        coverage = replace(coverage, missed_routes=routes, missed_alternatives=rest)
    return in_source_order(_missed(coverage, compiled))


def _missed(coverage: Coverage, compiled: Compiled) -> Iterator[Diagnostic]:
    """Yields the diagnostics. The alternatives of a missed route get none of their own."""
    source, names = compiled.source, [route.name for route in declared_routes(compiled.plan)]
    for number in coverage.missed_routes:
        yield Diagnostic(FR515, f"no passed test exercises the route '{names[number]}'", source.key_span(("routes", number)))
    for missed in coverage.missed_alternatives:
        if missed.route not in coverage.missed_routes:
            path = locate.value_path(compiled, missed.route, missed.key, missed.index)
            message = f"no passed test exercises '{names[missed.route]}' with {missed.key} '{missed.value}'"
            yield Diagnostic(FR516, message, source.value_span(path))


def coverage_text(coverage: Coverage) -> str:
    """Returns the coverage on one line."""
    routes = coverage.routes - len(coverage.missed_routes)
    alternatives = coverage.alternatives - len(coverage.missed_alternatives)
    of_alternatives = f", {alternatives} of {counted(coverage.alternatives, 'alternative')}" if coverage.alternatives else ""
    return f"{routes} of {counted(coverage.routes, 'route')}{of_alternatives}, {coverage.percent} %"
