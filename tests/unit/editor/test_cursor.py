"""Tests what is found at the cursor, in files that are complete and in files that somebody is typing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.editor.cursor import MAX_LENGTH, Cursor, find_cursor, read_parts
from fanroute.editor.positions import Positions
from tests.conftest import REPOSITORY

HEAD = """\
version: 1
backends:
  origin: {url: https://app.example.com}
routes:
  - match: {path: "/rooms/{room}"}
    public: true
"""
TAIL = "  - forward: origin\n"
OWN = (REPOSITORY / "routes.yaml").read_text()


def found(text: str) -> Cursor | None:
    """Returns what is at the `|` of a text."""
    offset = text.index("|")
    text = text.replace("|", "", 1)
    return find_cursor(text, *Positions(text).place_of(offset))


@pytest.mark.parametrize(
    ("typed", "path", "is_key", "word"),
    [
        ("    sse: {channel: room-|x}\n", (0, "sse", "channel"), False, ("room-", "x")),
        ('    sse: {channel: "room-{|"}\n', (0, "sse", "channel"), False, ("room-{", "")),
        ('    sse: {channel: "room-{|\n', (0, "sse", "channel"), False, ("room-{", "")),
        ("    sse:\n      channel: 'a|\n", (0, "sse", "channel"), False, ("a", "")),
        ("    ss|\n", (0,), True, ("ss", "")),
        ("    |\n", (0,), True, ("", "")),
        ("    for|ward: origin\n", (0,), True, ("for", "ward")),
        ("    forward: or|\n", (0, "forward"), False, ("or", "")),
        ("    forward: |\n", (0, "forward"), False, ("", "")),
        ("    sse: {|\n", (0, "sse"), True, ("", "")),
        ("    sse: {channel: x, |}\n", (0, "sse"), True, ("", "")),
        ("    sse:\n      |\n", (0, "sse"), False, ("", "")),
        ("    sse:\n      channel: x\n      re|\n", (0, "sse"), True, ("re", "")),
        ("  - match: {method: [GET, P|\n", (1, "match", "method", 1), False, ("P", "")),
        ("  - |\n", (1,), False, ("", "")),
        ("    sse: {channel: x\n    for|\n", (0,), True, ("for", "")),
    ],
)
def test_the_cursor_is_found(typed: str, path: tuple[str | int, ...], is_key: bool, word: tuple[str, str]) -> None:
    cursor = found(HEAD + typed + TAIL)
    assert cursor is not None
    assert (cursor.path, cursor.is_key, (cursor.before, cursor.after)) == (("routes", *path), is_key, word)
    assert cursor.parts.data["backends"] == {"origin": {"url": "https://app.example.com"}}


def test_a_comment_has_no_cursor() -> None:
    assert found(HEAD + "    sse: {channel: x} # a com|ment\n" + TAIL) is None


def test_other_keys_of_the_mapping_are_known() -> None:
    cursor = found(HEAD + "    |\n    sse: {channel: x}\n" + TAIL)
    assert cursor is not None and cursor.siblings == {"match", "public", "sse"}


def test_what_is_below_a_broken_line_is_read() -> None:
    parts = read_parts(HEAD + '  - match: {path: "/a\n    forward: origin\n' + TAIL + "  bad: [\nservice: {name: x}\n")
    assert parts.data["service"] == {"name": "x"}
    assert parts.data["routes"][1] == {"forward": "origin"}
    assert parts.keys["backends", "origin"].line == 3


def test_many_broken_lines_are_left_out() -> None:
    cursor = found(HEAD + "  - match: [\n" * 10 + '  - match: {path: "/a\n    fo|\n' + TAIL)
    assert cursor is not None and (cursor.path, cursor.is_key, cursor.before) == (("routes", 11), False, "fo")


def test_a_long_text_has_no_cursor() -> None:
    text = HEAD + "#" * MAX_LENGTH
    assert find_cursor(text, 1, 3) is None and read_parts(text).data is None


@given(st.integers(0, len(OWN)), st.integers(0, 400))
def test_any_cut_of_a_file_gets_an_answer(at: int, cut: int) -> None:
    text = OWN[:at] + OWN[at + cut :]
    cursor = find_cursor(text, *Positions(text).place_of(at))
    assert cursor is None or isinstance(cursor.path, tuple)


@given(st.text(max_size=200), st.integers(0, 200))
def test_any_text_gets_an_answer(text: str, at: int) -> None:
    find_cursor(text, *Positions(text).place_of(min(at, len(text))))
