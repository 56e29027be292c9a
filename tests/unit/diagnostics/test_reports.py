"""Tests how diagnostics are written for people and for programs."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from fanroute.cli.codes_page import diagnose
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Note, Span, fails, in_source_order
from fanroute.diagnostics.json_report import Report, make_report
from fanroute.diagnostics.rule import Rule
from fanroute.diagnostics.text_report import render, render_github, render_styled
from fanroute.spec.validate import FR201
from fanroute.syntax.source import FR105
from tests.conftest import REPOSITORY, inputs_of

HOSTILE = Diagnostic(FR201, "100%\r\n::error::x, y", Span(3, 5, 3, 9), "a:b", (Note("first here", Span(1, 2, 1, 3)),))
LONG = Diagnostic(FR105, "twice", Span(1, 4, 2, 1))
# Rules for these tests alone.
FR998, FR999 = Rule("FR998", "warning", "", "", None, ""), Rule("FR999", "note", "", "", None, "")
WARNING, NOTE = Diagnostic(FR998, "odd", Span(2, 1, 2, 4)), Diagnostic(FR999, "so", Span(1, 1, 1, 2), "", (Note("alone"),))
FOLDERS = sorted(path.parent for path in (REPOSITORY / "tests" / "golden" / "cases").glob("*/diagnostics.txt"))


def test_the_schema_is_the_models(request: pytest.FixtureRequest) -> None:
    path = REPOSITORY / "docs" / "diagnostics.schema.json"
    schema = json.dumps(Report.model_json_schema(), indent=2) + "\n"
    if request.config.getoption("--update"):
        path.write_text(schema)
    assert path.read_text() == schema


def test_json() -> None:
    assert json.loads(make_report([HOSTILE], "a.yaml").model_dump_json()) == {
        "diagnostics": [
            {
                "severity": "error",
                "code": "FR201",
                "message": "100%\r\n::error::x, y",
                "span": {"file": "a.yaml", "line": 3, "column": 5, "end_line": 3, "end_column": 9},
                "notes": [
                    {"message": "first here", "span": {"file": "a.yaml", "line": 1, "column": 2, "end_line": 1, "end_column": 3}}
                ],
                "suggestion": "a:b",
            }
        ]
    }
    assert make_report([LONG], "a.yaml").diagnostics[0].suggestion is None
    assert json.loads(make_report([], "a.yaml").model_dump_json()) == {"diagnostics": []}


def test_github() -> None:
    assert render_github([HOSTILE, LONG], "a,b:c%.yaml").splitlines() == [
        "::error file=a%2Cb%3Ac%25.yaml,line=3,endLine=3,col=5,endColumn=8,title=FR201::100%25%0D%0A::error::x, y: a:b",
        "::error file=a%2Cb%3Ac%25.yaml,line=1,endLine=2,col=4,title=FR105::twice",
    ]


def shown(diagnostics: list[Diagnostic], file: str, text: str, **options: bool | str | None) -> str:
    """Returns what a console prints for diagnostics."""
    written = io.StringIO()
    console = Console(file=written, soft_wrap=True, highlight=False, emoji=False, **options)  # type: ignore[arg-type]
    console.print(render_styled(diagnostics, file, text))
    return written.getvalue()


def test_severities() -> None:
    assert [one.severity for one in (LONG, WARNING, NOTE)] == ["error", "warning", "note"]
    assert [one.severity for one in make_report([LONG, WARNING, NOTE], "a").diagnostics] == ["error", "warning", "note"]
    assert [line.split()[0] for line in render_github([LONG, WARNING, NOTE], "a").splitlines()] == [
        "::error",
        "::warning",
        "::notice",
    ]
    assert render([WARNING, NOTE], "a.yaml", "one\ntwo\n").splitlines() == [
        "a.yaml:2:1: warning[FR998]: odd",
        "    2 | two",
        "      | ^^^",
        "a.yaml:1:1: note[FR999]: so",
        "    1 | one",
        "      | ^",
        "      = alone",
    ]
    assert make_report([NOTE], "a").diagnostics[0].notes[0].span is None


@pytest.mark.parametrize(
    ("diagnostics", "otherwise", "denied"),
    [([], False, False), ([NOTE], False, False), ([WARNING, NOTE], False, True), ([WARNING, LONG], True, True)],
)
def test_what_fails(diagnostics: list[Diagnostic], otherwise: bool, denied: bool) -> None:
    assert fails(diagnostics) == otherwise
    assert fails(diagnostics, deny_warnings=True) == denied


def test_only_errors_are_raised() -> None:
    assert Invalid([WARNING, LONG, NOTE]).diagnostics == in_source_order([LONG, NOTE, WARNING]) == [NOTE, LONG, WARNING]
    with pytest.raises(AssertionError):
        Invalid([WARNING])


@pytest.mark.parametrize(("diagnostic", "colour"), [(LONG, 31), (WARNING, 33), (NOTE, 34)], ids=["error", "warning", "note"])
def test_a_terminal_gets_colours(diagnostic: Diagnostic, colour: int) -> None:
    text, name = "first\nsecond\n", f"{diagnostic.severity}[{diagnostic.code}]"
    on_terminal = shown([diagnostic], "a.yaml", text, force_terminal=True, color_system="standard", no_color=False)
    assert f"a.yaml:{diagnostic.span.line}:{diagnostic.span.column}: \x1b[1;{colour}m{name}\x1b[0m: " in on_terminal
    assert re.search(rf"\| +\x1b\[1;{colour}m\^+\x1b\[0m", on_terminal)
    assert re.sub(r"\x1b\[[0-9;]*m", "", on_terminal) == render([diagnostic], "a.yaml", text) + "\n"
    assert f";{colour}m" not in shown([diagnostic], "a.yaml", text, force_terminal=True, no_color=True)
    assert shown([diagnostic], "a.yaml", text, force_terminal=False) == render([diagnostic], "a.yaml", text) + "\n"


def test_text_is_neither_markup_nor_control() -> None:
    """Tests the file's name, the message, the suggestion, a note, and the excerpt."""
    hostile = "[red]x[/] :smile: \\[b] \x1b[2J\r\x07\u202e\udc80é"
    told = Diagnostic(FR201, hostile, Span(1, 1, 1, 2), hostile, (Note(hostile, Span()),))
    rendered = render([told], hostile, hostile)
    assert all(character.isprintable() or character == "\n" for character in rendered)
    assert rendered.count("[red]x[/] :smile: \\[b] ") == 6
    assert rendered.count("\\x1b[2J\\r\\x07\\u202e\\udc80é") == 5
    assert len(rendered.splitlines()) == 4
    assert shown([told], hostile, hostile) == rendered + "\n"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_all_forms_say_the_same(folder: Path) -> None:
    """Compares the report of each golden case with its text."""
    raw = (folder / "routes.yaml").read_bytes()
    text = (folder / "diagnostics.txt").read_text()
    diagnostics = diagnose(raw, inputs_of(folder))
    heads = re.findall(r"^[\w./-]+\.yaml:(\d+):(\d+): (\w+)\[(FR\d+)\]", text, re.MULTILINE)
    told = make_report(diagnostics, "routes.yaml").diagnostics
    assert [(str(one.span.line), str(one.span.column), one.severity, one.code) for one in told] == heads
    assert Report.model_validate_json(make_report(diagnostics, "routes.yaml").model_dump_json()).diagnostics == told
    assert len(render_github(diagnostics, "routes.yaml").splitlines()) == len(heads)
