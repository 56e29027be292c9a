"""Compiles patterns to deterministic automata. Matching takes one step for each character, whatever the pattern and the text.

A position is a place in the pattern that matches one character. Glushkov's construction finds the positions that may come first
and last, and those that may follow each other. The states of the automaton are sets of positions that a text may have reached.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from fanroute_runtime.matching import pattern_syntax as syntax
from fanroute_runtime.matching.pattern_syntax import BadPattern

__all__ = ["MAX_STATES", "Automaton", "BadPattern", "compile_pattern"]

# The most positions that a pattern may have when its repeats are written out, and the most sets of them that a text may reach.
MAX_STATES = 1000
DEAD = -1


@dataclass(frozen=True, slots=True)
class Automaton:
    """Represents a deterministic automaton over the Unicode scalar values.

    Class i of its alphabet has the code points from `starts[i]` up to the next start. `starts[0]` is 0. `steps[state][i]` is the
    state after a character of class i, or DEAD. From every state, a state in `accepting` can be reached.
    """

    start: int
    starts: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]
    accepting: frozenset[int]

    def matches(self, text: str) -> bool:
        """Returns True if the automaton accepts the whole text."""
        starts, steps, state = self.starts, self.steps, self.start
        for character in text:
            state = steps[state][bisect_right(starts, ord(character)) - 1]
            if state == DEAD:
                return False
        return state in self.accepting


@cache
def compile_pattern(text: str) -> Automaton:
    """Compiles a pattern to an automaton. Raises BadPattern."""
    positions = _Positions()
    whole = positions.add(syntax.parse(text))
    starts, members = _alphabet(positions.chars)
    # A state is the positions that may come next, and whether the text may end here.
    states = [(whole.first, whole.nullable)]
    numbers = {states[0]: 0}
    reached: dict[int, int] = {}
    steps: list[tuple[int, ...]] = []
    for following, _ in states:
        row: list[int] = []
        for member in members:
            read = following & member
            if read and read not in reached:
                state = (positions.following(read), bool(read & whole.last))
                if state not in numbers:
                    numbers[state] = len(states)
                    states.append(state)
                reached[read] = numbers[state]
                _require_within_limit(len(reached))
            row.append(reached[read] if read else DEAD)
        steps.append(tuple(row))
    return Automaton(0, starts, tuple(steps), frozenset(i for i, (_, accepting) in enumerate(states) if accepting))


def _require_within_limit(size: int) -> None:
    if size > MAX_STATES:
        suggestion = "use smaller counts, or '*' and '+' for any number"
        raise BadPattern(f"the pattern needs more than {MAX_STATES} states", suggestion)


@dataclass(frozen=True, slots=True)
class _Part:
    """Represents a part of a pattern: the positions that may come first and last in it, as bits, and whether it may be empty."""

    first: int = 0
    last: int = 0
    nullable: bool = True


_NOTHING = _Part()


class _Positions:
    """Collects the positions of a pattern: for each its characters, and the positions that may follow it, as bits."""

    def __init__(self) -> None:
        self.chars: list[syntax.Ranges] = []
        self._follow: list[int] = []

    def following(self, positions: int) -> int:
        """Returns the positions that may follow one of the given positions."""
        found = 0
        for position in _bits(positions):
            found |= self._follow[position]
        return found

    def add(self, node: syntax.Node) -> _Part:
        """Adds the positions of a tree. Raises BadPattern if there are too many."""
        match node:
            case syntax.Chars():
                return self._add_position(node.ranges)
            case syntax.Sequence():
                return self._add_sequence(node.parts)
            case syntax.Choice():
                parts = [self.add(part) for part in node.parts]
                return _Part(_union_of(p.first for p in parts), _union_of(p.last for p in parts), any(p.nullable for p in parts))
            case syntax.Repeat():
                return self._add_repeat(node)

    def _add_position(self, ranges: syntax.Ranges) -> _Part:
        bit = 1 << len(self.chars)
        self.chars.append(ranges)
        self._follow.append(0)
        _require_within_limit(len(self.chars))
        return _Part(bit, bit, nullable=False)

    def _add_sequence(self, parts: Sequence[syntax.Node]) -> _Part:
        whole = _NOTHING
        for part in parts:
            whole = self._concatenate(whole, self.add(part))
        return whole

    def _add_repeat(self, repeat: syntax.Repeat) -> _Part:
        """Adds `a{2,4}` as `aa(a(a)?)?` and `a{2,}` as `aaa*`, from the right."""
        whole = self._add_star(repeat.part) if repeat.most is None else _NOTHING
        copies = repeat.least if repeat.most is None else repeat.most
        for copy in range(copies):
            part = self.add(repeat.part)
            if not part.first:
                return _NOTHING  # repeating nothing gives nothing
            whole = self._concatenate(part, whole)
            if copy < copies - repeat.least:
                whole = _Part(whole.first, whole.last)
        return whole

    def _add_star(self, node: syntax.Node) -> _Part:
        part = self.add(node)
        self._link(part, part)
        return _Part(part.first, part.last)

    def _concatenate(self, one: _Part, other: _Part) -> _Part:
        self._link(one, other)
        first = one.first | other.first if one.nullable else one.first
        last = one.last | other.last if other.nullable else other.last
        return _Part(first, last, one.nullable and other.nullable)

    def _link(self, one: _Part, other: _Part) -> None:
        for position in _bits(one.last):
            self._follow[position] |= other.first


def _union_of(bits: Iterable[int]) -> int:
    found = 0
    for some in bits:
        found |= some
    return found


def _bits(bits: int) -> Iterator[int]:
    """Yields the indices of the bits that are set."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _alphabet(chars: Sequence[syntax.Ranges]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Divides the code points into classes that no position distinguishes.

    Returns the first code point of each class, and for each class the positions that its characters fit, as bits.
    """
    at: dict[syntax.Ranges, int] = {}
    for position, ranges in enumerate(chars):
        at[ranges] = at.get(ranges, 0) | 1 << position
    borders = sorted({0} | {border for ranges in at for first, last in ranges for border in (first, last + 1)})
    members = [0] * len(borders)
    index = {border: i for i, border in enumerate(borders)}
    for ranges, positions in at.items():
        for first, last in ranges:
            for i in range(index[first], index[last + 1]):
                members[i] |= positions
    kept = [i for i, border in enumerate(borders) if border <= syntax.LAST and (i == 0 or members[i] != members[i - 1])]
    return tuple(borders[i] for i in kept), tuple(members[i] for i in kept)
