"""Tests how syntax errors of YAML are explained: for mistakes that users make, and for mistakes made in files that are valid."""

import re
from collections.abc import Callable, Iterator

import pytest

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.syntax.source import parse_yaml
from tests.golden.test_cases import CASES

VALID = [folder for folder in CASES if (folder / "app.py").exists()]
QUOTES = "must be quoted: in YAML, "
COLUMN = "this line begins in another column than the lines that it belongs to"


def error_of(text: str) -> Diagnostic | None:
    """Returns the first error of a text, None if there is none."""
    try:
        return next(iter(parse_yaml(text).diagnostics), None)
    except Invalid as invalid:
        return invalid.diagnostics[0]


@pytest.mark.parametrize(
    ("text", "place", "message", "suggestion"),
    [
        ("- a: {b: /rooms/{x}}", (1, 10), f"'/rooms/{{x}}' {QUOTES}a mapping begins with '{{'", 'write - a: {b: "/rooms/{x}"}'),
        (
            "- a: {b: /{x}/{y}, c: d}",
            (1, 10),
            f"'/{{x}}/{{y}}' {QUOTES}a mapping begins with '{{'",
            'write - a: {b: "/{x}/{y}", c: d}',
        ),
        ("a: {x}-b", (1, 4), f"'{{x}}-b' {QUOTES}a mapping begins with '{{'", 'write a: "{x}-b"'),
        ("a: [b, *.c]", (1, 8), f"'*.c' {QUOTES}an alias begins with '*'", 'write a: [b, "*.c"]'),
        ("a: *.c", (1, 4), f"'*.c' {QUOTES}an alias begins with '*'", 'write a: "*.c"'),
        ("- *.c", (1, 3), f"'*.c' {QUOTES}an alias begins with '*'", 'write - "*.c"'),
        ("a: @b\\c", (1, 4), f"'@b\\c' {QUOTES}no value can begin with '@'", "write a: '@b\\c'"),
        ("a: @b", (1, 4), f"'@b' {QUOTES}no value can begin with '@'", 'write a: "@b"'),
        ("a: {b: #c}\nd: e", (1, 8), f"'#c' {QUOTES}a comment begins with '#'", 'write a: {b: "#c"}'),
        ("a: b: c", (1, 4), f"'b: c' {QUOTES}a key ends with ':'", 'write a: "b: c"'),
        ("a: {b: /c?d}", (1, 8), f"'/c?d' {QUOTES}a key can begin with '?'", 'write a: {b: "/c?d"}'),
        (
            "a: {b: /c/{d}, e: *.f, g: @h}",
            (1, 8),
            f"'/c/{{d}}' {QUOTES}a mapping begins with '{{'",
            'write a: {b: "/c/{d}", e: "*.f", g: "@h"}',
        ),
        ("- a: b\n   c: d", (2, 1), COLUMN, "indent it by 2 spaces"),
        ("- a: b\n c: d", (2, 1), COLUMN, "indent it by 2 spaces"),
        ("a:\n - b\n- c\n", (3, 1), COLUMN, "indent it by 1 space"),
        ("- a: {b: c\n  d: e", (1, 6), "'{' is not closed", "write - a: {b: c}"),
        ("- a: {b: c}}\n  d: e", (1, 12), "'}' is not opened", "write - a: {b: c}"),
        ("a: {b: [c, d: e}", (1, 8), "'[' is not closed", "write a: {b: [c], d: e}"),
        ('a: {b: "c}\nd: e', (1, 8), "'\"' is not closed", 'write a: {b: "c"}'),
        ('a: {b: "c}\nd: "e"', (1, 8), "'\"' is not closed", 'write a: {b: "c"}'),
        ("a: {b: c d: e}", (1, 10), "a ',' is missing before 'd'", "write a: {b: c, d: e}"),
        ('a: "\\d+"', (1, 4), "in double quotes, '\\' begins an escape", "write a: '\\d+'"),
        ("-a: b\n- c: d", (1, 1), "a space is missing after '-'", "write - a: b"),
        ("a:\n\t- b", (2, 1), "a tab in the indentation", "indent with spaces"),
        ('a: {b: "c"d}', (1, 10), 'there is text after the closing "', 'write a: {b: "cd"}'),
        ("a: {b:/c}", (1, 5), "a value is missing", "write 'b: /c', with a space after ':'"),
        ("a: {b = /c}", (1, 5), "a value is missing", "write 'b: /c', with a space after ':'"),
        ("a: {b}", (1, 5), "a value is missing", 'write a value, or put "{b}" in quotes if text is meant'),
        ("a: {https://b}", (1, 5), "a value is missing", 'write a value, or put "{https://b}" in quotes if text is meant'),
    ],
)
def test_a_mistake_is_explained(text: str, place: tuple[int, int], message: str, suggestion: str) -> None:
    error = error_of(text)
    assert error is not None
    assert (error.span.line, error.span.column) == place
    assert (error.message, error.suggestion) == (message, suggestion)


def test_long_lines_and_files_are_not_searched() -> None:
    """Tests that no file makes the search long: this one has a mistake for each of its many brackets."""
    error = error_of("a: [" + "{b: " * 60 + "\n" + "- {\n" * 50_000)
    assert error is not None and error.suggestion == ""


def without_quotes(line: str) -> Iterator[str]:
    for found in re.finditer(r'"([^"\\]*)"', line):
        yield line[: found.start()] + found[1] + line[found.end() :]


def without_a_sign(line: str) -> Iterator[str]:
    yield from (line[: found.start()] + line[found.end() :] for found in re.finditer(r"[]},\"]", line))


def moved(line: str) -> Iterator[str]:
    yield " " + line
    yield from [line[1:]] if line.startswith(" ") else []


# How many lines of each valid golden case are broken, and how many of the syntax errors must come with a suggestion.
LINES, EXPLAINED = 6, 0.95


@pytest.mark.parametrize("break_line", [without_quotes, without_a_sign, moved])
def test_a_mistake_in_a_valid_file_is_found(break_line: Callable[[str], Iterator[str]]) -> None:
    """Breaks lines of valid files. Follows each suggestion: the same place then has no error, and quotes give what it said."""
    found: list[bool] = []
    for folder in VALID:
        text = (folder / "routes.yaml").read_text()
        lines = text.splitlines()
        for number, line in list(enumerate(lines))[-LINES:]:
            for broken in break_line(line) if "'" not in line else ():  # quotes of both kinds leave too much open
                error = error_of("\n".join([*lines[:number], broken, *lines[number + 1 :]]) + "\n")
                if error is None or error.code != "FR103":
                    continue
                found.append(error.suggestion != "")
                if not error.suggestion.startswith("write "):
                    continue
                at = error.span.line - 1
                mended = [*lines[:number], broken, *lines[number + 1 :]]
                indent = re.match(" *", mended[at])
                mended[at] = (indent[0] if indent else "") + error.suggestion.removeprefix("write ")
                again = error_of("\n".join(mended) + "\n")
                assert again is None or again.code != "FR103" or again.span.line > at + 1
                if break_line is without_quotes:
                    assert parse_yaml("\n".join(mended) + "\n").data == parse_yaml(text).data
    assert len(found) > 50
    assert sum(found) / len(found) >= EXPLAINED
