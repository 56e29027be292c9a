"""Which texts automata accept: what the values of a request can be, and texts that fit."""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import chain

from fanroute.analysis.budget import TooMuch
from fanroute_runtime.pattern import DEAD, Automaton, compile_pattern
from fanroute_runtime.plan import PathFault

# What a path parameter can be if no path is refused (`match.binds`), a header (RFC 9110, 5.5, bytes beyond ASCII as Latin-1), and
# a query parameter.
SEGMENT = compile_pattern(r"[^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+")
HEADER_VALUE = compile_pattern("([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
QUERY_VALUE = compile_pattern(r"[\s\S]*")

# The characters that a path has none of if one of these faults is refused (`paths.py` of the runtime).
_WITHOUT: dict[PathFault, str] = {"backslashes": r"\\", "controls": "\x00-\x1f\x7f", "parameters": ";"}

# What an example rather is: a channel's part, easily typed; or something at all.
_LIKED = (compile_pattern(r"[!#-+\--:<-~]+"), compile_pattern(r"[\s\S]+"), QUERY_VALUE)
# What it is made of where there is a choice.
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. "
# As many states of a product are looked at.
MAX_STATES = 10_000

# The states of automata, and the node of a trie.
_State = tuple[tuple[int, ...], int]
# Code points, and of each automaton the number of their class.
_Class = tuple[range, tuple[int, ...]]


@cache
def segment(refused: tuple[PathFault, ...]) -> Automaton:
    """Returns the automaton of the values that a path parameter can have if paths with some faults are refused."""
    none = "/" + "".join(_WITHOUT[fault] for fault in refused if fault in _WITHOUT)
    after_dots = none + (";" if "dot_segments" in refused else "")  # `..;x` is a dot segment, too
    return compile_pattern(rf"[^{none}.][^{none}]*|\.[^{after_dots}.][^{none}]*|\.\.[^{after_dots}][^{none}]*")


def example(pattern: str, possible: Automaton, liked: str) -> str:
    """A text among those possible that a pattern ("" is none) accepts, which there is: the liked one, or a short one."""
    if not pattern:
        return liked
    automaton = compile_pattern(pattern)
    if automaton.matches(liked):
        return liked
    return next(text for better in _LIKED if (text := shortest(automaton, possible, better)) is not None)


def shortest(*automata: Automaton, unfit: Sequence[Automaton] = (), without: Collection[str] = ()) -> str | None:
    """A shortest text that all automata accept and none of `unfit` does, and that is none of `without`; None if there is none.

    It is of letters rather than of signs. Found breadth first in the product of the automata with a trie of `without`.
    Raises TooMuch, for no two automata and nothing else.
    """
    accepting, trie = len(automata), _Trie(without)
    automata = (*automata, *unfit)
    alphabet = [*_alphabet(automata)]
    usual = _characters(alphabet, ())
    start = (tuple(automaton.start for automaton in automata), 0)
    # Each state with the one before it and the character between them.
    seen: dict[_State, tuple[_State, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        states, node = state = waiting.popleft()
        accepted = [at in automaton.accepting for at, automaton in zip(states, automata, strict=True)]
        if all(accepted[:accepting]) and not any(accepted[accepting:]) and node not in trie.ends:
            return _read(seen, state)
        apart = trie.next(node)
        for character, classes in _characters(alphabet, apart) if apart else usual:
            after = tuple(map(_after, automata, states, classes))
            following = (after, apart.get(character, -1))
            if DEAD not in after[:accepting] and following not in seen:
                seen[following] = (state, character)
                waiting.append(following)
        if len(seen) > MAX_STATES:
            raise TooMuch
    return None


def characters(automata: Sequence[Automaton]) -> list[tuple[str, tuple[int, ...]]]:
    """One character for all that the automata do not tell apart, and its class in each of them; first those that are liked."""
    return _characters([*_alphabet(automata)], ())


class _Trie:
    """Literals, followed character by character from node 0; -1 is off all of them."""

    def __init__(self, literals: Collection[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self.ends: set[int] = set()
        for literal in literals:
            node = 0
            for character in literal:
                node = self._next[node].setdefault(character, len(self._next))
                if node == len(self._next):
                    self._next.append({})
            self.ends.add(node)

    def next(self, node: int) -> dict[str, int]:
        return {} if node < 0 else self._next[node]


def step(automaton: Automaton, state: int, character: str) -> int:
    """The state after a character, or DEAD."""
    return automaton.steps[state][class_of(automaton, ord(character))]


def class_of(automaton: Automaton, code_point: int) -> int:
    """The number of the class that a character is of."""
    return bisect_right(automaton.starts, code_point) - 1


def _after(automaton: Automaton, state: int, kind: int) -> int:
    return DEAD if state == DEAD else automaton.steps[state][kind]


def _alphabet(automata: Sequence[Automaton]) -> Iterator[_Class]:
    """The code points that the automata do not tell apart, with the class they are of each."""
    starts = sorted({start for automaton in automata for start in automaton.starts})
    for first, end in zip(starts, [*starts[1:], 0x110000], strict=True):
        yield range(first, end), tuple(class_of(automaton, first) for automaton in automata)


def _characters(alphabet: list[_Class], apart: Collection[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Of each class the characters that are told apart, and one that stands for all others; first those that are liked."""
    found = [(character, classes) for points, classes in alphabet for character in apart if ord(character) in points]
    for points, classes in alphabet:
        letters = (letter for letter in _LETTERS if ord(letter) in points)
        others = (chr(point) for point in points if not 0xD800 <= point < 0xE000)
        other = next((character for character in chain(letters, others) if character not in apart), None)
        found += [(other, classes)] if other is not None else []
    return sorted(found, key=lambda pair: _rank(pair[0]))


def _read(seen: dict[_State, tuple[_State, str] | None], state: _State) -> str:
    """The text that leads to a state."""
    text: list[str] = []
    while (before := seen[state]) is not None:
        state, character = before
        text.append(character)
    return "".join(reversed(text))


def _rank(character: str) -> tuple[bool, int]:
    at = _LETTERS.find(character)
    return (at < 0, at if at >= 0 else ord(character))
