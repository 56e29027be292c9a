"""Where things are in a YAML text: PyYAML's marks as spans."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fanroute.diagnostics.diagnostic import Span

# The ends of lines in YAML.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

# Where a part of the file is: the event of its key, if it has one, and what has its marks, a scalar's event or a block.
Place = tuple[Any, Any]
Parts = Mapping[str | int, Place]


class Block(NamedTuple):
    """Where a mapping or sequence is, and what is within it."""

    start_mark: Any
    end_mark: Any
    parts: Parts


def span_of(marked: Any) -> Span:
    """The span of what has PyYAML's marks: an event, a block."""
    start, end = marked.start_mark, marked.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def value_span_of(place: Place) -> Span:
    """A value on one line; of one on more lines its key, or its first character."""
    key, marked = place
    span = span_of(marked)
    return span if span.line == span.end_line else span_of(key) if key else first_line(span)


def parts_of(place: Place) -> Parts:
    """The parts within one; a scalar has none."""
    return place[1].parts if isinstance(place[1], Block) else {}


def character_at(mark: Any) -> Span:
    """The one character at a mark."""
    return Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)


def first_line(span: Span) -> Span:
    """A span of one line stays; of a longer one, its first character."""
    if span.line == span.end_line:
        return span
    return Span(span.line, span.column, span.line, span.column + 1)


def span_after(before: str) -> Span:
    """The one character that follows a text."""
    *lines, last = _LINE_END.split(before)
    return Span(len(lines) + 1, len(last) + 1, len(lines) + 1, len(last) + 2)
