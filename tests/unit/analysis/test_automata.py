"""Tests which texts automata accept, and which are found."""

from typing import get_args
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, SEGMENT, example_text, segment_values, shortest_text
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.pattern import Automaton, BadPattern, compile_pattern
from fanroute_runtime.matching.predicates import can_bind
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import PathFault
from tests.unit.runtime.matching.test_pattern import PATTERNS, TEXTS


@given(st.one_of(st.text(max_size=4), st.text("./a\n", max_size=4)))
def test_a_segment_is_what_a_parameter_binds(text: str) -> None:
    assert SEGMENT.matches(text) == can_bind(text)
    assert QUERY_VALUE.matches(text)


@given(st.one_of(st.text(max_size=4), st.text("./;\\\n\x7fa", max_size=4)), st.sets(st.sampled_from(get_args(PathFault))))
def test_a_segment_of_a_path_that_is_not_refused(text: str, faults: set[PathFault]) -> None:
    chosen = tuple(sorted(faults))
    assert segment_values(chosen).matches(text) == (can_bind(text) and not is_refused(text, chosen))


def is_refused(text: str, faults: tuple[PathFault, ...]) -> bool:
    try:
        Paths(faults).check(f"/{quote(text, safe='')}")
    except Refused:
        return True
    return False


@pytest.mark.parametrize("text", ["", "a", "a b", "a\tb", "!", "~", "é", "\x80"])
def test_a_headers_value(text: str) -> None:
    assert HEADER_VALUE.matches(text)


@pytest.mark.parametrize("text", [" ", " a", "a ", "a\t", "a\nb", "\x7f", "✓", "\x00"])
def test_no_headers_value(text: str) -> None:
    assert not HEADER_VALUE.matches(text)


@pytest.mark.parametrize(
    ("pattern", "possible", "liked", "text"),
    [
        ("", SEGMENT, "room", "room"),
        ("[a-z]+", SEGMENT, "room", "room"),
        ("[A-Z0-9-]{2,3}", SEGMENT, "room", "00"),
        (r"\w+\.(?:txt|md)", SEGMENT, "file", "a.md"),
        (r"\.+", SEGMENT, "dots", "..."),
        ("[0-9]*", HEADER_VALUE, "x", "0"),
        (".?", HEADER_VALUE, "xx", "a"),
        ("()", QUERY_VALUE, "x", ""),
        (",+", QUERY_VALUE, "x", ","),
        ("é|ü", SEGMENT, "x", "é"),
        (".*✓", QUERY_VALUE, "x", "✓"),
    ],
)
def test_an_example_is_a_text_that_fits(pattern: str, possible: Automaton, liked: str, text: str) -> None:
    assert example_text(pattern, possible, liked) == text


def test_nothing_in_common() -> None:
    assert shortest_text(compile_pattern("a+"), compile_pattern("b+")) is None
    assert shortest_text(compile_pattern("(aa)+"), compile_pattern("(aaa)+")) == "aaaaaa"


@settings(deadline=None)
@given(PATTERNS, PATTERNS, st.lists(TEXTS, max_size=8))
def test_a_shortest_text_is_accepted_and_no_shorter_one_is(one: str, other: str, texts: list[str]) -> None:
    try:
        automata = compile_pattern(one), compile_pattern(other)
    except BadPattern:
        return
    found = shortest_text(*automata)
    fitting = [text for text in texts if all(automaton.matches(text) for automaton in automata)]
    if found is None:
        assert not fitting
    else:
        assert all(automaton.matches(found) for automaton in automata)
        assert all(len(text) >= len(found) for text in fitting)
