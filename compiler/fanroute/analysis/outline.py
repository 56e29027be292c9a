"""Finds out from a pattern's syntax what its texts can look like, which is much faster than to compile it.

Where that does not answer a question, the pattern's automaton does (`automata`).
"""

from collections.abc import Iterable
from enum import Enum
from functools import cache, lru_cache, reduce
from itertools import product
from operator import or_
from typing import NamedTuple

from fanroute_runtime.matching import pattern_syntax as syntax
from fanroute_runtime.matching.pattern import MAX_STATES

# A set of characters, as bits: one for each ASCII character, and one for all others whose code points have the same remainder.
Characters = int
_OTHERS = 128
_ALL_OTHERS = ((1 << _OTHERS) - 1) << 128
_ALL = (1 << 128) - 1 | _ALL_OTHERS


class Number(Enum):
    """Says how many characters a part of an outline stands for."""

    ONE = "one"
    AT_MOST_ONE = "at most one"
    ANY = "any number"


class Part(NamedTuple):
    """Represents a number of characters of a set."""

    characters: Characters
    number: Number


# The texts that consist of texts of its parts, in order.
Outline = tuple[Part, ...]

ANY_TEXT: Outline = (Part(_ALL, Number.ANY),)

# The most outlines of a pattern, such as one for each of its alternatives, and the most parts that are written out for a repeat.
MAX_OUTLINES = 16
MAX_COPIES = 8


@cache
def outlines_of(pattern: str) -> tuple[Outline, ...]:
    """Returns outlines of which at least one contains each text of the pattern. Raises BadPattern."""
    return tuple(dict.fromkeys(_outlines(_parse(pattern))))


def outline_of_text(text: str) -> Outline:
    """Returns the outline that contains the text. It contains other texts only if the text is not ASCII."""
    return tuple(Part(characters_of_text(character), Number.ONE) for character in text)


@cache
def characters_of(pattern: str) -> Characters:
    """Returns the characters that texts of the pattern can contain. Raises BadPattern."""
    return _characters(_parse(pattern))


def characters_of_text(text: str) -> Characters:
    """Returns the characters of a text."""
    found = 0
    for point in map(ord, text):
        found |= 1 << (point if point < 128 else 128 + point % _OTHERS)
    return found


_DOT = characters_of_text(".")
# The unreserved characters of a URI (RFC 3986, 2.3).
_UNRESERVED = characters_of_text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@cache
def is_plain(pattern: str) -> bool:
    """Returns True if it is clear that the pattern has only texts of unreserved characters, each with one that is no dot.

    Each of these texts can occur in a path, header, query and claim, makes a valid channel, and is a segment that no path is
    refused for. Raises BadPattern.
    """
    return not characters_of(pattern) & ~_UNRESERVED and all(
        any(part.number is Number.ONE and not part.characters & _DOT for part in outline) for outline in outlines_of(pattern)
    )


def is_small(pattern: str) -> bool:
    """Returns True if it is clear that the pattern can be compiled with at most MAX_STATES states. Raises BadPattern.

    That is clear if after each beginning of a text, the next character belongs to one place in the pattern.
    """
    node = _parse(pattern)
    return _positions(node) <= MAX_STATES and _is_unambiguous(node, 0)


# Each question about a pattern needs its tree, and they are asked soon after another.
_parse = lru_cache(16)(syntax.parse)


def _outlines(node: syntax.Node) -> list[Outline]:
    match node:
        case syntax.Chars():
            return [(Part(_set_of(node.ranges), Number.ONE),)]
        case syntax.Sequence():
            return _sequence(node.parts)
        case syntax.Choice():
            found = [outline for part in node.parts for outline in _outlines(part)]
            return found if len(found) <= MAX_OUTLINES else [_any_number(node)]
        case syntax.Repeat():
            return _repeat(node)


def _sequence(nodes: Iterable[syntax.Node]) -> list[Outline]:
    found: list[Outline] = [()]
    for node in nodes:
        following = _outlines(node)
        if len(found) * len(following) > MAX_OUTLINES:
            following = [_any_number(node)]
        found = [before + after for before, after in product(found, following)]
    return found


def _repeat(repeat: syntax.Repeat) -> list[Outline]:
    part, least, most = repeat.part, repeat.least, repeat.most
    if isinstance(part, syntax.Chars):
        characters = _set_of(part.ranges)
        outline = (Part(characters, Number.ONE),) * min(least, MAX_COPIES)
        if most is None or most > MAX_COPIES:
            return [(*outline, Part(characters, Number.ANY))]
        return [outline + (Part(characters, Number.AT_MOST_ONE),) * (most - least)]
    if (least, most) == (0, 1):
        return [(), *_outlines(part)]
    further = _any_number(part)
    return [outline + further for outline in _outlines(part)] if least else [further]


def _any_number(node: syntax.Node) -> Outline:
    """Returns the outline of all texts of the characters that a tree contains."""
    return (Part(_characters(node), Number.ANY),)


def _characters(node: syntax.Node) -> Characters:
    match node:
        case syntax.Chars():
            return _set_of(node.ranges)
        case syntax.Sequence() | syntax.Choice():
            return reduce(or_, map(_characters, node.parts), 0)
        case syntax.Repeat():
            return _characters(node.part)


def _begin(node: syntax.Node) -> tuple[Characters, bool]:
    """Returns the characters that a tree's texts can begin with, and True if one of its texts is empty."""
    match node:
        case syntax.Chars():
            return _set_of(node.ranges), False
        case syntax.Sequence():
            found = 0
            for part in node.parts:
                characters, nullable = _begin(part)
                found |= characters
                if not nullable:
                    return found, False
            return found, True
        case syntax.Choice():
            begins = [_begin(part) for part in node.parts]
            return reduce(or_, (characters for characters, _ in begins)), any(nullable for _, nullable in begins)
        case syntax.Repeat():
            characters, nullable = _begin(node.part)
            return characters, nullable or not node.least


def _is_unambiguous(node: syntax.Node, following: Characters) -> bool:
    """Returns True if a character belongs to one place in a tree at most, given those before it.

    `following` are the characters that can follow the tree's texts.
    """
    begin, nullable = _begin(node)
    if nullable and begin & following:
        return False
    match node:
        case syntax.Chars():
            return True
        case syntax.Sequence():
            for part in reversed(node.parts):
                if not _is_unambiguous(part, following):
                    return False
                characters, nullable = _begin(part)
                following = characters | following if nullable else characters
            return True
        case syntax.Choice():
            begins = [_begin(part)[0] for part in node.parts]
            disjoint = sum(begins) == reduce(or_, begins)
            return disjoint and all(_is_unambiguous(part, following) for part in node.parts)
        case syntax.Repeat():
            if node.most == 1:
                return _is_unambiguous(node.part, following)
            ends_early = node.least != node.most
            return not (ends_early and begin & following) and _is_unambiguous(node.part, following | begin)


def _positions(node: syntax.Node) -> int:
    """Returns the number of characters in a tree if its repeats are written out."""
    match node:
        case syntax.Chars():
            return 1
        case syntax.Sequence() | syntax.Choice():
            return sum(map(_positions, node.parts))
        case syntax.Repeat():
            return _positions(node.part) * (node.least + 1 if node.most is None else node.most)


@cache
def _set_of(ranges: syntax.Ranges) -> Characters:
    found = 0
    for first, last in ranges:
        if first < 128:
            found |= (1 << min(last, 127) + 1) - (1 << first)
        if last - max(first, 128) >= _OTHERS - 1:
            found |= _ALL_OTHERS
        else:
            found |= characters_of_text("".join(map(chr, range(max(first, 128), last + 1))))
    return found
