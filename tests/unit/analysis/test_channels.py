"""Tests the channels that clients choose: automata, ambiguity against a naive search, and the values of references."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis import ambiguity
from fanroute.analysis.ambiguity import Split, find_two_splits
from fanroute.analysis.automata import automaton_of, intersection, shortest_text
from fanroute.analysis.channels import (
    Reference,
    find_collision,
    find_invalid_value,
    find_separator,
    is_never_valid,
    references_in,
    resolve,
)
from fanroute_runtime.grip.instructions import MAX_VALUE, is_percent_encoded, is_valid_value
from fanroute_runtime.matching.pattern import Automaton, BadPattern, compile_pattern
from fanroute_runtime.plan import Bound, Condition, Handoff, Match, Route
from tests.unit.runtime.matching.test_pattern import PATTERNS, TEXTS

A, B = Bound("path", "a"), Bound("path", "b")


@given(st.lists(TEXTS, max_size=5), st.lists(TEXTS, max_size=5))
def test_an_automaton_of_texts(texts: list[str], others: list[str]) -> None:
    automaton = automaton_of(texts)
    assert all(automaton.matches(text) for text in texts)
    assert [text for text in others if automaton.matches(text)] == [text for text in others if text in texts]


@settings(deadline=None)
@given(PATTERNS, PATTERNS, st.lists(TEXTS, max_size=8))
def test_what_both_accept(one: str, other: str, texts: list[str]) -> None:
    try:
        automata = compile_pattern(one), compile_pattern(other)
    except BadPattern:
        return
    common = intersection(*automata)
    assert all(common.matches(text) == all(automaton.matches(text) for automaton in automata) for text in texts)
    assert shortest_text(common) == shortest_text(*automata)
    assert bool(common.accepting) == (shortest_text(common) is not None)


def naive(languages: list[list[str]], longest: int) -> int | None:
    """Returns the length of a shortest text that can be split in two ways into one text of each language, or None."""
    texts = ["".join(cut) for cut in product(*languages)]
    twice = [len(text) for text in texts if texts.count(text) > 1 and len(text) <= longest]
    return min(twice, default=None)


LANGUAGES = st.lists(
    st.lists(st.text("ab-", min_size=1, max_size=3), min_size=1, max_size=4, unique=True), min_size=1, max_size=4
)


def check_cuts(pieces: list[Automaton], found: tuple[Split, Split]) -> None:
    one, other = found
    assert one != other and "".join(one) == "".join(other)
    for cut in found:
        assert len(cut) == len(pieces)
        assert all(text and piece.matches(text) for piece, text in zip(pieces, cut, strict=True))


@settings(max_examples=500, deadline=None)
@given(LANGUAGES, st.integers(1, 8))
def test_two_cuts_are_found_where_there_are_two(languages: list[list[str]], longest: int) -> None:
    pieces = [automaton_of(texts) for texts in languages]
    found = find_two_splits(pieces, longest)
    assert (found and len("".join(found[0]))) == naive(languages, longest)
    if found:
        check_cuts(pieces, found)


@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        (["[a-z0-9-]{1,64}", "-", "[a-z0-9-]{1,64}"], "a--a"),
        (["[a-z0-9]{1,64}", "-", "[a-z0-9-]{1,64}"], None),
        (["[a-z0-9-]{1,64}", "-", "[a-z0-9]{1,64}"], None),
        (["[a-z0-9-]{1,64}", ":", "[a-z0-9-]{1,64}"], None),
        (["[a-z]+", "[a-z]+"], "aaa"),
        (["[a-z]+", "[0-9]+"], None),
        (["[a-z]{8}", "[a-z]{1,64}"], None),
        (["[a-z]{1,64}", "[a-z]{8}"], None),
        (["[a-z]{1,2}", "[a-z]{8}", "[a-z]{1,2}"], "a" * 11),
        (["(ab)+", "-", "(ab|-)+"], None),
        (["(ab|-)+", "-", "(ab|-)+"], "----"),
        (["(aa)+", "(aaa)+"], "a" * 11),
        (["(aa)+", "b?a"], None),
    ],
)
def test_whether_two_bindings_give_one_channel(patterns: list[str], text: str | None) -> None:
    pieces = [compile_pattern(pattern) for pattern in patterns]
    found = find_two_splits(pieces, MAX_VALUE)
    assert (found and "".join(found[0])) == text
    if found:
        check_cuts(pieces, found)


def test_only_a_channel_that_is_short_enough_counts() -> None:
    pieces = [compile_pattern(pattern) for pattern in ("[a-z]{1,2}", "[a-z]{8}", "[a-z]{1,2}")]
    assert find_two_splits(pieces, 11) is not None
    assert find_two_splits(pieces, 10) is None


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ((Reference(A), "-", Reference(B)), ({A: "a", B: "-a"}, {A: "a-", B: "a"})),
        ((Reference(A), "/", Reference(B)), None),
        ((Reference(A),), None),
        ((Reference(A), "-", Reference(A)), None),
        ((Reference(A), " ", Reference(B, pattern="[^ ]+")), None),
        ((Reference(A, ("x", "x-y")), "-", Reference(B, ("y-z", "z"))), ({A: "x", B: "y-z"}, {A: "x-y", B: "z"})),
        ((Reference(A, ("x", "x,y")), "-", Reference(B, ("y-z", "z"))), None),
        ((Reference(A, pattern="x|x-y"), "-", Reference(B, pattern="z|yy-z")), None),
        (("t-", Reference(A), Reference(B)), ({A: "a", B: "aa"}, {A: "aa", B: "a"})),
        (("t-", Reference(A), "-", Reference(B), "-u"), ({A: "a", B: "-a"}, {A: "a-", B: "a"})),
        (("x" * (MAX_VALUE - 4), Reference(A), "-", Reference(B)), ({A: "a", B: "-a"}, {A: "a-", B: "a"})),
        (("x" * (MAX_VALUE - 3), Reference(A), "-", Reference(B)), None),
        # One of the two splits of the shortest such channel gives `a` two values.
        ((Reference(A, pattern="a+"), Reference(B, pattern="a+"), Reference(A, pattern="a+")), None),
    ],
)
def test_two_requests_with_one_channel(
    template: tuple[str | Reference, ...], values: tuple[dict[Bound, str], dict[Bound, str]] | None
) -> None:
    assert find_collision(template) == values


@pytest.mark.parametrize(
    ("reference", "value", "none"),
    [
        (Reference(A, pattern="[a-z0-9-]{1,64}", first=True, last=True), None, False),
        (Reference(A, pattern=".+"), '"', False),
        (Reference(A, pattern="[a-z ]+", last=True), " ", False),
        (Reference(A, pattern="[a-z ]+", first=True), " ", False),
        (Reference(A, pattern="[a-z ]+"), None, False),
        (Reference(A, pattern="[a-z ,]+"), ",", False),
        (Reference(A, pattern="[a-zé]+"), "é", False),
        (Reference(A, pattern="[a-z]*"), None, False),
        (Reference(A, pattern="[à-ÿ]+"), "à", True),
        (Reference(Bound("query", "a"), pattern="[a-z]*"), "", False),
        (Reference(Bound("header", "a"), ("a", "b;c", "é")), "b;c", False),
        (Reference(Bound("header", "a"), ("b;c",)), "b;c", True),
    ],
)
def test_values_that_give_no_channel(reference: Reference, value: str | None, none: bool) -> None:
    assert find_invalid_value(reference) == value
    assert is_never_valid(reference) == none


@given(st.text(st.characters(max_codepoint=0x17F), max_size=5) | st.text("%4aFg ", max_size=8))
def test_what_gives_a_channel_is_what_the_edge_takes(text: str) -> None:
    query = Bound("query", "a")
    route = Route("a", Match(query=(Condition("a", (text,)),)), Handoff("origin"))
    for template in ((query,), ("x", query), (query, "x"), ("x", query, "x")):
        whole = "".join(part if isinstance(part, str) else text for part in template)
        (reference,) = references_in(resolve(template, route))
        assert (find_invalid_value(reference) is None) == (bool(text) and is_valid_value(whole) and not is_percent_encoded(text))


def test_a_character_that_no_value_has() -> None:
    template = (Reference(A, pattern="[a-z-]+"), "-", Reference(B, ("x:y",)))
    assert find_separator(template, "-:/.") == "/"
    assert find_separator(template, "-:") is None
    assert find_separator((Reference(A),), "-:/") == "/"


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [compile_pattern("[a-z-]+"), compile_pattern("-"), compile_pattern("[a-z-]+")]
    assert find_two_splits(pieces, MAX_VALUE) is not None
    monkeypatch.setattr(ambiguity, "MAX_PAIRS", 3)
    assert find_two_splits(pieces, MAX_VALUE) is None
