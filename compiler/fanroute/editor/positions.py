"""Converts places in a routes.yaml between our spans and the protocol's positions. Pure.

We count lines by YAML's line breaks, columns by characters, and both from 1. The protocol has fewer line breaks, counts from 0,
and counts columns in units of an encoding that editor and server agree on.
Source: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#position
"""

import re
from bisect import bisect_right
from functools import cached_property

from lsprotocol.types import Position, PositionEncodingKind, Range

from fanroute.diagnostics.diagnostic import Span
from fanroute.syntax.spans import LINE_BREAK

_PROTOCOL_LINE_BREAK = re.compile("\r\n|[\n\r]")
# The encoding and the bytes of a unit of each kind.
_UNITS = {
    PositionEncodingKind.Utf8: ("utf-8", 1),
    PositionEncodingKind.Utf16: ("utf-16-le", 2),
    PositionEncodingKind.Utf32: ("utf-32-le", 4),
}


class Positions:
    """Converts places in one text."""

    def __init__(self, text: str, encoding: PositionEncodingKind | str = PositionEncodingKind.Utf16) -> None:
        self.text = text
        self.encoding = PositionEncodingKind(encoding)
        self._encoding, self._bytes = _UNITS[self.encoding]

    @cached_property
    def _yaml_lines(self) -> list[int]:
        return _line_starts(LINE_BREAK, self.text)

    @cached_property
    def _protocol_lines(self) -> list[int]:
        return _line_starts(_PROTOCOL_LINE_BREAK, self.text)

    def range_of(self, span: Span) -> Range:
        """Returns a span as a range of the protocol."""
        begin, end = self._offset(span.line, span.column), self._offset(span.end_line, span.end_column)
        return self.between(begin, max(begin, end))

    def between(self, begin: int, end: int) -> Range:
        """Returns the range between two offsets, in characters."""
        return Range(self._position(begin), self._position(end))

    def offset_of(self, position: Position) -> int:
        """Returns the offset of a position, in characters. A position beyond its line, or the text, counts as the end of it."""
        if position.line >= len(self._protocol_lines):
            return len(self.text)
        begin = self._protocol_lines[position.line]
        line = _PROTOCOL_LINE_BREAK.split(self.text[begin : self._line_end(position.line)])[0]
        before = self._encoded(line)[: position.character * self._bytes]
        return begin + len(before.decode(self._encoding, "ignore"))

    def place_of(self, offset: int) -> tuple[int, int]:
        """Returns the line and column of an offset, by YAML's line breaks and counted from 0."""
        line = bisect_right(self._yaml_lines, offset) - 1
        return line, offset - self._yaml_lines[line]

    def _offset(self, line: int, column: int) -> int:
        begin = self._yaml_lines[min(line, len(self._yaml_lines)) - 1]
        return min(begin + column - 1, len(self.text))

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._protocol_lines, offset) - 1
        before = self.text[self._protocol_lines[line] : offset]
        return Position(line, len(self._encoded(before)) // self._bytes)

    def _line_end(self, line: int) -> int:
        following = self._protocol_lines[line + 1 :][:1]
        return following[0] if following else len(self.text)

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._encoding, "surrogatepass")


def _line_starts(line_break: re.Pattern[str], text: str) -> list[int]:
    return [0, *(found.end() for found in line_break.finditer(text))]
