"""Checks patterns: FR216, FR217 and FR218."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, SEGMENT, rest_values, shortest_text
from fanroute.analysis.outline import is_plain, is_small
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import source_check
from fanroute.spec import raw
from fanroute.spec.placeholders import suggest_binding
from fanroute.spec.template import parameter_names, rest_name
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import Path, Source
from fanroute_runtime.matching.pattern import BadPattern, compile_pattern

FR216 = Rule(
    "FR216",
    "error",
    "a pattern uses syntax that is not supported",
    "Patterns are a subset of regular expressions that can be matched in linear time. The build compiles them to tables, so no "
    "request can make one slow. A pattern always describes the whole value. It can have characters, `.`, classes, `\\d \\w \\s`, "
    "groups, `|` and `* + ? {n} {n,} {n,m}`. It cannot have anchors, lookarounds, back-references, flags, or lazy or possessive "
    "repeats.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "^[a-z]+$"}}\n    handoff: origin\n',
    "Describe the whole value, as in `[a-z0-9-]{1,64}`. Write a `\\` before punctuation that stands for itself.",
)

FR218 = Rule(
    "FR218",
    "error",
    "a pattern fits no value that can occur",
    "A parameter is one segment of a path, so it has no slash, is not empty, and is not `.` or `..`. A header's value has no "
    "control characters, no spaces around it, and nothing beyond U+00FF. If a pattern fits only values that cannot occur, its "
    "route gets no request. The rest of a path, `{rest...}`, has slashes between its segments, but none at its beginning.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "[a-z]+/[a-z]+"}}\n    handoff: origin\n',
    "Correct the pattern. For several segments, use several parameters, or `{rest...}` for the rest of the path.",
)

# By the key that a pattern is under: the values that can occur, their name, and a description of them.
_POSSIBLE = {
    "where": (SEGMENT, "a parameter", "it is a whole segment: not empty, not '.' or '..', and without a slash"),
    "rest": (rest_values(()), "the rest of a path", "it does not begin with a slash, and no segment of it is '.' or '..'"),
    "header": (HEADER_VALUE, "a header", "it has no control characters, nothing beyond U+00FF, and no spaces around it"),
    "query": (QUERY_VALUE, "a query parameter", ""),
    "claims": (QUERY_VALUE, "a claim", ""),
}


@source_check("where", "pattern")
def check_patterns(source: Source) -> Iterator[Diagnostic]:
    """Reports FR216 or FR218: a pattern is not supported, or fits no value that can occur."""
    for path, key, pattern in _patterns(source):
        try:
            if not _fits_possible_value(pattern, key):
                _, subject, suggestion = _POSSIBLE[key]
                yield Diagnostic(FR218, f"{subject} never fits this pattern", source.value_span(path), suggestion)
        except BadPattern as bad:
            yield Diagnostic(FR216, bad.message, source.value_span(path), bad.suggestion)


@cache
def _fits_possible_value(pattern: str, key: str) -> bool:
    """Returns True if a value that can occur under a key fits the pattern. Raises BadPattern."""
    if is_small(pattern) and is_plain(pattern):
        return True
    return shortest_text(compile_pattern(pattern), _POSSIBLE[key][0]) is not None


def _patterns(source: Source) -> Iterator[tuple[Path, str, str]]:
    """Yields each pattern: its path, the key that it is under, and its text."""
    matches = ((("routes", index, "match"), match) for index, match in _matches(source))
    for owner_path, owner in chain(matches, raw.auths(source)):
        for key, conditions in owner.items():
            for name, value in conditions.items() if key in _POSSIBLE and isinstance(conditions, dict) else ():
                path: Path = (*owner_path, key, name)
                if key != "where":
                    path, value = (*path, "pattern"), value.get("pattern") if isinstance(value, dict) else None
                if isinstance(value, str):
                    yield path, "rest" if key == "where" and name == rest_name(owner.get("path")) else key, value


FR217 = Rule(
    "FR217",
    "error",
    "a pattern under `where` is for no parameter of the path",
    "A pattern for a parameter that the path does not have would restrict nothing.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {rom: "[a-z]+"}}\n    handoff: origin\n',
    "Correct the name, or make it a parameter of the path: `/{name}`.",
)


@source_check("where")
def check_where(source: Source) -> Iterator[Diagnostic]:
    """Reports FR217: a pattern under `where` is for no parameter of the path."""
    for index, match in _matches(source):
        path, where = match.get("path"), match.get("where")
        if not isinstance(where, dict):
            continue
        known = parameter_names(path)
        for name in where:
            if name not in known:
                suggestion = did_you_mean(str(name), known, "parameters") if known else "the path has no parameters"
                suggestion = suggest_binding(str(name), path) or suggestion
                span = source.key_span(("routes", index, "match", "where", name))
                yield Diagnostic(FR217, f"the path has no parameter '{name}'", span, suggestion)


def _matches(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, route in raw.routes(source):
        if isinstance(route.get("match"), dict):
            yield index, route["match"]
