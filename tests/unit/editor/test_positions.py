"""Tests that places are converted by YAML's lines and characters on our side, and by the protocol's on the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position, Range

from fanroute.diagnostics.diagnostic import Span
from fanroute.editor.positions import Positions

TEXT = "a\r\né😀b\u2028cd\re\n"


@pytest.mark.parametrize(("encoding", "begin", "end"), [("utf-8", 9, 11), ("utf-16", 4 + 1, 4 + 3), ("utf-32", 4, 6)])
def test_a_span_becomes_a_range(encoding: str, begin: int, end: int) -> None:
    begin += 1 if encoding == "utf-8" else 0
    end += 1 if encoding == "utf-8" else 0
    assert Positions(TEXT, encoding).range_of(Span(3, 1, 3, 3)) == Range(Position(1, begin), Position(1, end))


def test_a_place_beyond_the_text_is_its_end() -> None:
    positions = Positions(TEXT)
    assert positions.range_of(Span(90, 1, 91, 1)).end == Position(3, 0)
    assert positions.offset_of(Position(90, 0)) == len(TEXT)
    assert positions.offset_of(Position(0, 90)) == 1


@given(st.text(), st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.data())
def test_an_offset_comes_back(text: str, encoding: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    positions = Positions(text, encoding)
    found = positions.offset_of(positions.between(offset, offset).start)
    assert found == (offset - 1 if text[offset - 1 : offset + 1] == "\r\n" else offset)
