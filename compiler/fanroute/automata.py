"""Which texts automata accept: what the values of a request can be, and texts that fit."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator

from fanroute_runtime.pattern import DEAD, Automaton, compile_pattern

# What a path parameter can be (`match.binds`), a header (RFC 9110, 5.5, bytes beyond ASCII as Latin-1), and a query parameter.
SEGMENT = compile_pattern(r"[^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+")
HEADER_VALUE = compile_pattern("([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
QUERY_VALUE = compile_pattern(r"[\s\S]*")

# What an example rather is: a channel's part, easily typed; or something at all.
_LIKED = (compile_pattern(r"[!#-+\--:<-~]+"), compile_pattern(r"[\s\S]+"), QUERY_VALUE)
# What it is made of where there is a choice.
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. "


def example(pattern: str, possible: Automaton, liked: str) -> str:
    """A text among those possible that a pattern ("" is none) accepts, which there is: the liked one, or a short one."""
    if not pattern:
        return liked
    automaton = compile_pattern(pattern)
    if automaton.matches(liked):
        return liked
    return next(text for better in _LIKED if (text := shortest(automaton, possible, better)) is not None)


def shortest(*automata: Automaton) -> str | None:
    """A shortest text that all automata accept, of letters rather than of signs; None if there is none."""
    alphabet = sorted(_alphabet(automata), key=_rank)
    start = tuple(automaton.start for automaton in automata)
    seen = {start}
    waiting = deque([(start, "")])
    while waiting:
        states, text = waiting.popleft()
        if all(state in automaton.accepting for state, automaton in zip(states, automata, strict=True)):
            return text
        for character in alphabet:
            after = tuple(step(automaton, state, character) for automaton, state in zip(automata, states, strict=True))
            if DEAD not in after and after not in seen:
                seen.add(after)
                waiting.append((after, text + character))
    return None


def step(automaton: Automaton, state: int, character: str) -> int:
    """The state after a character, or DEAD."""
    return automaton.steps[state][bisect_right(automaton.starts, ord(character)) - 1]


def _alphabet(automata: tuple[Automaton, ...]) -> Iterator[str]:
    """A character of each class that the automata tell apart."""
    starts = sorted({start for automaton in automata for start in automaton.starts})
    for first, end in zip(starts, [*starts[1:], 0x110000], strict=True):
        yield next((letter for letter in _LETTERS if first <= ord(letter) < end), chr(first))


def _rank(character: str) -> tuple[bool, int]:
    at = _LETTERS.find(character)
    return (at < 0, at if at >= 0 else ord(character))
