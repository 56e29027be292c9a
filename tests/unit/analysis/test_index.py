"""Compares the index, and what the syntax of patterns tells, with exhaustive searches."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis import channels, reachability, refused, sets
from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, segment_values, shortest_text
from fanroute.analysis.box import Box, Point, intersect
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.channels import Reference, find_invalid_value
from fanroute.analysis.index import FEW
from fanroute.analysis.outline import is_plain, is_small, outline_of_text, outlines_of
from fanroute.analysis.overlap import find_overlaps
from fanroute.analysis.reachability import Reachable, Unreachable, reachability_of
from fanroute.analysis.search import Boxes
from fanroute.analysis.trie import OutlineTrie
from fanroute_runtime.matching.pattern import MAX_STATES, BadPattern, compile_pattern
from fanroute_runtime.plan import REFUSED_PATHS, Bound, Condition, Match, Parameter, PathPattern

PIECES = ["a", "b", "ab", "-", r"\.", "é", "š", "[ab]", "[a-z0-9-]", "[^a]", ".", "x", "(a|b-)", "(ab|é)"]
COUNTS = ["", "", "", "?", "*", "+", "{2}", "{1,3}", "{0,12}"]


def fits_few_states(text: str) -> bool:
    """Returns False for patterns with which the searches without an index would take long."""
    try:
        return len(compile_pattern(text).steps) <= 30
    except BadPattern:
        return False


def some_patterns(count: int) -> Iterator[str]:
    """Yields patterns with few states that fit a segment and a header. They are always the same."""
    random = Random(1)
    while count:
        parts = [[random.choice(PIECES) + random.choice(COUNTS) for _ in range(random.randint(1, 4))] for _ in range(3)]
        one, two, three = map("".join, parts)
        text = random.choice([one, one, f"({one}|{two})", f"{one}({two}|{three}){random.choice(COUNTS)}"])
        if fits_few_states(text) and all(
            shortest_text(compile_pattern(text), possible) is not None for possible in (segment_values(()), HEADER_VALUE)
        ):
            yield text
            count -= 1


PATTERNS = [*some_patterns(500)]
PATTERN = st.sampled_from(PATTERNS)
PARAMETER = PATTERN.map(lambda text: Parameter("p", text))
SEGMENT = st.one_of(st.sampled_from(["a", "ab", "-", "é", "x-b", Parameter("p", "")]), PARAMETER, PARAMETER)
CONDITION = st.one_of(
    st.lists(st.sampled_from(["a", "ab", "x-b"]), min_size=1, max_size=2).map(lambda some: Condition("h", values=tuple(some))),
    st.booleans().map(lambda present: Condition("h", present=present)),
    PATTERN.map(lambda text: Condition("h", pattern=text)),
)


def path_of(segments: list[str | Parameter], rest: bool) -> PathPattern:
    """Returns a path whose parameters have names of their own, as in every Plan."""
    numbered = (replace(each, name=f"p{index}") if isinstance(each, Parameter) else each for index, each in enumerate(segments))
    return PathPattern(tuple(numbered), rest)


MATCH = st.builds(
    lambda segments, rest, conditions, hosts: Match(
        hosts=hosts, path=path_of(segments, rest) if segments else None, headers=tuple(conditions)
    ),
    st.lists(SEGMENT, max_size=2),
    st.booleans(),
    st.lists(CONDITION, max_size=1),
    st.sampled_from([(), (), (), ("a.b",), ("*.b", "c.d")]),
)
# More matches than the index scans without a look at their patterns.
MATCHES = st.lists(MATCH, min_size=FEW + 1, max_size=2 * FEW)

# Matches that are stored under many different values, or under none because they have only patterns.
CROWD = st.lists(
    st.one_of(
        st.integers(0, 30).map(lambda number: Match(path=PathPattern((f"s{number}",), rest=True))),
        st.integers(0, 30).map(lambda number: Match(hosts=(f"h{number}.b",))),
        PARAMETER.map(lambda one: Match(path=PathPattern((one,), rest=True))),
        PATTERN.map(lambda text: Match(headers=(Condition("h", pattern=text),))),
        MATCH,
    ),
    min_size=30,
    max_size=60,
)


class NoIndex:
    """Yields all earlier matches for each request and box."""

    def of_point(self, point: Point, before: int, budget: Budget) -> Iterator[int]:
        return iter(range(before))

    def of_box(self, box: Box, before: int, budget: Budget) -> Iterator[int]:
        return iter(range(before))


@contextmanager
def nothing_is_plain() -> Iterator[None]:
    """Makes the analysis answer all questions with automata."""
    with ExitStack() as stack:
        for module in (channels, refused, sets):
            stack.enter_context(patch.object(module, "is_plain", lambda text: False))
        yield


def answers(boxes: Boxes, steps: int) -> Iterator[Any]:
    """Yields for each match its witness or the matches that cover it, and the earlier ones that it overlaps, with requests.

    Yields None for a match that takes more steps than these.
    """
    with patch.object(reachability, "MAX_STEPS", steps):
        reached = [*reachability_of(boxes, Budget(10**9))]
    for number, reach in enumerate(reached):
        try:
            overlaps = [*find_overlaps(boxes, number, lambda one, other: one % 3 != other % 3, Budget(steps))]
        except BudgetExceeded:
            yield None
            continue
        if isinstance(reach, Reachable):
            assert not (reach.alone and overlaps)
            yield reach.witness, overlaps
        else:
            yield (reach, overlaps) if isinstance(reach, Unreachable) else None


@settings(max_examples=100, deadline=None)
@given(MATCHES, st.sampled_from([(), REFUSED_PATHS]))
def test_the_answers_do_not_depend_on_the_index(matches: list[Match], faults: Any) -> None:
    naive = Boxes(matches, faults)
    naive.index = NoIndex()  # type: ignore[assignment]
    with nothing_is_plain():
        expected = [*answers(naive, 1000)]
    found = answers(Boxes(matches, faults), 2000)
    assert all(wanted is None or one == wanted for one, wanted in zip(found, expected, strict=True))


@settings(max_examples=50, deadline=None)
@given(st.one_of(MATCHES, CROWD))
def test_candidates_come_in_order_and_none_is_missing(matches: list[Match]) -> None:
    boxes, budget = Boxes(matches), Budget(10**9)
    for number, box in enumerate(boxes.boxes):
        found = [*boxes.index.of_box(box, number, budget)]
        assert found == sorted(set(found))
        assert {other for other in range(number) if intersect(box, boxes.boxes[other]) is not None} <= {*found}
        witnesses = [each.witness for each in reachability_of(Boxes([matches[number]]), budget) if isinstance(each, Reachable)]
        for point in witnesses:
            candidates = [*boxes.index.of_point(point, len(matches), budget)]
            assert candidates == sorted(set(candidates))
            assert {other for other in range(len(matches)) if boxes.fits(point, other)} <= {*candidates}


@settings(max_examples=300, deadline=None)
@given(st.lists(PATTERN, min_size=1, max_size=6), PATTERN)
def test_a_trie_finds_all_patterns_that_share_a_text(patterns: list[str], other: str) -> None:
    trie = OutlineTrie()
    for number, text in enumerate(patterns):
        for outline in outlines_of(text):
            trie.add(outline, number)
    shared = [shortest_text(compile_pattern(text), compile_pattern(other)) for text in patterns]
    found = [*trie.overlapping(outlines_of(other), len(patterns), Budget(10**9))]
    assert found == sorted(set(found))
    assert {number for number, text in enumerate(shared) if text is not None} <= {*found}
    for number, text in enumerate(shared):
        assert text is None or number in trie.overlapping([outline_of_text(text)], len(patterns), Budget(10**9))


@settings(max_examples=500, deadline=None)
@given(PATTERN)
def test_texts_of_plain_patterns_are_valid_everywhere(text: str) -> None:
    """No text of a plain pattern is refused or makes an invalid channel, which automata find out, too."""
    if not is_plain(text):
        return
    compiled = compile_pattern(text)
    faults = (*REFUSED_PATHS, "parameters", "encoded_slashes", "empty_segments")
    for possible in (segment_values(faults), HEADER_VALUE, QUERY_VALUE):
        assert shortest_text(compiled, possible) is not None
        assert shortest_text(compiled, rejected_by=[possible]) is None
    with nothing_is_plain():
        assert find_invalid_value.__wrapped__(Reference(Bound("path", "p"), (), text, True, True)) is None


@pytest.mark.parametrize("text", ["a", "[a-z0-9-]{1,64}", "r1-[0-9]+", r"[a-z]+\.jpg", "(eu|us)-[A-Z~_]*", r"\.?a"])
def test_a_plain_pattern(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize("text", ["a?", r"\.+", r"[a.]+", "é", "š", ".", "[^a]", "a;", "a b", "(a|)", "a{0}", "%41"])
def test_no_plain_pattern(text: str) -> None:
    assert not is_plain(text)


SIZES = st.sampled_from(["", "+", "{30}", "{0,40}", "{990}", "{1001}", "{3}"])
LARGE = st.lists(st.builds("({}){}".format, PATTERN, SIZES), min_size=1, max_size=2).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.one_of(PATTERN, LARGE))
def test_a_small_pattern_compiles(text: str) -> None:
    try:
        compiled = compile_pattern(text)
    except BadPattern:
        assert not is_small(text)
    else:
        assert not is_small(text) or len(compiled.steps) <= MAX_STATES + 1


@pytest.mark.parametrize("text", ["r1-[a-z0-9-]{1,64}", "(eu|us)-[0-9]+", "[a-z]+-[0-9]*x", "a{1000}"])
def test_a_small_pattern(text: str) -> None:
    assert is_small(text)


@pytest.mark.parametrize("text", ["a{1001}", "[ab]*a[ab]{12}", "(a|ab)c", "(a*)*", "a?a", "(a?b?)+"])
def test_what_may_be_no_small_pattern(text: str) -> None:
    assert not is_small(text)
