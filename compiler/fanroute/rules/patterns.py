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
from fanroute.spec.template import label_name, match_parameters, rest_name
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import Path, Source
from fanroute_runtime.matching.host_labels import LABEL, MAX_LABEL
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
    "route gets no request. The rest of a path, `{rest...}`, has slashes between its segments, but none at its beginning. A "
    "label of a host is compared in lower case, so it has no capital letters, and it has no dots.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "[a-z]+/[a-z]+"}}\n    handoff: origin\n',
    "Correct the pattern. For several segments, use several parameters, or `{rest...}` for the rest of the path.",
)

# By the key that a pattern is under: the values that can occur, their name, and a description of them.
_POSSIBLE = {
    "where": (SEGMENT, "a parameter", "it is a whole segment: not empty, not '.' or '..', and without a slash"),
    "rest": (rest_values(()), "the rest of a path", "it does not begin with a slash, and no segment of it is '.' or '..'"),
    "label": (
        compile_pattern(LABEL),
        "a label of a host",
        f"it has up to {MAX_LABEL} lower-case letters, digits, '_' and '-', and no '-' at its ends",
    ),
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
    if key != "label" and is_small(pattern) and is_plain(pattern):
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
                    yield path, _parameter_kind(name, owner) if key == "where" else key, value


def _parameter_kind(name: str, match: dict[str, Any]) -> str:
    """Returns the key in _POSSIBLE for a parameter of a match."""
    return {rest_name(match.get("path")): "rest", label_name(match.get("host")): "label"}.get(name, "where")


FR217 = Rule(
    "FR217",
    "error",
    "a pattern under `where` is for no parameter of the match",
    "A pattern for a parameter that neither the path nor the host has would restrict nothing.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {rom: "[a-z]+"}}\n    handoff: origin\n',
    "Correct the name, or make it a parameter of the path, as in `/{name}`, or of the host, as in `{name}.example.com`.",
)


@source_check("where")
def check_where(source: Source) -> Iterator[Diagnostic]:
    """Reports FR217: a pattern under `where` is for no parameter of the match."""
    for index, match in _matches(source):
        path, where = match.get("path"), match.get("where")
        if not isinstance(where, dict):
            continue
        known = match_parameters(match)
        for name in where:
            if name not in known:
                suggestion = did_you_mean(str(name), known, "parameters") if known else "the match has no parameters"
                suggestion = suggest_binding(str(name), path) or suggestion
                span = source.key_span(("routes", index, "match", "where", name))
                yield Diagnostic(FR217, f"the match has no parameter '{name}'", span, suggestion)


def _matches(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, route in raw.routes(source):
        if isinstance(route.get("match"), dict):
            yield index, route["match"]
