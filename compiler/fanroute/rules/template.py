"""Warns of locations and links that a client's value could make lead elsewhere. Such a request gets a 400."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial, reduce
from urllib.parse import unquote

from fanroute.analysis.automata import automaton_of, next_state, shortest_text
from fanroute.analysis.channels import Reference, ResolvedTemplate, Values, possible_values, references_in, resolve
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.plan.describe import reference_text
from fanroute.plan.routes import declared_routes
from fanroute.rules.channels import FR403, FR404, place_of_condition, values_listed
from fanroute.syntax.source import Source
from fanroute_runtime.grip import leads_elsewhere
from fanroute_runtime.pattern import Automaton, compile_pattern
from fanroute_runtime.plan import Hold, PathFault, Plan, Redirect, Route

# Segments that lead elsewhere (`grip.leads_elsewhere`).
_ELSEWHERE = compile_pattern(r"(([\s\S]*[/\\])?\.\.?(;[^/\\]*)?([/\\][\s\S]*)?)?")
# Values that can make a segment of several references lead elsewhere, the shortest first; with slashes, those that do so in any.
_DOTS = ("", ".", "..")
_SLASHED_BOTH = compile_pattern(r"[\s\S]*[/\\]\.\.?(;[^/\\]*)?[/\\][\s\S]*")
_MEND = "allow only values that are not empty, '.' or '..', as with {pattern: \"[a-z0-9-]{1,64}\"}"


def values_give_locations(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR403 or FR404, at most one for each segment."""
    for index, route in enumerate(declared_routes(plan)):
        what, template = _location(route, plan.refused_paths)
        for segment in _segments(template):
            values = {reference.bound: _value_of(segment, reference) for reference in references_in(segment)}
            if not values or not _leads_elsewhere(segment, values):
                continue
            first = references_in(segment)[0]
            span = source.value_span(place_of_condition(source, index, first.bound))
            if len(values) == 1 and _always_leads_elsewhere(segment, first):
                message = f"no value of '{reference_text(first.bound)}' gives a {what}: every request gets a 400"
                yield Diagnostic(FR404, message, span, _MEND)
            else:
                message = f"a request with {values_listed(values)} gives no {what}: it gets a 400"
                yield Diagnostic(FR403, message, span, _MEND)


def _location(route: Route, refused: tuple[PathFault, ...]) -> tuple[str, ResolvedTemplate]:
    """Returns "location" or "link" and the parts of that address; "" and no parts if the route has neither."""
    match route.action:
        case Redirect(location=template):
            return "location", resolve(template, route, refused)
        case Hold(link=template):
            return "link", resolve(template, route, refused)
    return "", ()


def _segments(template: ResolvedTemplate) -> list[ResolvedTemplate]:
    """The segments of an address's path."""
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


def _value_of(segment: ResolvedTemplate, reference: Reference) -> str:
    """Returns the shortest value of a reference that makes its segment lead elsewhere, or another value if none is found."""
    if reference.bound.source == "claim":  # a client does not choose its claims
        return "x"
    if len(references_in(segment)) == 1:
        found = shortest_text(possible_values(reference), bad_values(segment, reference))
    else:
        values = (value for value in _DOTS if possible_values(reference).matches(value))
        found = next(values, shortest_text(possible_values(reference), _SLASHED_BOTH))
    return "x" if found is None else found


def bad_values(segment: ResolvedTemplate, reference: Reference) -> Automaton:
    """Returns the values with which a segment leads elsewhere: all of them if its only reference stands there once."""
    if len(references_in(segment)) > 1:
        return automaton_of(value for value in _DOTS if _leads_elsewhere(segment, {reference.bound: value}))
    at = segment.index(reference)
    before, after = ("".join(map(str, texts)) for texts in (segment[:at], segment[at + 1 :]))
    ends = (state for state in range(len(_ELSEWHERE.steps)) if _state(state, after) in _ELSEWHERE.accepting)
    return replace(_ELSEWHERE, start=_state(_ELSEWHERE.start, before), accepting=frozenset(ends))


def _state(state: int, text: str) -> int:
    """Returns the state of _ELSEWHERE after a text: never DEAD, because any text can go on with '/..'."""
    return reduce(partial(next_state, _ELSEWHERE), text, state)


def _leads_elsewhere(segment: ResolvedTemplate, values: Values) -> bool:
    text = "".join(part if isinstance(part, str) else values[part.bound] for part in segment)
    return leads_elsewhere(text.encode())


def _always_leads_elsewhere(segment: ResolvedTemplate, reference: Reference) -> bool:
    """Returns True if a segment leads elsewhere with each value of its only reference."""
    return shortest_text(possible_values(reference), rejected_by=[bad_values(segment, reference)]) is None
