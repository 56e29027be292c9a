"""Reads a routes.test.yaml, and checks it against the routes. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.diagnostics.examples import TESTED
from fanroute.diagnostics.rule import Rule
from fanroute.pipeline import Compiled
from fanroute.routetests.document import NO_ROUTE, RouteTest, RouteTests
from fanroute.spec.validate import did_you_mean, validate
from fanroute.syntax.source import Source, decode, parse_yaml

FR501 = Rule(
    "FR501",
    "error",
    "a test expects a route that does not exist",
    "If the route has been renamed, the test can only fail, and does not say why. "
    "A route without a name is called by its number, such as `route-3`.",
    TESTED,
    "Name one of the routes, or `none` if no route should take the request.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: life}\n",
)

FR502 = Rule(
    "FR502",
    "error",
    "a test expects a backend that does not exist",
    "If the backend has been renamed, the test can only fail.",
    TESTED,
    "Name one of the backends of routes.yaml.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {backend: orgin}\n",
)

FR503 = Rule(
    "FR503",
    "error",
    "a test expects nothing",
    "A test without an expectation cannot fail. It would count as passed, and prove nothing.",
    TESTED,
    "Say at least which route takes the request.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {}\n",
)


@dataclass(frozen=True, slots=True)
class ParsedTests:
    """Holds the tests of a file, in order, and the file's source."""

    source: Source
    tests: tuple[RouteTest, ...]


def read_tests(raw: bytes, compiled: Compiled | None) -> ParsedTests:
    """Returns the tests in a file's bytes, for a compiled routes.yaml. Raises Invalid with all diagnostics.

    If the routes.yaml is None, because it has errors, names of routes and backends are not checked.
    """
    try:
        source = parse_yaml(decode(raw))
    except Invalid as invalid:
        # For an empty file, the parser suggests what a routes.yaml contains.
        suggestion = "describe tests, as docs/testing.md shows"
        diagnostics = [replace(one, suggestion=suggestion) if one.code == "FR104" else one for one in invalid.diagnostics]
        raise Invalid(diagnostics) from None

    def checks(source: Source) -> Iterator[Diagnostic]:
        if compiled:
            for check in CHECKS:
                yield from check(source, compiled)

    return ParsedTests(source, tuple(validate(RouteTests, source, checks).tests))


def _expected(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields each `expect` with its test's index. Skips malformed ones, because the checks run on an invalid file too."""
    tests = source.data.get("tests") if isinstance(source.data, dict) else None
    for index, test in enumerate(tests if isinstance(tests, list) else ()):
        expect = test.get("expect") if isinstance(test, dict) else None
        if isinstance(expect, dict):
            yield index, expect


def check_expected_routes(source: Source, compiled: Compiled) -> Iterator[Diagnostic]:
    """Reports FR501: the expected route does not exist."""
    names = [*(route.name for route in compiled.plan.routes), NO_ROUTE]
    yield from _unknown(FR501, "route", names, source)


def check_expected_backends(source: Source, compiled: Compiled) -> Iterator[Diagnostic]:
    """Reports FR502: the expected backend does not exist."""
    yield from _unknown(FR502, "backend", [backend.name for backend in compiled.backends], source)


def _unknown(rule: Rule, key: str, names: list[str], source: Source) -> Iterator[Diagnostic]:
    for index, expect in _expected(source):
        name = expect.get(key)
        if isinstance(name, str) and name not in names:
            span = source.value_span(("tests", index, "expect", key))
            yield Diagnostic(rule, f"unknown {key} '{name}'", span, did_you_mean(name, names, f"{key}s"))


def check_expectations(source: Source, compiled: Compiled) -> Iterator[Diagnostic]:
    """Reports FR503: the test expects nothing."""
    for index, expect in _expected(source):
        if all(value == {} for value in expect.values()):
            span = source.key_span(("tests", index, "expect"))
            yield Diagnostic(FR503, "the test expects nothing", span, "say which route takes the request")


CHECKS = (check_expected_routes, check_expected_backends, check_expectations)
