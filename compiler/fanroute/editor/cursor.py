"""Finds the key or value at a place in a routes.yaml, which may be broken YAML while somebody types it. Pure.

A sign that the text does not have is written at the place, and the parser's events are read until one has the sign. If the line
is incomplete, as in `handof` or `{path: "/a`, it is completed in a few ways until the parser takes it. Other broken lines are
left out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import islice, product
from operator import getitem
from typing import Any

import yaml

from fanroute.diagnostics.diagnostic import Span
from fanroute.syntax.source import MAX_DEPTH, Path, plain_scalar_value
from fanroute.syntax.spans import LINE_BREAK, span_of

# PyYAML's fastest parser, and the longest text that it reads in half a second, in characters. Nothing is found in a longer one.
_PARSER, MAX_LENGTH = (yaml.CBaseLoader, 1_000_000) if yaml.__with_libyaml__ else (yaml.BaseLoader, 50_000)
# How many characters all readings of a text together may have, and how often a text is read at most: one half to leave out broken
# lines, the other to complete the line at the cursor.
_BUDGET, _MAX_READINGS = (5_000_000, 40) if yaml.__with_libyaml__ else (250_000, 40)
# What can complete the line that somebody types: nothing, a key's colon, and the end of a quoted text.
_ENDINGS = ("", ": x", '"', "'", '": x')
# Characters for private use, as signs.
_SIGNS = range(0xE000, 0xF900)
# What stays of a broken line: the `- ` of an item, because the lines below can belong to it.
_ITEM = re.compile(r" *(?:- +)*")


@dataclass(slots=True)
class Parts:
    """The parts of a text that could be read: its data, and the span of each key by its path."""

    data: Any = None
    keys: dict[Path, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a cursor in a file.

    Attributes:
        path: of the value at the cursor, or of the mapping with the key at the cursor.
        is_key: True if the cursor is in a key.
        before: the text of the key or value before the cursor.
        after: its text after the cursor.
        siblings: the other keys of the mapping, if the cursor is in a key.
        parts: the whole file, as far as it could be read.
    """

    path: Path
    is_key: bool
    before: str
    after: str
    siblings: frozenset[str]
    parts: Parts


class _Found(Exception):
    """Ends the reading of a text at the end of the mapping or value that has the sign."""


def find_cursor(text: str, line: int, column: int) -> Cursor | None:
    """Returns what is at a place, None if nothing can be there, such as in a comment. Line and column count from 0."""
    if len(text) > MAX_LENGTH:
        return None
    sign = next(sign for sign in map(chr, _SIGNS) if sign not in text)
    original = LINE_BREAK.split(text)
    lines, parts = _leave_out_broken_lines(original, _readings(text))
    before, after = original[line][:column], original[line][column:]
    for ending, rest in islice(dict.fromkeys(product(_ENDINGS, (after, ""))), _readings(text)):
        reader = _Reader("\n".join([*lines[:line], f"{before}{sign}{ending}{rest}", *lines[line + 1 :]]), sign)
        reader.read()
        if reader.found:
            cursor = _cursor(reader, sign, parts)
            # A text without quotes can go on in the next line, which the user does not mean.
            return cursor if after.startswith(cursor.after) else replace(cursor, after="")
    return None


def read_parts(text: str) -> Parts:
    """Returns the parts of a text that can be read. A text that is too long has none."""
    return _leave_out_broken_lines(LINE_BREAK.split(text), _readings(text))[1] if len(text) <= MAX_LENGTH else Parts()


def value_at(data: Any, path: Path) -> Any:
    """Returns the value at a path in data, None if there is none."""
    try:
        return reduce(getitem, path, data)
    except (KeyError, IndexError, TypeError):
        return None


def _cursor(reader: "_Reader", sign: str, parts: Parts) -> Cursor:
    path, is_key, typed = reader.found[0]
    before, _, after = typed.partition(sign)
    mapping = value_at(reader.parts.data, path)
    siblings = frozenset(key for key in mapping if sign not in key) if is_key and isinstance(mapping, dict) else frozenset()
    return Cursor(path, is_key, before, after, siblings, parts)


def _readings(text: str) -> int:
    """Returns how often a text may be read for one purpose, so that a large text is read in bounded time."""
    return max(1, min(_MAX_READINGS, _BUDGET // (len(text) + 1)) // 2)


def _leave_out_broken_lines(lines: list[str], readings: int) -> tuple[list[str], Parts]:
    """Returns the lines with broken ones made empty, and the parts of them that can be read."""
    lines = [*lines]
    for _ in range(readings):
        reader = _Reader("\n".join(lines))
        broken = reader.read()
        if broken is None or not (broken < len(lines) and lines[broken]):
            break
        lines[broken] = _without_content(lines[broken])
    return lines, reader.parts


def _without_content(line: str) -> str:
    found = _ITEM.match(line)
    return found.group() if found and found.group() != line else ""


class _Reader:
    """Reads the events of a text as data, as far as the parser gets. Looks for a scalar that has the sign, if there is one."""

    def __init__(self, text: str, sign: str = "") -> None:
        self.parts = Parts()
        self.found: list[tuple[Path, bool, str]] = []
        self._sign = sign
        self._text = text
        self._events: Iterator[Any] = iter(())
        # The lines of the brackets and braces that are open.
        self._open: list[int] = []

    def read(self) -> int | None:
        """Reads the first document. Returns the number of the line that is broken, counted from 0, None if there is none."""
        try:
            self._events = iter(_PARSER(self._text).get_event, None)
            for event in self._events:
                if type(event) is yaml.DocumentStartEvent:
                    self._value(next(self._events), (), partial(setattr, self.parts, "data"))
                    return None
        except yaml.MarkedYAMLError as error:
            # A bracket or brace that is not closed makes the lines after it wrong.
            is_block = error.context is None or "block" in error.context
            mark = error.problem_mark if is_block else error.context_mark
            return self._open[-1] if self._open else mark.line if mark else 0
        except (yaml.YAMLError, ValueError, OverflowError, StopIteration, _Found):
            pass
        return None

    def _value(self, event: Any, path: Path, put: Callable[[Any], None]) -> None:
        """Reads the value that begins with an event, and puts it into its place before it is complete."""
        if len(path) > MAX_DEPTH:
            raise _Found
        in_brackets = bool(getattr(event, "flow_style", False))
        self._open += [event.start_mark.line] if in_brackets else []
        match event:
            case yaml.ScalarEvent():
                put(event.value if event.style else plain_scalar_value(event.value))
                self._look_for_sign(event.value, path, is_key=False)
            case yaml.MappingStartEvent():
                mapping: dict[str, Any] = {}
                put(mapping)
                self._mapping(mapping, path)
            case yaml.SequenceStartEvent():
                items: list[Any] = []
                put(items)
                while type(item := next(self._events)) is not yaml.SequenceEndEvent:
                    self._value(item, (*path, len(items)), items.append)
            case _:
                put(None)
        if in_brackets:
            self._open.pop()
        if self.found and self.found[0][0] == path:
            raise _Found

    def _mapping(self, mapping: dict[str, Any], path: Path) -> None:
        while type(key := next(self._events)) is not yaml.MappingEndEvent:
            name = key.value if type(key) is yaml.ScalarEvent else ""
            if type(key) is not yaml.ScalarEvent:
                self._value(key, (*path, ""), lambda _: None)
            else:
                self.parts.keys.setdefault((*path, name), span_of(key))
            self._look_for_sign(name, path, is_key=True)
            self._value(next(self._events), (*path, name), partial(mapping.__setitem__, name))

    def _look_for_sign(self, text: str, path: Path, is_key: bool) -> None:
        if self._sign and self._sign in text:
            self.found.append((path, is_key, text))
