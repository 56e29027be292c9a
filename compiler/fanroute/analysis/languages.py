"""Automata made of texts, and of two others."""

from collections.abc import Iterable

from fanroute.analysis.automata import class_of
from fanroute_runtime.pattern import DEAD, Automaton


def of_texts(texts: Iterable[str]) -> Automaton:
    """The automaton that accepts some texts and nothing else."""
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


def both(one: Automaton, other: Automaton) -> Automaton:
    """The automaton that accepts what both accept; its steps lead only where something is accepted in the end."""
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
    live = _live(rows, accepting)
    steps = tuple(tuple(step if step in live else DEAD for step in row) for row in rows)
    return Automaton(0, starts, steps, accepting)


def _live(rows: list[list[int]], accepting: Iterable[int]) -> set[int]:
    """The states from which an accepting one can be reached."""
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
