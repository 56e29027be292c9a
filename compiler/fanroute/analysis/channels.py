"""Computes which values the references in a route's template can have, and which channels the template gives with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from itertools import dropwhile

from fanroute.analysis.ambiguity import Split, find_two_splits
from fanroute.analysis.automata import (
    HEADER_VALUE,
    QUERY_VALUE,
    automaton_of,
    intersection,
    next_state,
    rest_values,
    segment_values,
    shortest_text,
)
from fanroute.analysis.outline import is_plain
from fanroute.plan.routes import rest_name
from fanroute_runtime.grip.instructions import MAX_VALUE
from fanroute_runtime.matching.host_labels import LABEL
from fanroute_runtime.matching.pattern import DEAD, Automaton, compile_pattern
from fanroute_runtime.plan import Bound, Condition, Parameter, PathFault, Route, Source, Template

# The values that a client may choose for a part of a channel (`is_valid_value`). None of them contains a `%` with two
# hexadecimal digits after it, which could be percent-encoding (`is_percent_encoded`). A channel begins and ends without a space.
_HEX, _OTHER = "0-9A-Fa-f", " !#-$&-+\\--/:<-@G-`g-~"
_UNENCODED = compile_pattern(f"[{_HEX}{_OTHER}]*(%+([{_HEX}]?[{_OTHER}][{_HEX}{_OTHER}]*|[{_HEX}])?)*")
_VALUE = intersection(_UNENCODED, compile_pattern(r"[\s\S]+"))
_FIRST = compile_pattern(r"[^ ][\s\S]*")
_LAST = compile_pattern(r"[\s\S]*[^ ]")
_CLAIM = compile_pattern("[!-~]([ -~]*[!-~])?")
_POSSIBLE: dict[Source, Automaton] = {"query": QUERY_VALUE, "header": HEADER_VALUE, "claim": _CLAIM}
# The kinds of invalid values, the best example first: one whose fault is visible, then any.
_PREFERRED_INVALID = (compile_pattern("[^\x00- \x7f-\xa0]+"), QUERY_VALUE)


@dataclass(frozen=True, slots=True)
class Reference:
    """Represents a reference in a template, with the conditions that its route puts on the value.

    The value is one of `values`, or fits `pattern`, or is unrestricted if both are empty. `first` and `last` say that the channel
    begins or ends with the reference. Paths with the faults `refused` reach no route. `is_rest` says that the value is the rest
    of a path, which has slashes, and `is_label` that it is the first label of a host.
    """

    bound: Bound
    values: tuple[str, ...] = ()
    pattern: str = ""
    first: bool = False
    last: bool = False
    refused: tuple[PathFault, ...] = ()
    is_rest: bool = False
    is_label: bool = False

    @property
    def is_free(self) -> bool:
        """Returns True if the client can choose any value."""
        return not self.values and not self.pattern and self.bound.source != "claim"


# A template whose references have the conditions of their route.
ResolvedTemplate = tuple[str | Reference, ...]
# The values that one request has for the references of a template.
Values = dict[Bound, str]


def resolve(template: Template, route: Route, refused: tuple[PathFault, ...] = ()) -> ResolvedTemplate:
    """Returns a template with its route's conditions at each reference. Paths with the faults `refused` reach no route."""
    ends = range(len(template))
    return tuple(
        part if isinstance(part, str) else _reference(part, route, i == ends[0], i == ends[-1], refused)
        for i, part in enumerate(template)
    )


def _reference(bound: Bound, route: Route, first: bool, last: bool, refused: tuple[PathFault, ...]) -> Reference:
    if bound.source == "path":
        label, path = route.match.host_parameter, route.match.path
        if label and label.name == bound.name:
            return Reference(bound, (), label.pattern, first, last, is_label=True)
        assert path is not None  # FR209: the match binds each reference
        parameters = (segment for segment in (*path.segments, path.bound_rest) if isinstance(segment, Parameter))
        pattern = next(parameter.pattern for parameter in parameters if parameter.name == bound.name)
        return Reference(bound, (), pattern, first, last, refused, bound.name == rest_name(route.match))
    conditions = {"query": route.match.query, "header": route.match.headers, "claim": route.auth.claims if route.auth else ()}
    found = (condition for condition in conditions[bound.source] if condition.name == bound.name and not condition.templates)
    condition = next(found, Condition(bound.name))
    return Reference(bound, condition.values, condition.pattern, first, last)


def decided_by_token(route: Route) -> set[Bound]:
    """Returns the references whose values the client's token decides: no other value satisfies the same claim.

    If a claim may equal one of several templates, it decides the references that occur in each of them.
    """
    conditions = route.auth.claims if route.auth else ()
    decided = [
        [_decided_by(template, route) for template in condition.templates] for condition in conditions if condition.templates
    ]
    return set().union(*(set.intersection(*each) for each in decided))


def _decided_by(template: Template, route: Route) -> set[Bound]:
    """Returns the references that a claim decides if it equals a template.

    It decides none if different values give the same text, as `a-b-c` fits `{tenant}-{room}` with tenant `a`, and with `a-b`.
    """
    resolved = resolve(template, route)
    return set() if find_collision(resolved) else {reference.bound for reference in references_in(resolved)}


def references_in(template: ResolvedTemplate) -> tuple[Reference, ...]:
    """Returns the references in a template, in order."""
    return tuple(part for part in template if isinstance(part, Reference))


def find_collision(template: ResolvedTemplate) -> tuple[Values, Values] | None:
    """Returns the values of two different requests that get the same channel, or None if no two do.

    If a reference occurs twice, only the shortest channel that can be split in two ways is tried.
    """
    if len({reference.bound for reference in references_in(template)}) < 2:
        return None
    # Text at the ends of a template is the same in all of its channels, so only its length matters.
    inner = tuple(dropwhile(_is_text, reversed(tuple(dropwhile(_is_text, reversed(template))))))
    return _find_collision(inner, MAX_VALUE - _text_length(template) + _text_length(inner))


@cache
def _find_collision(template: ResolvedTemplate, longest: int) -> tuple[Values, Values] | None:
    splits = find_two_splits([valid_texts(part) for part in template], longest)
    if splits is None:
        return None
    one, other = (_values_of(template, split) for split in splits)
    return (one, other) if one and other else None


def _is_text(part: str | Reference) -> bool:
    return isinstance(part, str)


def _text_length(template: ResolvedTemplate) -> int:
    return sum(len(part) for part in template if isinstance(part, str))


def _values_of(template: ResolvedTemplate, split: Split) -> Values | None:
    """Returns the values that a split of a channel gives the references, or None if one reference would have two."""
    found: Values = {}
    for part, text in zip(template, split, strict=True):
        if isinstance(part, Reference) and found.setdefault(part.bound, text) != text:
            return None
    return found


def find_values(template: ResolvedTemplate, channel: str) -> Values | None:
    """Returns values of the references with which a template gives a channel, or None if it gives it with none.

    If several values do, the earlier references have short ones.
    """
    return _find_values(template, channel, {}, set()) if len(channel) <= MAX_VALUE else None


def _find_values(template: ResolvedTemplate, text: str, known: Values, failed: set[tuple[object, ...]]) -> Values | None:
    """Returns the known values and those of the template's references, if the template gives the text with them.

    `failed` keeps the searches that found nothing, so that none is made twice.
    """
    if not template:
        return None if text else known
    part, rest = template[0], template[1:]
    if isinstance(part, str) or part.bound in known:
        start = part if isinstance(part, str) else known[part.bound]
        return _find_values(rest, text.removeprefix(start), known, failed) if text.startswith(start) else None
    search = (len(template), len(text), *(known.get(reference.bound) for reference in references_in(template)))
    if search not in failed:
        for length in _accepted_lengths(valid_texts(part), text):
            if (found := _find_values(rest, text[length:], known | {part.bound: text[:length]}, failed)) is not None:
                return found
        failed.add(search)
    return None


def _accepted_lengths(automaton: Automaton, text: str) -> Iterator[int]:
    """Yields the lengths of the beginnings of a text that an automaton accepts, in order."""
    state = automaton.start
    for length in range(len(text) + 1):
        if state in automaton.accepting:
            yield length
        if length == len(text) or (state := next_state(automaton, state, text[length])) == DEAD:
            return


@cache
def find_invalid_value(reference: Reference) -> str | None:
    """Returns a possible value of the reference that makes no valid channel, or None. Lengths are not considered."""
    if reference.pattern and is_plain(reference.pattern):
        return None
    valid = _valid_values(reference)
    if reference.values:
        return next((value for value in reference.values if not valid.matches(value)), None)
    texts = (shortest_text(possible_values(reference), kind, rejected_by=[valid]) for kind in _PREFERRED_INVALID)
    return next((text for text in texts if text is not None), None)


def is_never_valid(reference: Reference) -> bool:
    """Returns True if no possible value of the reference makes a valid channel."""
    return not valid_texts(reference).accepting


def find_separator(template: ResolvedTemplate, characters: str) -> str | None:
    """Returns the first of the characters that cannot occur in any reference's value, or None."""
    automata = [valid_texts(reference) for reference in references_in(template)]
    return next((character for character in characters if not any(_uses(automaton, character) for automaton in automata)), None)


def _uses(automaton: Automaton, character: str) -> bool:
    """Returns True if some accepted text contains the character. Each step of such an automaton leads to an accepted text."""
    return any(next_state(automaton, state, character) != DEAD for state in range(len(automaton.steps)))


@cache
def valid_texts(part: str | Reference) -> Automaton:
    """Returns the automaton of the texts that a part of a template can give in a valid channel."""
    if isinstance(part, str):
        return automaton_of([part])
    valid = _valid_values(part)
    if part.values:
        return automaton_of(value for value in part.values if valid.matches(value))
    return intersection(possible_values(part), valid)


@cache
def possible_values(reference: Reference) -> Automaton:
    """Returns the automaton of all values that a reference can have."""
    if reference.values:
        return automaton_of(reference.values)
    every = _every_value(reference)
    return intersection(every, compile_pattern(reference.pattern)) if reference.pattern else every


def _every_value(reference: Reference) -> Automaton:
    if reference.is_label:
        return compile_pattern(LABEL)
    if reference.bound.source != "path":
        return _POSSIBLE[reference.bound.source]
    return rest_values(reference.refused) if reference.is_rest else segment_values(reference.refused)


def _valid_values(reference: Reference) -> Automaton:
    """Returns the automaton of the values that are valid at the reference's position in a channel."""
    return reduce(intersection, [_FIRST] * reference.first + [_LAST] * reference.last, _VALUE)
