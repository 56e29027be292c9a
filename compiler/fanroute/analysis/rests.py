"""Represents conditions on the rest of a path (`{rest...}`), and finds paths that meet them.

The rest is all segments from an index on. So a condition on it says something about the number of segments and about each of
them, and a path has to be found for all of these at once: by an automaton for each condition, over the text of the whole path.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import chain
from sys import maxsize
from typing import NamedTuple, TypeVar

from fanroute.analysis.automata import QUERY_VALUE, automaton_of, intersection, next_state, rest_values, shortest_text
from fanroute.analysis.sets import MAX_CACHED, Lengths, NonText, Texts
from fanroute_runtime.matching.pattern import DEAD, Automaton, compile_pattern
from fanroute_runtime.matching.predicates import Segments, can_bind_rest, rest_text

# A number of segments, and the pattern of the rest after them, "" for any.
Condition = tuple[int, str]
# The sets of the segments that are restricted, by their indices.
RestrictedSegments = tuple[tuple[int, Texts], ...]

_State = TypeVar("_State", bound=Hashable)

# What stands for a segment that is no text. No path has these characters, because they are not in UTF-8.
_BROKEN, _SLASHED = "\ud800", "\ud801"
_SYMBOLS = {NonText.BROKEN: _BROKEN, NonText.SLASHED: _SLASHED}
# A segment with a slash in it.
SLASHED = "x/y"
# The boundaries of the slash, of the symbols, and of the other characters that are not in UTF-8.
_BOUNDARIES = {0, ord("/"), ord("/") + 1, 0xD800, 0xD801, 0xD802, 0xE000}


class Rests(NamedTuple):
    """Represents the paths that meet all conditions of `fitting` and none of `unfitting`."""

    fitting: frozenset[Condition] = frozenset()
    unfitting: frozenset[Condition] = frozenset()

    def intersect(self, other: "Rests") -> "Rests":
        return Rests(self.fitting | other.fitting, self.unfitting | other.unfitting)

    def subtract(self, other: "Rests") -> Iterator["Rests"]:
        """Yields disjoint sets that together are this one without the other, which must have nothing `unfitting`."""
        left = self
        for condition in sorted(other.fitting):
            yield left._replace(unfitting=left.unfitting | {condition})
            left = left._replace(fitting=left.fitting | {condition})

    def contains(self, segments: Segments) -> bool:
        """Returns True if a path meets the conditions."""
        return all(map(_test_of(segments), self.fitting)) and not any(map(_test_of(segments), self.unfitting))

    @property
    def is_empty(self) -> bool:
        """Returns True if the conditions contradict each other. They may also contradict those on segments: see `find_path`."""
        return bool(self.fitting & self.unfitting)


def _test_of(segments: Segments) -> Callable[[Condition], bool]:
    """Returns a function that says if the rest of a path meets a condition."""

    def meets(condition: Condition) -> bool:
        size, pattern = condition
        rest = segments[size:]
        return bool(rest) and can_bind_rest(rest) and (not pattern or compile_pattern(pattern).matches(rest_text(rest)))

    return meets


@lru_cache(maxsize=MAX_CACHED)
def find_path(lengths: Lengths, restricted: RestrictedSegments, rests: Rests) -> Segments | None:
    """Returns the segments of a path that meets all conditions, or None if there is none. Raises BudgetExceeded."""
    accepting = [_paths_of_length(lengths), *(_rest_paths(condition) for condition in sorted(rests.fitting))]
    rejecting = [_rest_paths(condition) for condition in sorted(rests.unfitting)]
    for index, texts in restricted:
        symbols = "".join(_SYMBOLS[each] for each in texts.non_texts)
        patterns = map(compile_pattern, sorted(texts.patterns))
        for automaton in (QUERY_VALUE, *patterns) if texts.values is None else (automaton_of(sorted(texts.values)),):
            accepting.append(_paths_with(automaton, index, symbols))
        excluded = map(compile_pattern, sorted(texts.excluded_patterns))
        for automaton in chain(excluded, [automaton_of(sorted(texts.excluded))] if texts.excluded else ()):
            rejecting.append(_paths_with(automaton, index, ""))
    text = shortest_text(*accepting, rejected_by=rejecting, symbols=_BROKEN + _SLASHED)
    if text is None:
        return None
    found = {_BROKEN: None, _SLASHED: SLASHED}
    return tuple(found.get(segment, segment) for segment in text.split("/"))


# A state of the automata below: how many segments are to come before the one that counts, and the state in that one.
_Place = tuple[int, int]
# States in the segment that counts: its only character is a symbol, and it has ended.
_AT_SYMBOL, _BEHIND = -2, -3


@cache
def _paths_with(texts: Automaton, index: int, symbols: str) -> Automaton:
    """Returns the automaton of the paths whose segment at an index is one of the texts or symbols."""
    fitting = {_AT_SYMBOL, _BEHIND, *texts.accepting}

    def step(place: _Place, character: str) -> _Place | None:
        before, state = place
        if before or state == _BEHIND:
            return (before - (character == "/"), state) if before else place
        if character == "/":
            return (0, _BEHIND) if state in fitting else None
        if character in _SYMBOLS.values():
            return (0, _AT_SYMBOL) if character in symbols and state == texts.start else None
        return None if state == _AT_SYMBOL else _next(texts, state, character)

    return _automaton((index, texts.start), step, lambda place: not place[0] and place[1] in fitting, texts.starts)


@cache
def _rest_paths(condition: Condition) -> Automaton:
    """Returns the automaton of the paths whose rest meets a condition."""
    size, pattern = condition
    texts = intersection(rest_values(()), compile_pattern(pattern)) if pattern else rest_values(())

    def step(place: _Place, character: str) -> _Place | None:
        before, state = place
        if before:
            return before - (character == "/"), state
        return None if character in _SYMBOLS.values() else _next(texts, state, character)

    return _automaton((size, texts.start), step, lambda place: not place[0] and place[1] in texts.accepting, texts.starts)


def _next(texts: Automaton, state: int, character: str) -> _Place | None:
    following = next_state(texts, state, character)
    return None if following == DEAD else (0, following)


@cache
def _paths_of_length(lengths: Lengths) -> Automaton:
    """Returns the automaton of the paths with so many segments. A segment that is no text is one symbol."""
    most = lengths.least if lengths.most == maxsize else lengths.most

    def step(state: tuple[int, str], character: str) -> tuple[int, str] | None:
        number, segment = state
        if character == "/":
            return (min(number + 1, most), "") if number < lengths.most else None
        if "\ud800" <= character <= "\udfff":
            return (number, character) if character in _SYMBOLS.values() and not segment else None
        return None if segment in _SYMBOLS.values() else (number, "x")

    return _automaton((1, ""), step, lambda state: state[0] >= lengths.least, ())


def _automaton(
    start: _State, step: Callable[[_State, str], _State | None], accepts: Callable[[_State], bool], starts: Iterable[int]
) -> Automaton:
    """Returns the automaton with these steps. A step takes a state and the first character of a class of characters."""
    classes = tuple(sorted({*starts, *_BOUNDARIES}))
    states = [start]
    numbers = {start: 0}
    rows = []
    for state in states:
        row = []
        for following in (step(state, chr(point)) for point in classes):
            if following is not None and following not in numbers:
                numbers[following] = len(states)
                states.append(following)
            row.append(DEAD if following is None else numbers[following])
        rows.append(tuple(row))
    return Automaton(0, classes, tuple(rows), frozenset(numbers[state] for state in states if accepts(state)))
