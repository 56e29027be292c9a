"""Finds a text that can be split in two ways into pieces, so that the n-th automaton accepts the n-th piece."""

from collections import deque
from collections.abc import Iterator, Sequence

from fanroute.analysis.automata import representatives
from fanroute_runtime.matching.pattern import DEAD, Automaton

# The most pairs of positions that a search visits.
MAX_PAIRS = 100_000

# A text, split into pieces.
Split = tuple[str, ...]
# The position of a split after the text so far: the index of an automaton in `pieces`, and its state.
_Position = tuple[int, int]
# The positions of two splits of one text, and whether the splits differ so far.
_Pair = tuple[_Position, _Position, bool]


def find_two_splits(pieces: Sequence[Automaton], longest: int) -> tuple[Split, Split] | None:
    """Returns two different splits of a shortest text that has two, or None if no text of at most `longest` characters has.

    No automaton may accept the empty text. Also returns None if the search would visit more than MAX_PAIRS pairs.
    """
    # Two splits differ if they assign some character to different pieces. Both are followed side by side, breadth first.
    alphabet = representatives(pieces)
    start: _Pair = ((0, pieces[0].start), (0, pieces[0].start), False)
    seen: dict[_Pair, tuple[_Pair, str] | None] = {start: None}
    waiting = deque([(start, 0)])
    while waiting and len(seen) <= MAX_PAIRS:
        pair, length = waiting.popleft()
        one, other, differ = pair
        if differ and _may_end(pieces, one) and _may_end(pieces, other):
            return _splits_to(seen, pair)
        for character, classes in alphabet if length < longest else ():
            for one_after in _positions_after(pieces, one, classes):
                for other_after in _positions_after(pieces, other, classes):
                    following = (one_after, other_after, differ or one_after[0] != other_after[0])
                    if following not in seen:
                        seen[following] = (pair, character)
                        waiting.append((following, length + 1))
    return None


def _positions_after(pieces: Sequence[Automaton], position: _Position, classes: Sequence[int]) -> Iterator[_Position]:
    """Yields the positions to which one character leads. `classes` has the character's class for each automaton.

    The character leads to the next state of the same automaton. If that automaton accepts the text before the character, it also
    leads to the first step of the next automaton.
    """
    number, state = position
    step = pieces[number].steps[state][classes[number]]
    if step != DEAD:
        yield number, step
    if state in pieces[number].accepting and number + 1 < len(pieces):
        following = pieces[number + 1]
        step = following.steps[following.start][classes[number + 1]]
        if step != DEAD:
            yield number + 1, step


def _may_end(pieces: Sequence[Automaton], position: _Position) -> bool:
    number, state = position
    return number == len(pieces) - 1 and state in pieces[number].accepting


def _splits_to(seen: dict[_Pair, tuple[_Pair, str] | None], pair: _Pair) -> tuple[Split, Split]:
    """Returns the two splits that lead to a pair of final positions."""
    splits = [[""] * (position[0] + 1) for position in pair[:2]]
    while (before := seen[pair]) is not None:
        for split, position in zip(splits, pair[:2], strict=True):
            split[position[0]] = before[1] + split[position[0]]
        pair = before[0]
    one, other = sorted(map(tuple, splits))
    return one, other
