"""The rules of patterns in a routes.yaml, one function a code."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, SEGMENT, shortest_text
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.placeholders import suggest_binding
from fanroute.spec.template import PARAMETER
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import Path, Source
from fanroute_runtime.pattern import BadPattern, compile_pattern

FR216 = Rule(
    "FR216",
    "error",
    "a pattern is of the subset that is matched in linear time",
    "Patterns are a subset of regular expressions, always of the whole value, compiled to a table when building: no "
    "request can make one slow. There are characters, `.`, classes, `\\d \\w \\s`, groups, `|`, `* + ? {n} {n,} {n,m}`; "
    "there are no anchors, lookarounds, back-references, flags, and lazy or possessive repeats.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "^[a-z]+$"}}\n    handoff: origin\n',
    "Write what the whole value looks like, as in `[a-z0-9-]{1,64}`, with punctuation that is meant as itself behind a `\\`.",
)

FR217 = Rule(
    "FR217",
    "error",
    "a pattern under where is of a parameter of the path",
    "A pattern of a parameter that the path does not have would narrow nothing.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {rom: "[a-z]+"}}\n    handoff: origin\n',
    "Correct the name, or make it a parameter of the path: `/{name}`.",
)

FR218 = Rule(
    "FR218",
    "error",
    "a pattern fits a value that can occur",
    "A parameter is one segment of a path, so it has no slash, is not empty, and is not `.` or `..`; a header's value has "
    "no control characters, no spaces around it, and nothing beyond U+00FF. A route with a pattern that fits only what "
    "cannot occur gets no request.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "[a-z]+/[a-z]+"}}\n    handoff: origin\n',
    "Correct the pattern; for several segments use several parameters.",
)


# What can be matched, by the key it is matched under, and what that is in words.
_POSSIBLE = {
    "where": (SEGMENT, "a parameter", "it is a whole segment: not empty, no '.' or '..', and no slash in it"),
    "header": (HEADER_VALUE, "a header", "it has no control characters, nothing beyond U+00FF, and no spaces around it"),
    "query": (QUERY_VALUE, "a query parameter", ""),
    "claims": (QUERY_VALUE, "a claim", ""),
}


def patterns_fit_something(source: Source) -> Iterator[Diagnostic]:
    """FR216 and FR218: of a pattern one of them."""
    for path, key, pattern in _patterns(source):
        try:
            if not _fits_something(pattern, key):
                _, what, mend = _POSSIBLE[key]
                yield Diagnostic(FR218, f"{what} never fits this pattern", source.value_span(path), mend)
        except BadPattern as bad:
            yield Diagnostic(FR216, bad.message, source.value_span(path), bad.mend)


def patterns_are_of_parameters(source: Source) -> Iterator[Diagnostic]:
    """FR217"""
    for index, match in _matches(source):
        path, where = match.get("path"), match.get("where")
        if not isinstance(where, dict):
            continue
        known = PARAMETER.findall(path) if isinstance(path, str) else []
        for name in where:
            if name not in known:
                suggestion = did_you_mean(str(name), known, "parameters") if known else "the path has no parameters"
                suggestion = suggest_binding(str(name), path) or suggestion
                span = source.key_span(("routes", index, "match", "where", name))
                yield Diagnostic(FR217, f"the path has no parameter '{name}'", span, suggestion)


@cache
def _fits_something(pattern: str, key: str) -> bool:
    """Whether something that is possible under a key fits a pattern. Raises BadPattern."""
    return shortest_text(compile_pattern(pattern), _POSSIBLE[key][0]) is not None


def _matches(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, route in raw.routes(source):
        if isinstance(route.get("match"), dict):
            yield index, route["match"]


def _patterns(source: Source) -> Iterator[tuple[Path, str, str]]:
    """All patterns: where each stands, the key it is under, and itself."""
    matches = ((("routes", index, "match"), match) for index, match in _matches(source))
    for place, owner in chain(matches, raw.auths(source)):
        for key, given in owner.items():
            for name, value in given.items() if key in _POSSIBLE and isinstance(given, dict) else ():
                path: Path = (*place, key, name)
                if key != "where":
                    path, value = (*path, "pattern"), value.get("pattern") if isinstance(value, dict) else None
                if isinstance(value, str):
                    yield path, key, value


RULES = {
    patterns_are_of_parameters: ("where",),
    patterns_fit_something: ("where", "pattern"),
}
