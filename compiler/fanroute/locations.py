"""What is said of locations and links that a client's value could make lead elsewhere. Such a request gets a 400."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from fanroute.automata import shortest
from fanroute.channels.advice import place_of_condition, values_listed
from fanroute.channels.languages import of_texts
from fanroute.channels.values import Parts, Reference, Values, parts, possible, references
from fanroute.diagnostics import Diagnostic
from fanroute.lower import written_routes
from fanroute.source import Source
from fanroute.template import written
from fanroute_runtime.grip import leads_elsewhere
from fanroute_runtime.pattern import Automaton, compile_pattern
from fanroute_runtime.plan import Hold, PathFault, Plan, Redirect, Route

# Values that can make a segment lead elsewhere (`grip.encoded`), the shortest first; with slashes, those that are a whole
# segment, and those that do so in any.
_DOTS = ("", ".", "..")
_SLASHED = compile_pattern(r"([\s\S]*[/\\])?\.\.?(;[^/\\]*)?([/\\][\s\S]*)?")
_SLASHED_BOTH = compile_pattern(r"[\s\S]*[/\\]\.\.?(;[^/\\]*)?[/\\][\s\S]*")
_MEND = "allow only values that are not empty, '.' or '..', as with {pattern: \"[a-z0-9-]{1,64}\"}"


def values_give_locations(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR403 or FR404, at most one for each segment."""
    for index, route in enumerate(written_routes(plan)):
        what, template = _location(route, plan.refused_paths)
        for segment in _segments(template):
            slashed = _SLASHED if len([part for part in segment if part]) == 1 else _SLASHED_BOTH
            values = {reference.bound: _shortest_of_dots(reference, slashed) for reference in references(segment)}
            if not values or not _leads_elsewhere(segment, values):
                continue
            first = references(segment)[0]
            span = source.value_span(place_of_condition(source, index, first.bound))
            if len(values) == 1 and _always_leads_elsewhere(segment, first):
                message = f"no value of '{written(first.bound)}' gives a {what}: every request gets a 400"
                yield Diagnostic("FR404", message, span, _MEND)
            else:
                message = f"a request with {values_listed(values)} gives no {what}: it gets a 400"
                yield Diagnostic("FR403", message, span, _MEND)


def _location(route: Route, refused: tuple[PathFault, ...]) -> tuple[str, Parts]:
    """What kind of address a route tells, and its parts; none for a route that tells no address."""
    match route.action:
        case Redirect(location=template):
            return "location", parts(template, route, refused)
        case Hold(link=template):
            return "link", parts(template, route, refused)
    return "", ()


def _segments(template: Parts) -> list[Parts]:
    """The segments of an address's path."""
    segments: list[Parts] = [()]
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


def _shortest_of_dots(reference: Reference, slashed: Automaton) -> str:
    """The shortest value of dots that a reference can have, or one of those with slashes, or another value if it has none."""
    if reference.bound.source == "claim":  # a client does not choose its claims
        return "x"
    values = (value for value in _DOTS if possible(reference).matches(value))
    return next(values, shortest(possible(reference), slashed) or "x")


def _leads_elsewhere(segment: Parts, values: Values) -> bool:
    text = "".join(part if isinstance(part, str) else values[part.bound] for part in segment)
    return leads_elsewhere(text.encode())


def _always_leads_elsewhere(segment: Parts, reference: Reference) -> bool:
    """Returns True if a segment leads elsewhere with each value of its only reference."""
    bad = [value for value in _DOTS if _leads_elsewhere(segment, {reference.bound: value})]
    return shortest(possible(reference), unfit=[of_texts(bad)]) is None
