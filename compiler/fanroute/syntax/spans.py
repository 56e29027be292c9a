"""Converts PyYAML's marks to spans, and keeps the position of each node of a YAML file."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fanroute.diagnostics.diagnostic import Span

# YAML's line breaks (YAML 1.1, 4.2).
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

# A node of the file: the event of its key (None for the root and for items), and its value: a scalar's event or a Block.
Node = tuple[Any, Any]
Children = Mapping[str | int, Node]


class Block(NamedTuple):
    """The position of a mapping or sequence, and the nodes in it by key or index."""

    start_mark: Any
    end_mark: Any
    children: Children


def span_of(marked: Any) -> Span:
    """Returns the span of an event or a Block."""
    start, end = marked.start_mark, marked.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def value_span_of(node: Node) -> Span:
    """Returns the span of a node's value. If the value has several lines, returns that of the key or of its first character."""
    key, value = node
    span = span_of(value)
    return span if span.line == span.end_line else span_of(key) if key else shorten(span)


def children_of(node: Node) -> Children:
    """Returns the nodes in a mapping or sequence. A scalar has none."""
    return node[1].children if isinstance(node[1], Block) else {}


def character_at(mark: Any) -> Span:
    """Returns the span of the character at a mark."""
    return Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)


def shorten(span: Span) -> Span:
    """Shortens a span of several lines to its first character. A span of one line stays as it is."""
    if span.line == span.end_line:
        return span
    return Span(span.line, span.column, span.line, span.column + 1)


def span_after(text: str) -> Span:
    """Returns the span of the character that follows a text which begins the file."""
    *lines, last = LINE_BREAK.split(text)
    return Span(len(lines) + 1, len(last) + 1, len(lines) + 1, len(last) + 2)
