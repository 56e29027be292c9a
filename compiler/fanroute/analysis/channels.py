"""What the references of a channel's template can be, and what that makes of the channel."""

from dataclasses import dataclass
from functools import cache, reduce
from itertools import dropwhile

from fanroute.analysis.ambiguity import Cut, two_cuts
from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, segment, shortest, step
from fanroute.analysis.languages import both, of_texts
from fanroute_runtime.grip import MAX_VALUE
from fanroute_runtime.pattern import DEAD, Automaton, compile_pattern
from fanroute_runtime.plan import Bound, Condition, Parameter, PathFault, Route, Source, Template

# What a part of a channel that a client chooses is made of (`grip.is_value`): between its `%` there is nothing that could
# be percent-encoded (`grip.is_encoded`). And what a part at a channel's beginning and one at its end is.
_HEX, _OTHER = "0-9A-Fa-f", " !#-$&-+\\--/:<-@G-`g-~"
_UNENCODED = compile_pattern(f"[{_HEX}{_OTHER}]*(%+([{_HEX}]?[{_OTHER}][{_HEX}{_OTHER}]*|[{_HEX}])?)*")
_PART = both(_UNENCODED, compile_pattern(r"[\s\S]+"))
_FIRST = compile_pattern(r"[^ ][\s\S]*")
_LAST = compile_pattern(r"[\s\S]*[^ ]")
_CLAIM = compile_pattern("[!-~]([ -~]*[!-~])?")
_POSSIBLE: dict[Source, Automaton] = {"query": QUERY_VALUE, "header": HEADER_VALUE, "claim": _CLAIM}
# Of the values that are refused, one is told that is easily seen.
_RATHER = (compile_pattern("[^\x00- \x7f-\xa0]+"), QUERY_VALUE)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in a template, and what its route says of the value: one of some, or what fits a pattern; or nothing.

    `first` and `last` are whether the channel begins and ends with it. Paths with the faults `refused` get no route.
    """

    bound: Bound
    values: tuple[str, ...] = ()
    pattern: str = ""
    first: bool = False
    last: bool = False
    refused: tuple[PathFault, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether a client chooses it freely."""
        return not self.values and not self.pattern and self.bound.source != "claim"


# A template, with what is known of its references.
Parts = tuple[str | Reference, ...]
# The values of a request, for the references of a template.
Values = dict[Bound, str]


def parts(template: Template, route: Route, refused: tuple[PathFault, ...] = ()) -> Parts:
    """A template of a route, and what the route says of its references. Paths with some faults are `refused`."""
    ends = range(len(template))
    return tuple(
        part if isinstance(part, str) else _reference(part, route, i == ends[0], i == ends[-1], refused)
        for i, part in enumerate(template)
    )


def _reference(bound: Bound, route: Route, first: bool, last: bool, refused: tuple[PathFault, ...]) -> Reference:
    if bound.source == "path":
        assert route.match.path is not None  # checks.py: what a template refers to is bound
        parameters = (segment for segment in route.match.path.segments if isinstance(segment, Parameter))
        pattern = next(parameter.pattern for parameter in parameters if parameter.name == bound.name)
        return Reference(bound, (), pattern, first, last, refused)
    conditions = {"query": route.match.query, "header": route.match.headers, "claim": route.auth.claims if route.auth else ()}
    found = (condition for condition in conditions[bound.source] if condition.name == bound.name and not condition.templates)
    condition = next(found, Condition(bound.name))
    return Reference(bound, condition.values, condition.pattern, first, last)


def compared(route: Route) -> set[Bound]:
    """Returns what of a request the client's token decides: no other value of it fits the same claim.

    If a claim may equal one of several templates, it decides what stands in each of them.
    """
    conditions = route.auth.claims if route.auth else ()
    told = [[_told(template, route) for template in condition.templates] for condition in conditions if condition.templates]
    return set().union(*(set.intersection(*each) for each in told))


def _told(template: Template, route: Route) -> set[Bound]:
    """Returns the references that a claim decides if it equals a template.

    It decides none if the template can be read in two ways, as `{tenant}-{room}` of `a-b-c`.
    """
    known = parts(template, route)
    return set() if shared(known) else {reference.bound for reference in references(known)}


def references(template: Parts) -> tuple[Reference, ...]:
    """The references of a template, in order."""
    return tuple(part for part in template if isinstance(part, Reference))


def shared(template: Parts) -> tuple[Values, Values] | None:
    """Different values for two requests that get one channel; None if each channel is of one request's values.

    Where a reference stands in a template twice, only the shortest channel that can be read in two ways is looked at.
    """
    if len({reference.bound for reference in references(template)}) < 2:
        return None
    # What is the same in all of its channels, at their ends, makes no difference but for the length.
    inner = tuple(dropwhile(_is_text, reversed(tuple(dropwhile(_is_text, reversed(template))))))
    return _shared(inner, MAX_VALUE - _text_length(template) + _text_length(inner))


@cache
def _shared(template: Parts, longest: int) -> tuple[Values, Values] | None:
    cuts = two_cuts([_accepted(part) for part in template], longest)
    if cuts is None:
        return None
    one, other = (_values(template, cut) for cut in cuts)
    return (one, other) if one and other else None


def _is_text(part: str | Reference) -> bool:
    return isinstance(part, str)


def _text_length(template: Parts) -> int:
    return sum(len(part) for part in template if isinstance(part, str))


def _values(template: Parts, cut: Cut) -> Values | None:
    """The values that a channel is read as; None where a reference would have two."""
    found: Values = {}
    for part, text in zip(template, cut, strict=True):
        if isinstance(part, Reference) and found.setdefault(part.bound, text) != text:
            return None
    return found


@cache
def refused(reference: Reference) -> str | None:
    """A value that a reference can have and that gives no channel, its length aside; None if each gives one."""
    allowed = _allowed(reference)
    if reference.values:
        return next((value for value in reference.values if not allowed.matches(value)), None)
    texts = (shortest(possible(reference), rather, unfit=[allowed]) for rather in _RATHER)
    return next((text for text in texts if text is not None), None)


def gives_none(reference: Reference) -> bool:
    """Whether no value that a reference can have gives a channel."""
    return not _accepted(reference).accepting


def unused(template: Parts, characters: str) -> str | None:
    """The first of some characters that no reference's value has."""
    automata = [_accepted(reference) for reference in references(template)]
    return next((character for character in characters if not any(_has(automaton, character) for automaton in automata)), None)


def _has(automaton: Automaton, character: str) -> bool:
    """Whether an accepted text has a character: every step of an automaton leads to one."""
    return any(step(automaton, state, character) != DEAD for state in range(len(automaton.steps)))


@cache
def _accepted(part: str | Reference) -> Automaton:
    """What stands in a channel for a part of its template."""
    if isinstance(part, str):
        return of_texts([part])
    allowed = _allowed(part)
    if part.values:
        return of_texts(value for value in part.values if allowed.matches(value))
    return both(possible(part), allowed)


@cache
def possible(reference: Reference) -> Automaton:
    """Returns the automaton of all values that a reference can have."""
    if reference.values:
        return of_texts(reference.values)
    source = reference.bound.source
    every = segment(reference.refused) if source == "path" else _POSSIBLE[source]
    return both(every, compile_pattern(reference.pattern)) if reference.pattern else every


def _allowed(reference: Reference) -> Automaton:
    """What can stand in a channel for a reference."""
    return reduce(both, [_FIRST] * reference.first + [_LAST] * reference.last, _PART)
