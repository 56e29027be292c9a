"""Checks templates, which take values from the request: FR209, FR403 and FR404."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial, reduce
from typing import Any
from urllib.parse import unquote

from fanroute.analysis.automata import automaton_of, next_state, shortest_text
from fanroute.analysis.channels import (
    Reference,
    ResolvedTemplate,
    Values,
    find_invalid_value,
    is_never_valid,
    possible_values,
    resolve,
)
from fanroute.analysis.channels import references_in as references_of
from fanroute.analysis.refused import TEXTS
from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import LOOPBACK, START
from fanroute.diagnostics.printable import quoted
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.plan.routes import declared_routes, rewrite_of
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.placeholders import suggest_binding
from fanroute.spec.publishing import PARTS
from fanroute.spec.template import references_in
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import Path, Source
from fanroute_runtime.grip.instructions import SEPARATORS, changes_path
from fanroute_runtime.matching.pattern import Automaton, compile_pattern
from fanroute_runtime.plan import Bound, Hold, PathFault, Redirect, Route

FR209 = Rule(
    "FR209",
    "error",
    "a channel, location, path, limit or condition on a claim uses a value that its route does not have",
    "A value that the match does not bind is missing when a request comes, and a claim is missing if the route needs no token. "
    "The channel or location would have a gap, and no claim could equal it. A default `auth` is checked with the match of each "
    "route that uses it.",
    START + '  self: {loopback: true}\nroutes:\n  - match: {path: "/rooms/{room}"}\n    stream: {channel: "room-{rom}"}\n',
    "Use a name that the match binds, or bind this one: as a path parameter, or as a query parameter or header of the match.",
)
_ADD_AUTH = "add 'auth:', which says which token a client needs"


@source_check()
def check_references(source: Source) -> Iterator[Diagnostic]:
    """Reports FR209: a template uses a value that the route's match or token does not give."""
    for index, route in raw.routes(source):
        for path, value in ((path, value) for path, text in raw.templates(index, route) for value in references_in(text)):
            reference, known = reference_text(value), raw.bound_references(route.get("match"))
            if value.source == "claim" and raw.auth_of(source, index, route) is None:
                message = f"'{reference}' needs a token, and this route requires none"
                yield Diagnostic(FR209, message, source.value_span(path), _ADD_AUTH)
            elif value.source != "claim" and reference not in known:
                part = reference.strip("{}")
                is_part = "envelope" in path and part in PARTS
                suggestion = f"write '{part}', which stands for a part of the message" if is_part else ""
                yield _unbound(reference, source.value_span(path), suggestion or _suggest_binding(route, reference))
        yield from _unbound_in_claims(source, index, route)
        yield from _missing_in_limit(source, index, route)


def _missing_in_limit(source: Source, index: int, route: dict[str, Any]) -> Iterator[Diagnostic]:
    """Reports FR209 for a limit by a claim. One by a header needs no value, because a client without it has an address."""
    limit = route.get("limit")
    by = limit.get("by") if isinstance(limit, dict) else None
    if isinstance(by, str) and by.startswith("claim.") and raw.auth_of(source, index, route) is None:
        span = source.value_span(("routes", index, "limit", "by"))
        yield Diagnostic(FR209, f"'{by}' needs a token, and this route requires none", span, _ADD_AUTH)


def _unbound_in_claims(source: Source, index: int, route: dict[str, Any]) -> Iterator[Diagnostic]:
    auth = raw.auth_of(source, index, route)
    for path, text in auth.claim_values() if auth else ():
        known = raw.bound_references(route.get("match"))
        for reference in (reference_text(value) for value in references_in(text) if value.source != "claim"):
            if reference in known:
                continue
            span = source.value_span(path)
            if path[0] == "routes":
                yield _unbound(reference, span, _suggest_binding(route, reference))
            else:
                note = Note(f"{raw.owner_text(path)} compares a claim with it", span)
                suggestion = "bind it, or give the route an 'auth' of its own, or 'public: true'"
                yield _unbound(reference, source.key_span(("routes", index)), suggestion, note)


def _unbound(reference: str, span: Span, suggestion: str, *notes: Note) -> Diagnostic:
    return Diagnostic(FR209, f"the match does not bind '{reference}'", span, suggestion, notes)


def _suggest_binding(route: dict[str, Any], reference: str) -> str:
    """Suggests how to have a match bind a reference, or which reference to use instead."""
    match, known = route.get("match"), raw.bound_references(route.get("match"))
    instead = suggest_binding(reference.strip("{}"), match.get("path")) if isinstance(match, dict) else ""
    return instead or (did_you_mean(reference, known, "bound here") if known else "the match binds nothing")


FR403 = Rule(
    "FR403",
    "note",
    "some requests of a route make no valid channel, location, link or path",
    'A channel is printable ASCII without `,`, `;` and `"`, and without spaces around it. A value from the '
    "request must not contain percent-encoding after it is decoded once (a client may have encoded it twice). In the path of a "
    "location, link or `rewrite`, a value must not make its segment empty, `.` or `..`. If the value contains slashes, it must "
    "not make one of the parts between them `.` or `..`. Otherwise the address would lead to another path, or as "
    "`//evil.example` to another host. A request with such a value gets a 400. It does not go on to the next route, because it "
    "fits the match. The path that a `rewrite` makes must not have what `paths` refuses, either.",
    LOOPBACK + '  - match: {path: "/rooms/{room}", where: {room: ".+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Restrict the pattern to the values that are meant, as in `[a-z0-9-]{1,64}`. Leave it if such requests should get a 400.",
)

FR404 = Rule(
    "FR404",
    "warning",
    "no request of a route makes a valid channel, location, link or path",
    'A channel is printable ASCII without `,`, `;` and `"`, and without spaces around it. In the path of a location or link, a '
    "value must not make its segment empty, `.` or `..`, and in that of a `rewrite` it must not have what `paths` refuses. "
    "No value that fits this condition is valid there, so every request of "
    "the route gets a 400.",
    LOOPBACK
    + '  - match: {path: "/rooms/{room}", where: {room: "[à-ÿ]+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Use another value, or a pattern or list of values that are valid there.",
)

_ALLOW_IN_CHANNELS = (
    f"allow only what a channel may contain: printable ASCII without {' '.join(SEPARATORS)}, not empty, without spaces around it"
)


def _allow_in_paths(reference: Reference, kind: str) -> str:
    refused = " and have nothing that 'paths' refuses" if kind == "path" else ""
    if reference.is_rest:
        pattern = f'where: {{{reference.bound.name}: "[a-z0-9/-]{{1,64}}"}}'
        return f"allow only segments that are not '.' or '..'{refused}, as with {pattern}"
    return f"allow only values that are not empty, '.' or '..'{refused}, as with {{pattern: \"[a-z0-9-]{{1,64}}\"}}"


@plan_check
def check_channel_values(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR403 or FR404, once for each reference: some or all of the values that its condition allows make no channel."""
    for index, _, templates in file.dynamic_channels:
        reported: set[Bound] = set()
        for reference in (reference for _, template in templates for reference in references_of(template)):
            has_condition = not reference.is_free and reference.bound.source != "claim"
            value = find_invalid_value(reference) if has_condition and reference.bound not in reported else None
            if value is None:
                continue
            reported.add(reference.bound)
            span = file.source.value_span(condition_path(file.source, index, reference.bound))
            name = reference_text(reference.bound)
            if is_never_valid(reference):
                message = f"no value of '{name}' makes a valid channel: every request gets a 400"
                yield Diagnostic(FR404, message, span, _ALLOW_IN_CHANNELS)
            else:
                message = f"'{name}' may be {quoted(value)}, which makes no valid channel: such a request gets a 400"
                yield Diagnostic(FR403, message, span, _ALLOW_IN_CHANNELS)


@plan_check
def check_address_values(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR403 or FR404, once for each segment of a location or link: some or all values make it lead elsewhere.

    "Elsewhere" is another path or host than the route's own text says. Such a request gets a 400.
    """
    for index, route in enumerate(declared_routes(file.plan)):
        kind, template = _address(route, file.plan.refused_paths)
        segments = _segments(template)
        for number, segment in enumerate(segments):
            refused = _refused_values(file.plan.refused_paths, number < len(segments) - 1) if kind == "path" else _NOTHING_REFUSED
            values = {reference.bound: _value_of(segment, reference) for reference in references_of(segment)}
            if values and not _leads_elsewhere(segment, values):
                values = dict(_first_refused(segment, refused))
            if not values:
                continue
            first = next(reference for reference in references_of(segment) if reference.bound in values)
            span = file.source.value_span(condition_path(file.source, index, first.bound))
            if len(values) == 1 and _is_never_possible(segment, first, refused):
                message = f"no value of '{reference_text(first.bound)}' makes a valid {kind}: every request gets a 400"
                yield Diagnostic(FR404, message, span, _allow_in_paths(first, kind))
            else:
                message = f"a request with {values_text(values)} makes no valid {kind}: it gets a 400"
                yield Diagnostic(FR403, message, span, _allow_in_paths(first, kind))


def _address(route: Route, refused_paths: tuple[PathFault, ...]) -> tuple[str, ResolvedTemplate]:
    """Returns "location", "link" or "path" and the parts of that address; "" and no parts if the route has none."""
    if rewrite := rewrite_of(route.action):
        return "path", resolve(rewrite.path, route, refused_paths)
    match route.action:
        case Redirect(location=template):
            return "location", resolve(template, route, refused_paths)
        case Hold(link=template):
            return "link", resolve(template, route, refused_paths)
    return "", ()


def _segments(template: ResolvedTemplate) -> list[ResolvedTemplate]:
    """Splits the path of an address into its segments."""
    segments: list[ResolvedTemplate] = [()]
    for part in template:
        if isinstance(part, Reference):
            segments[-1] += (part,)
            continue
        path, *query = re.split("[?#]", part, maxsplit=1)
        first, *others = re.split(r"[/\\]", path)
        segments[-1] += (unquote(first),)
        segments += [(unquote(other),) for other in others]
        if query:
            break
    return segments


# Segments that lead elsewhere (`instructions.changes_path`).
_ELSEWHERE = compile_pattern(r"(([\s\S]*[/\\])?\.\.?(;[^/\\]*)?([/\\][\s\S]*)?)?")
# Values that can make a segment of several references lead elsewhere, the shortest first.
_DOTS = ("", ".", "..")
# Values that make any segment lead elsewhere.
_SLASHED_BOTH = compile_pattern(r"[\s\S]*[/\\]\.\.?(;[^/\\]*)?[/\\][\s\S]*")


def _value_of(segment: ResolvedTemplate, reference: Reference) -> str:
    """Returns a shortest value of a reference that can make its segment empty, or a part of it between slashes `.` or `..`.

    Returns "x" if there is no such value, and for a claim.
    """
    if reference.bound.source == "claim":  # a client does not choose its claims
        return "x"
    if len(references_of(segment)) == 1:
        found = shortest_text(possible_values(reference), bad_values(segment, reference))
    else:
        values = (value for value in _DOTS if possible_values(reference).matches(value))
        found = next(values, shortest_text(possible_values(reference), _SLASHED_BOTH))
    return "x" if found is None else found


def bad_values(segment: ResolvedTemplate, reference: Reference) -> Automaton:
    """Returns an automaton of the values with which a segment leads elsewhere.

    It accepts all of these values if the segment has no other reference, and has this one once. Otherwise it accepts only short
    ones.
    """
    if len(references_of(segment)) > 1:
        return automaton_of(value for value in _DOTS if _leads_elsewhere(segment, {reference.bound: value}))
    at = segment.index(reference)
    before, after = ("".join(map(str, texts)) for texts in (segment[:at], segment[at + 1 :]))
    ends = (state for state in range(len(_ELSEWHERE.steps)) if _state(state, after) in _ELSEWHERE.accepting)
    return replace(_ELSEWHERE, start=_state(_ELSEWHERE.start, before), accepting=frozenset(ends))


def _state(state: int, text: str) -> int:
    """Returns the state of _ELSEWHERE after a text. It is never DEAD, because any text can go on with '/..'."""
    return reduce(partial(next_state, _ELSEWHERE), text, state)


def _leads_elsewhere(segment: ResolvedTemplate, values: Values) -> bool:
    text = "".join(part if isinstance(part, str) else values[part.bound] for part in segment)
    return changes_path(text.encode())


def _is_never_possible(segment: ResolvedTemplate, reference: Reference, refused: "_Refused") -> bool:
    """Returns True if a segment leads elsewhere or is refused with each possible value of its only reference."""
    if len(references_of(segment)) > 1:
        return False
    rejected_by = [bad_values(segment, reference), refused[reference.is_rest]]
    return shortest_text(possible_values(reference), rejected_by=rejected_by) is None


# The values that a path for a backend must not have: those of other references, and those of the rest of a path.
_Refused = tuple[Automaton, Automaton]
_NOTHING = automaton_of(())
_NOTHING_REFUSED: _Refused = (_NOTHING, _NOTHING)


def _refused_values(faults: Collection[PathFault], is_followed: bool) -> _Refused:
    """Returns the values with which the path for a backend has one of these faults.

    Slashes of a rest separate its segments. One at its end makes an empty segment if another segment follows.
    """
    texts = [text for fault, text in TEXTS.items() if fault in faults and fault != "dot_segments"]
    slashes = [r"[\s\S]*/[\s\S]*"] if "encoded_slashes" in faults else []
    empty = [r"[\s\S]*/"] if "empty_segments" in faults and is_followed else []
    value, rest = (compile_pattern("|".join(some)) if some else _NOTHING for some in (texts + slashes, texts + empty))
    return value, rest


def _first_refused(segment: ResolvedTemplate, refused: _Refused) -> Iterator[tuple[Bound, str]]:
    """Yields the first reference of a segment that can have a refused value, with a shortest one. A client chooses no claims."""
    for reference in references_of(segment):
        chosen = reference.bound.source != "claim"
        value = shortest_text(possible_values(reference), refused[reference.is_rest]) if chosen else None
        if value is not None:
            yield reference.bound, value
            return


def condition_path(source: Source, index: int, bound: Bound) -> Path:
    """Returns the path of the condition on a bound value in the match of a route."""
    match: Path = ("routes", index, "match")
    if bound.source != "header":
        return (*match, "where" if bound.source == "path" else "query", bound.name)
    headers = source.data["routes"][index]["match"]["header"]
    return (*match, "header", next(name for name in headers if name.lower() == bound.name))


def values_text(values: Values) -> str:
    """Writes the bound values of a request, as in "{room}='x' {query.id}='y'"."""
    return " ".join(f"{reference_text(bound)}={quoted(value)}" for bound, value in values.items())
