"""Whether a text can be cut in two ways into one text of each of some automata."""

from collections import deque
from collections.abc import Iterator, Sequence

from fanroute.analysis.automata import characters
from fanroute_runtime.pattern import DEAD, Automaton

# As many pairs of cuts are looked at.
MAX_PAIRS = 100_000

# A text, cut.
Cut = tuple[str, ...]
# Where a cut of the text so far has come to: the number of a piece, and a state of its automaton.
_At = tuple[int, int]
# Two cuts of one text, and whether they have differed.
_Pair = tuple[_At, _At, bool]


def two_cuts(pieces: Sequence[Automaton], longest: int) -> tuple[Cut, Cut] | None:
    """Two cuts of a shortest text that has two, of `longest` characters at most; None if no text has.

    No piece accepts the empty text, so two cuts differ where a character is of different pieces. Both are followed side by
    side, breadth first. None, too, where that takes more than MAX_PAIRS.
    """
    alphabet = characters(pieces)
    start: _Pair = ((0, pieces[0].start), (0, pieces[0].start), False)
    seen: dict[_Pair, tuple[_Pair, str] | None] = {start: None}
    waiting = deque([(start, 0)])
    while waiting and len(seen) <= MAX_PAIRS:
        pair, length = waiting.popleft()
        one, other, differ = pair
        if differ and _may_end(pieces, one) and _may_end(pieces, other):
            return _read(seen, pair)
        for character, classes in alphabet if length < longest else ():
            for one_after in _after(pieces, one, classes):
                for other_after in _after(pieces, other, classes):
                    following = (one_after, other_after, differ or one_after[0] != other_after[0])
                    if following not in seen:
                        seen[following] = (pair, character)
                        waiting.append((following, length + 1))
    return None


def _after(pieces: Sequence[Automaton], at: _At, classes: Sequence[int]) -> Iterator[_At]:
    """Where a character leads: on in its piece, or, where that may end, into the next one."""
    number, state = at
    step = pieces[number].steps[state][classes[number]]
    if step != DEAD:
        yield number, step
    if state in pieces[number].accepting and number + 1 < len(pieces):
        following = pieces[number + 1]
        step = following.steps[following.start][classes[number + 1]]
        if step != DEAD:
            yield number + 1, step


def _may_end(pieces: Sequence[Automaton], at: _At) -> bool:
    number, state = at
    return number == len(pieces) - 1 and state in pieces[number].accepting


def _read(seen: dict[_Pair, tuple[_Pair, str] | None], pair: _Pair) -> tuple[Cut, Cut]:
    """The two cuts that lead to a pair at the end of the text."""
    cuts = [[""] * (at[0] + 1) for at in pair[:2]]
    while (before := seen[pair]) is not None:
        for cut, at in zip(cuts, pair[:2], strict=True):
            cut[at[0]] = before[1] + cut[at[0]]
        pair = before[0]
    one, other = sorted(map(tuple, cuts))
    return one, other
