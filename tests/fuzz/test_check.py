"""Tests that `fanroute check` reports errors within the file for any routes.yaml, and never a traceback."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fanroute.diagnostics import json_report, text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.pipeline import check_routes
from fanroute.rules import run
from fanroute.syntax.source import decode
from tests.conftest import INPUTS, REPOSITORY, times
from tests.fuzz.mutation import mutated
from tests.golden.test_cases import CASES
from tests.support.counts import COUNTS

SCHEMA = Draft202012Validator(json.loads((REPOSITORY / "docs" / "diagnostics.schema.json").read_text()))
# The larger cases only repeat one thing many times.
TEXTS = [raw for folder in CASES if len(raw := (folder / "routes.yaml").read_bytes()) < 5000]
CASE = st.sampled_from(TEXTS)
# Those without errors.
VALID = [raw for folder in CASES if (folder / "app.py").exists() and len(raw := (folder / "routes.yaml").read_bytes()) < 5000]
# Those without errors.
VALID = [raw for folder in CASES if (folder / "app.py").exists() and len(raw := (folder / "routes.yaml").read_bytes()) < 5000]
# Texts that are special in YAML, or may be to a reader of it.
SPECIAL = [
    *[
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b": ",
        b"- ",
        b"? ",
        b"#",
        b" #",
        b"|",
        b">",
        b"|2",
        b">-\n",
        b"|+\n",
        b"'",
        b'"',
        b"\\",
        b"%",
        b"@",
        b"`",
    ],
    *[
        b"&a ",
        b"*a",
        b"*a ",
        b"<<: ",
        b"<<: *a",
        b"!!str ",
        b"!!binary ",
        b"!t ",
        b"!<x> ",
        b"!",
        b"%YAML 1.1\n---\n",
        b"%TAG ! x\n",
    ],
    *[
        b"---\n",
        b"--- ",
        b"...\n",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\r",
        b"\t",
        b" ",
        b"  ",
        b"\x00",
        b"\x07",
        b"\x1b[2J",
        b"\x7f",
        b"\x85",
    ],
    *["\x85".encode(), "\u2028".encode(), "\ufeff".encode(), "\u200b".encode(), "é".encode(), "😀".encode(), "\ufffe".encode()],
    *[
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xff\xfe",
        b'"\\ud800"',
        b'"\\0"',
        b'"\\x"',
        b'"\\U00110000"',
        b'"\\UFFFFFFFF"',
        b"%YAML 1.999",
    ],
    *[
        b"on",
        b"010",
        b"1e3",
        b".inf",
        b"-.NaN",
        b"2001-01-01",
        b"0x1F",
        b"1_000",
        b"null",
        b"~",
        b"true",
        b"-0",
        b"99999999999999999999",
    ],
    *[
        b"a: b",
        b"{a: b}",
        b"[a, [b]]",
        b"? [a]\n: b",
        b"${HOST}",
        b"${",
        b"${A:-b}",
        b"*",
        b"/*",
        b"{x}",
        b"{",
        b"%2F",
        b"a" * 300,
    ],
]
MARKS = st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"\xff\xfe"])
FILES = st.builds(bytes.__add__, MARKS, st.builds(mutated, st.randoms(), st.just(TEXTS), st.just(SPECIAL)))
ENCODED = st.tuples(CASE, st.sampled_from(["utf-16", "utf-16-be", "utf-32", "utf-7", "cp037"])).map(
    lambda case: case[0].decode("latin-1").encode(case[1])
)
ENDS = st.tuples(CASE, st.sampled_from([b"\r\n", b"\r", "\x85".encode(), "\u2028".encode(), b"\n\r"])).map(
    lambda case: case[0].replace(b"\n", case[1])
)


def diagnostics_of(raw: bytes) -> list[Diagnostic]:
    """Returns the diagnostics of a file. Any exception but Invalid is a failure."""
    try:
        return list(check_routes(raw, INPUTS).diagnostics)
    except Invalid as invalid:
        assert invalid.diagnostics
        return invalid.diagnostics


def text_of(raw: bytes) -> str:
    try:
        return decode(raw)
    except Invalid:
        return ""


def spans(diagnostics: list[Diagnostic]) -> Iterator[Span]:
    for diagnostic in diagnostics:
        yield diagnostic.span
        yield from (note.span for note in diagnostic.notes if note.span)


def assert_within(span: Span, raw: bytes) -> None:
    """Checks that a span begins in the file, or at its end, and does not end before it begins."""
    lines = [*re.split("\r\n|[\n\r\x85\u2028\u2029]", raw.decode("utf-8-sig", "replace"))]
    assert 1 <= span.line <= span.end_line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert (span.line, span.column) <= (span.end_line, span.end_column)


# How Python writes values that YAML writes in another way. A sign in quotes, as in "'[' is not closed", is none.
OF_PYTHON = re.compile(r"\b(?:True|False|None)\b|(?<!['\\])[\[{]'[^'\s,.:;)][^']*'|<class")


def assert_no_python(diagnostic: Diagnostic, raw: bytes) -> None:
    """Checks that the texts have a content, and no value as Python writes it unless the file itself has that."""
    notes = [note.message for note in diagnostic.notes]
    assert diagnostic.message.strip() and all(notes)
    for text in (diagnostic.message, diagnostic.suggestion, *notes):
        assert not text.endswith(": "), text  # a list of nothing
        is_line = text == diagnostic.suggestion and diagnostic.code == "FR103"  # the file's line, mended
        assert is_line or all(found.encode() in raw for found in OF_PYTHON.findall(text)), text


def assert_well_reported(raw: bytes) -> None:
    diagnostics = diagnostics_of(raw)
    for span in spans(diagnostics):
        assert_within(span, raw)
    for diagnostic in diagnostics:
        assert_no_python(diagnostic, raw)
    text = text_report.render(diagnostics, "routes.yaml", text_of(raw))
    assert all(c.isprintable() or c == "\n" for c in text)
    SCHEMA.validate(json.loads(json_report.make_report(diagnostics, "routes.yaml").model_dump_json()))
    assert len(text_report.render_github(diagnostics, "routes.yaml").splitlines()) == len(diagnostics)
    COUNTS["files that fanroute check was given"] += 1
    COUNTS["diagnostics told of them"] += len(diagnostics)


@times(20)
@given(FILES)
def test_mutated_files(raw: bytes) -> None:
    assert_well_reported(raw)


# Values of other types than the key takes.
OTHER_TYPES = [
    "true",
    "False",
    "null",
    "~",
    "5",
    "-1",
    "0644",
    "1.5",
    "''",
    "[]",
    "{}",
    "[pass]",
    "{a: 1}",
    "[[a], {b: null}]",
    "yes",
]


@st.composite
def changed_once(draw: st.DrawFn) -> bytes:
    """Returns a valid file with one slip of the pen."""
    lines = draw(st.sampled_from(VALID)).decode().splitlines()
    number = draw(st.integers(0, len(lines) - 1))
    line = lines[number]
    at = draw(st.integers(0, max(len(line) - 1, 0)))
    match draw(st.sampled_from(["character", "line", "swap", "indent", "key", "type"])):
        case "character":
            lines[number] = line[:at] + line[at + 1 :]
        case "line":
            del lines[number]
        case "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[number], lines[other] = lines[other], line
        case "indent":
            lines[number] = " " * draw(st.integers(0, 12)) + line.lstrip(" ")
        case "key":
            keys = [*re.finditer(r"[A-Za-z_]+(?=:)", line)]
            if keys:
                key = draw(st.sampled_from(keys))
                cut = draw(st.integers(key.start(), key.end() - 1))
                lines[number] = line[:cut] + draw(st.sampled_from(["", "x", line[cut] * 2])) + line[cut + 1 :]
        case "type":
            values = [*re.finditer(r"(?<=: )[^\s,{}\[\]]+|\[[^\[\]{}]*\]", line)]
            if values:
                value = draw(st.sampled_from(values))
                lines[number] = line[: value.start()] + draw(st.sampled_from(OTHER_TYPES)) + line[value.end() :]
    return ("\n".join(lines) + "\n").encode()


@times(20)
@given(changed_once())
def test_valid_files_with_one_slip(raw: bytes) -> None:
    assert_well_reported(raw)


@times(2)
@given(
    st.one_of(
        ENCODED, ENDS, st.binary(), st.text().map(str.encode), st.lists(st.sampled_from(SPECIAL), max_size=30).map(b"".join)
    )
)
@example(b"")
@example(b"\xef\xbb\xbf")
@example("\ufeff\ufeffa: b\n".encode())
def test_other_encodings_line_ends_and_bytes(raw: bytes) -> None:
    assert_well_reported(raw)


@times(5)
@given(FILES)
def test_python_reads_what_libyaml_reads(raw: bytes) -> None:
    """The diagnostics are the same without libyaml."""
    expected = diagnostics_of(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        assert diagnostics_of(raw) == expected
    COUNTS["files that both of PyYAML's parsers were given"] += 1


@times(5)
@given(FILES)
def test_a_rule_that_is_not_asked_has_nothing_to_say(raw: bytes) -> None:
    expected = diagnostics_of(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SOURCE_CHECKS", dict.fromkeys(run.SOURCE_CHECKS, ()))
        assert diagnostics_of(raw) == expected
    COUNTS["files that all rules were asked about"] += 1
