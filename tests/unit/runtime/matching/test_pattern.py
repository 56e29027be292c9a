"""Tests patterns: compares them with Python's `re`, and checks which texts are refused as patterns, and why."""

import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute_runtime.matching.pattern import DEAD, MAX_STATES, Automaton, BadPattern, compile_pattern
from fanroute_runtime.matching.pattern_syntax import MAX_DEPTH, MAX_LENGTH


@pytest.mark.parametrize(
    ("pattern", "accepted", "near"),
    [
        ("abc", ["abc"], ["", "ab", "abcd", "ABC", "xabc"]),
        ("[a-z0-9-]{1,3}", ["a", "-", "a-9"], ["", "a-9z", "A", "a_"]),
        (r"[\]a-]", ["]", "a", "-"], ["", "b", "]a"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[^a-c]", ["d", "\n", "\U0001f600"], ["a", "b", "c", ""]),
        (".", ["a", "\r", "é", "\U0001f600"], ["\n", "", "ab"]),
        (r"\d\w\s", ["1a ", "0_\t"], ["a1 ", "١a ", "1é ", "1a\u00a0"]),
        (r"\D\W\S", ["a-x", "١éx"], ["1-x", "aax", "a- "]),
        (r"[\d.]+", ["1.2", "."], ["1,2"]),
        (r"\.\*\\\/\-\ \t", [".*\\/- \t"], [".*\\/- t"]),
        ("a|bc|", ["a", "bc", ""], ["b", "abc"]),
        ("(?:a|b)(c|d)?", ["a", "bc", "ad"], ["", "c", "abc"]),
        ("a*b+c?", ["b", "aabbc"], ["a", "abcc"]),
        ("a{2}", ["aa"], ["a", "aaa"]),
        ("a{2,}", ["aa", "a" * 9], ["a"]),
        ("a{0}b", ["b"], ["ab"]),
        ("(ab?){2,3}", ["aa", "abab", "abaab"], ["a", "abb", "aaaa"]),
        ("()", [""], ["a"]),
        ("((a?)*)*", ["", "aaa"], ["b"]),
    ],
)
def test_a_pattern_and_its_near_misses(pattern: str, accepted: list[str], near: list[str]) -> None:
    automaton = compile_pattern(pattern)
    assert [text for text in accepted if not automaton.matches(text)] == []
    assert [text for text in near if automaton.matches(text)] == []


@pytest.mark.parametrize(
    ("pattern", "message", "suggestion"),
    [
        ("", "must not be empty", "'.*'"),
        ("a" * (MAX_LENGTH + 1), f"{MAX_LENGTH} characters", "shorten"),
        ("^a", "must not have '^'", "anchored: leave it out"),
        ("a$", "must not have '$'", "anchored: leave it out"),
        (r"\bx\b", r"must not have '\b'", "anchored: leave it out"),
        (r"\Ax", r"must not have '\A'", "anchored: leave it out"),
        ("(?=a)b", "must not have lookahead", "whole value"),
        ("(?!a)b", "must not have negative lookahead", "whole value"),
        ("(?<=a)b", "must not have lookbehind", "whole value"),
        ("(?<!a)b", "must not have negative lookbehind", "whole value"),
        (r"(a)\1", "must not have back-references", "possible texts"),
        ("(?P<x>a)(?P=x)", "must not have named groups", "'(...)'"),
        ("(?<x>a)", "must not have named groups", "'(...)'"),
        ("(?P=x)", "must not have back-references", "possible texts"),
        ("(?>a)", "must not have atomic groups", "(?:...)"),
        ("(?#a)", "must not have comments", "leave it out"),
        ("(a)(?(1)b)", "must not have conditions", "'|'"),
        ("(?i)a", "must not have flags, such as '(?i'", "[aA]"),
        ("(?-i:a)", "must not have flags, such as '(?-'", "[aA]"),
        ("(?", "must not have flags", "(?:...)"),
        ("a*?", "must not have lazy", "leave it out"),
        ("a+?", "must not have lazy", "leave it out"),
        ("a{2}?", "must not have lazy", "leave it out"),
        ("a++", "possessive", "leave it out"),
        ("a**", "repeats a repeat", "group"),
        ("a{1}{2}", "repeats a repeat", "group"),
        ("*a", "'*' has nothing before it", r"\*"),
        ("a|+", "'+' has nothing before it", r"\+"),
        ("(?:?)", "'?' has nothing before it", r"\?"),
        ("{2}", "'{' has nothing before it", r"\{"),
        ("a{", "must begin a repeat", r"\{"),
        ("a{,2}", "must begin a repeat", "{n,m}"),
        ("a{2", "must begin a repeat", r"\{"),
        ("a{x}", "must begin a repeat", r"\{"),
        ("a{²}", "must begin a repeat", r"\{"),
        ("a{3,2}", "{3,2} is the wrong way round", "{2,3}"),
        ("a}", "'}' that closes nothing", r"\}"),
        ("a]", "']' that closes nothing", r"\]"),
        ("(a", "'(' without its ')'", r"\("),
        ("a)", "')' without its '('", r"\)"),
        ("[a", "'[' without its ']'", r"\["),
        ("[a-", "'[' without its ']'", r"\["),
        ("[^", "'[' without its ']'", r"\["),
        ("[", "'[' without its ']'", r"\["),
        ("[]", "class without characters", r"\]"),
        ("[^]", "class without characters", r"\]"),
        ("[[:alpha:]]", "must not contain '['", r"\["),
        ("[z-a]", "'z-a' is the wrong way round", "'a-z'"),
        ("[a-c-e]", "between two characters", "last"),
        (r"[\d-z]", "from one character", "last"),
        (r"[a-\d]", "from one character", "last"),
        (r"[^\d\D]", "contains no character", "remove some"),
        (r"\q", r"must not have the escape '\q'", r"\d"),
        (r"\n", r"must not have the escape '\n'", r"\d"),
        (r"\x41", r"must not have the escape '\x'", r"\d"),
        (r"\é", r"must not have the escape '\é'", r"\d"),
        (r"[\b]", r"must not have '\b'", "anchored"),
        ("\\", r"ends with a '\'", r"\\"),
        ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), f"{MAX_DEPTH} deep", "nest fewer"),
        ("\ud800", "surrogate", "whole character"),
        ("(a|b)*a(a|b){20}", f"more than {MAX_STATES} states", "smaller counts"),
        ("a{1000000}", f"more than {MAX_STATES} states", "smaller counts"),
        ("a{0,99999999999999999999}", f"more than {MAX_STATES} states", "smaller counts"),
        ("((a{1,999}){1,999}){1,999}", f"more than {MAX_STATES} states", "smaller counts"),
    ],
)
def test_what_is_refused_says_why(pattern: str, message: str, suggestion: str) -> None:
    with pytest.raises(BadPattern) as refused:
        compile_pattern(pattern)
    assert message in refused.value.message
    assert suggestion in refused.value.suggestion


def test_the_greatest_are_taken() -> None:
    assert compile_pattern(f"a{{{MAX_STATES}}}").matches("a" * MAX_STATES)
    assert compile_pattern("a" * MAX_LENGTH).matches("a" * MAX_LENGTH)
    assert compile_pattern("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH).matches("a")
    assert len(compile_pattern("(a|b)*a(a|b){8}").steps) == 2**9
    assert compile_pattern("(()*|){1000000}").matches("")


def well_formed(automaton: Automaton) -> bool:
    """Checks that classes are sorted, that states have a step for each of them, and that each state can reach acceptance."""
    states = range(len(automaton.steps))
    live = set(automaton.accepting)
    while found := {state for state in states if state not in live and live & set(automaton.steps[state])}:
        live |= found
    return (
        automaton.starts[0] == 0
        and list(automaton.starts) == sorted(set(automaton.starts))
        and all(len(row) == len(automaton.starts) for row in automaton.steps)
        and all(step == DEAD or step in states for row in automaton.steps for step in row)
        and live == set(states)
        and len(states) <= MAX_STATES + 1
    )


CHARACTERS = st.sampled_from([*"abc019AZ_-. \t\n/", "é", "٣", "\u00a0", "\ud7ff", "\ue000", "\U0001f600"])
TEXTS = st.text(CHARACTERS, max_size=6)
LITERALS = CHARACTERS.map(re.escape).map(lambda text: {"\\\n": "\n", "\\\t": r"\t"}.get(text, text))
SETS = st.sampled_from([r"\d", r"\w", r"\s", r"\D", r"\W", r"\S"])
RANGES = st.lists(st.sampled_from("abcxyz059AZ é\U0001f600"), min_size=2, max_size=2).map(sorted).map("-".join)
CLASSES = st.builds(
    lambda negated, parts, dash: f"[{negated}{''.join(parts)}{dash}]",
    st.sampled_from(["", "^"]),
    st.lists(st.one_of(LITERALS, RANGES, SETS), min_size=1, max_size=3),
    st.sampled_from(["", "-"]),
)
COUNTS = st.sampled_from(["*", "+", "?", "{0}", "{1}", "{2}", "{0,}", "{2,}", "{0,1}", "{1,3}", "{2,2}"])
PATTERNS = st.recursive(
    st.one_of(LITERALS, SETS, CLASSES, st.just("."), st.just("(?:)")),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("({}|)".format, inner),
        st.builds("(?:{}){}".format, inner, COUNTS),
    ),
    max_leaves=6,
)


def walked(automaton: Automaton, turns: list[int]) -> list[str]:
    """Returns texts on one path through an automaton, some of which are accepted."""
    texts, state = [""], automaton.start
    for turn in turns:
        open_ways = [i for i, step in enumerate(automaton.steps[state]) if step != DEAD]
        if not open_ways:
            break
        way = open_ways[turn % len(open_ways)]
        texts.append(texts[-1] + chr(automaton.starts[way]))
        state = automaton.steps[state][way]
    return texts


@settings(max_examples=1000, deadline=None)
@given(PATTERNS, st.lists(TEXTS, max_size=4), st.lists(st.integers(0, 99), max_size=12))
def test_patterns_mean_what_they_mean_to_python(pattern: str, texts: list[str], turns: list[int]) -> None:
    try:
        automaton = compile_pattern(pattern)
    except BadPattern as refused:
        assert "contains no character" in refused.message
        return
    assert well_formed(automaton)
    python = re.compile(pattern, re.ASCII)
    for text in [*texts, *walked(automaton, turns)]:
        assert automaton.matches(text) == bool(python.fullmatch(text)), text


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.text(max_size=12), st.text(st.sampled_from(r"ab01,-^$.*+?|\()[]{}:=!<>Pwdés"), max_size=24)), TEXTS)
def test_any_text_is_a_pattern_or_is_refused(pattern: str, text: str) -> None:
    try:
        automaton = compile_pattern(pattern)
    except BadPattern as refused:
        assert refused.message and refused.suggestion
        return
    assert well_formed(automaton)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Python's reading of `[--a]` may change; ours is today's
        assert automaton.matches(text) == bool(re.compile(pattern, re.ASCII).fullmatch(text))
