"""Finds texts that automata accept or reject, and makes automata of texts and of other automata."""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain

from fanroute.analysis.budget import BudgetExceeded
from fanroute_runtime.matching.pattern import DEAD, Automaton, compile_pattern
from fanroute_runtime.plan import PathFault

# The values that a path parameter can have if no path is refused (`can_bind`), those of a header (RFC 9110, 5.5, with bytes
# beyond ASCII as Latin-1), and those of a query parameter.
SEGMENT = compile_pattern(r"[^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+")
HEADER_VALUE = compile_pattern("([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
QUERY_VALUE = compile_pattern(r"[\s\S]*")

# For each fault, the characters that a path cannot contain if paths with the fault are refused (`matching.paths` of the runtime).
_EXCLUDED: dict[PathFault, str] = {"backslashes": r"\\", "controls": "\x00-\x1f\x7f", "parameters": ";"}

# The kinds of example texts, the best first: valid in a channel and easy to type, not empty, any text.
_PREFERRED = (compile_pattern(r"[!#-+\--:<-~]+"), compile_pattern(r"[\s\S]+"), QUERY_VALUE)
# The characters that examples are made of if there is a choice, the best first.
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. "
# The most states of a product automaton that a search visits.
MAX_STATES = 10_000

# The states of several automata, and the node of a trie.
_State = tuple[tuple[int, ...], int]
# A range of code points, and the index of their class in each automaton.
_Class = tuple[range, tuple[int, ...]]


@cache
def segment_values(refused: tuple[PathFault, ...]) -> Automaton:
    """Returns the automaton of the values that a path parameter can have if paths with these faults are refused."""
    return compile_pattern(_segment_pattern(refused))


@cache
def rest_values(refused: tuple[PathFault, ...]) -> Automaton:
    """Returns the automaton of the values that the rest of a path can have if paths with these faults are refused."""
    segment = _segment_pattern(refused)
    further = f"(/({segment}))*/?" if "empty_segments" in refused else f"(/({segment})?)*"
    return compile_pattern(f"({segment}){further}")


def _segment_pattern(refused: tuple[PathFault, ...]) -> str:
    excluded = "/" + "".join(_EXCLUDED[fault] for fault in refused if fault in _EXCLUDED)
    after_dots = excluded + (";" if "dot_segments" in refused else "")  # `..;x` is a dot segment, too
    return rf"[^{excluded}.][^{excluded}]*|\.[^{after_dots}.][^{excluded}]*|\.\.[^{after_dots}][^{excluded}]*"


def example_text(pattern: str, possible: Automaton, preferred: str) -> str:
    """Returns a possible text that fits the pattern: the preferred one if it fits, otherwise a short one.

    At least one possible text must fit. An empty pattern fits every text.
    """
    if not pattern:
        return preferred
    automaton = compile_pattern(pattern)
    if automaton.matches(preferred):
        return preferred
    return next(text for better in _PREFERRED if (text := shortest_text(automaton, possible, better)) is not None)


def shortest_text(
    *automata: Automaton, rejected_by: Sequence[Automaton] = (), excluding: Collection[str] = (), symbols: str = ""
) -> str | None:
    """Returns a shortest text that all automata accept, or None if there is none.

    None of `rejected_by` accepts the text, and it is not in `excluding`. Letters are preferred to other characters. The text can
    have `symbols`, which are characters that are not in UTF-8. Raises BudgetExceeded after MAX_STATES states; two automata alone
    never reach that limit.
    """
    # A breadth-first search in the product of the automata with a trie of the excluded texts.
    accepting, trie = len(automata), _Trie(excluding)
    automata = (*automata, *rejected_by)
    classes_of_all = [*_classes(automata)]
    usual = _representatives(classes_of_all, symbols)
    start = (tuple(automaton.start for automaton in automata), 0)
    # The last row of each table is that of DEAD, which is -1.
    tables = [(*automaton.steps, (DEAD,) * len(automaton.starts)) for automaton in automata]
    # Maps each state to the one before it and the character between them.
    seen: dict[_State, tuple[_State, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        states, node = state = waiting.popleft()
        accepted = [at in automaton.accepting for at, automaton in zip(states, automata, strict=True)]
        if all(accepted[:accepting]) and not any(accepted[accepting:]) and node not in trie.ends:
            return _text_to(seen, state)
        branches = trie.branches(node)
        rows = [table[at] for table, at in zip(tables, states, strict=True)]
        for character, classes in _representatives(classes_of_all, branches) if branches else usual:
            after = tuple([row[kind] for row, kind in zip(rows, classes)])  # noqa: B905 (strict costs time here)
            if DEAD not in after[:accepting]:
                following = (after, branches.get(character, -1))
                if following not in seen:
                    seen[following] = (state, character)
                    waiting.append(following)
        if len(seen) > MAX_STATES:
            raise BudgetExceeded
    return None


def representatives(automata: Sequence[Automaton]) -> list[tuple[str, tuple[int, ...]]]:
    """Returns one character for each set of characters that the automata treat the same, with its class in each automaton.

    Preferred characters come first.
    """
    return _representatives([*_classes(automata)], ())


class _Trie:
    """Represents texts as a trie. Node 0 is the root, and -1 stands for a text that is no prefix of any of them."""

    def __init__(self, texts: Collection[str]) -> None:
        self._nodes: list[dict[str, int]] = [{}]
        self.ends: set[int] = set()
        for text in texts:
            node = 0
            for character in text:
                node = self._nodes[node].setdefault(character, len(self._nodes))
                if node == len(self._nodes):
                    self._nodes.append({})
            self.ends.add(node)

    def branches(self, node: int) -> dict[str, int]:
        return {} if node < 0 else self._nodes[node]


def next_state(automaton: Automaton, state: int, character: str) -> int:
    """Returns the state after a character, or DEAD."""
    return automaton.steps[state][class_of(automaton, ord(character))]


def class_of(automaton: Automaton, code_point: int) -> int:
    """Returns the index of the class to which a character belongs."""
    return bisect_right(automaton.starts, code_point) - 1


def automaton_of(texts: Iterable[str]) -> Automaton:
    """Returns the automaton that accepts exactly these texts."""
    nodes: list[dict[str, int]] = [{}]
    ends = set()
    for text in texts:
        node = 0
        for character in text:
            if character not in nodes[node]:
                nodes[node][character] = len(nodes)
                nodes.append({})
            node = nodes[node][character]
        ends.add(node)
    points = {ord(character) for node in nodes for character in node}
    starts = tuple(sorted({0} | points | {point + 1 for point in points}))
    steps = tuple(tuple(node.get(chr(start), DEAD) for start in starts) for node in nodes)
    return Automaton(0, starts, steps, frozenset(ends))


def intersection(one: Automaton, other: Automaton) -> Automaton:
    """Returns the automaton that accepts what both accept. From each of its states an accepting one can be reached."""
    starts = tuple(sorted({*one.starts, *other.starts}))
    classes = [(class_of(one, start), class_of(other, start)) for start in starts]
    pairs = [(one.start, other.start)]
    numbers = {pairs[0]: 0}
    rows: list[list[int]] = []
    for state, also in pairs:
        after = [(one.steps[state][i], other.steps[also][j]) for i, j in classes]
        for pair in after:
            if DEAD not in pair and pair not in numbers:
                numbers[pair] = len(pairs)
                pairs.append(pair)
        rows.append([numbers.get(pair, DEAD) for pair in after])
    accepting = frozenset(i for i, (state, also) in enumerate(pairs) if state in one.accepting and also in other.accepting)
    live = _live_states(rows, accepting)
    steps = tuple(tuple(step if step in live else DEAD for step in row) for row in rows)
    return Automaton(0, starts, steps, accepting)


def _live_states(rows: list[list[int]], accepting: Iterable[int]) -> set[int]:
    """Returns the states from which an accepting one can be reached."""
    before: list[list[int]] = [[] for _ in rows]
    for state, row in enumerate(rows):
        for step in row:
            if step != DEAD:
                before[step].append(state)
    live = set(accepting)
    waiting = list(live)
    while waiting:
        new = set(before[waiting.pop()]) - live
        live |= new
        waiting += new
    return live


def _classes(automata: Sequence[Automaton]) -> Iterator[_Class]:
    """Yields each range of code points that all automata treat the same, with its class in each of them."""
    starts = sorted({start for automaton in automata for start in automaton.starts})
    for first, end in zip(starts, [*starts[1:], 0x110000], strict=True):
        yield range(first, end), tuple(class_of(automaton, first) for automaton in automata)


def _representatives(classes_of_all: list[_Class], branches: Collection[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Returns the characters to try: those on which a trie branches, and for each class one that stands for all others.

    Preferred characters come first.
    """
    starts = [points.start for points, _ in classes_of_all]
    found = {character: classes_of_all[bisect_right(starts, ord(character)) - 1][1] for character in branches}
    # By the index of each class that has letters: the first of them.
    letters: dict[int, str] = {}
    for letter in _LETTERS:
        if letter not in branches:
            letters.setdefault(bisect_right(starts, ord(letter)) - 1, letter)
    for index, (points, classes) in enumerate(classes_of_all):
        other = letters.get(index) or _other_character(points, branches)
        if other is not None:
            found[other] = classes
    return sorted(found.items(), key=lambda pair: _rank(pair[0]))


def _other_character(points: range, branches: Collection[str]) -> str | None:
    """Returns the first character of a range that is no branch, or None."""
    around_surrogates = range(points.start, min(points.stop, 0xD800)), range(max(points.start, 0xE000), points.stop)
    return next((character for character in map(chr, chain(*around_surrogates)) if character not in branches), None)


def _text_to(seen: dict[_State, tuple[_State, str] | None], state: _State) -> str:
    """Returns the text that leads to a state."""
    text: list[str] = []
    while (before := seen[state]) is not None:
        state, character = before
        text.append(character)
    return "".join(reversed(text))


def _rank(character: str) -> tuple[bool, int]:
    at = _LETTERS.find(character)
    return (at < 0, at if at >= 0 else ord(character))
