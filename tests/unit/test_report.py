"""Diagnostics for programs."""

import json
import re
from pathlib import Path

import pytest

from fanroute.diagnostics import Diagnostic, Invalid, Note, Span
from fanroute.pipeline import compile_routes
from fanroute.report import Report, github, report
from fanroute.workspace import runtime_sources
from tests.conftest import REPOSITORY

HOSTILE = Diagnostic("FR201", "100%\r\n::error::x, y", Span(3, 5, 3, 9), "a:b", (Note("first here", Span(1, 2, 1, 3)),))
LONG = Diagnostic("FR105", "twice", Span(1, 4, 2, 1))
FOLDERS = sorted(path.parent for path in (REPOSITORY / "tests" / "cases").glob("*/diagnostics.txt"))


def test_the_schema_is_the_models(request: pytest.FixtureRequest) -> None:
    path = REPOSITORY / "docs" / "diagnostics.schema.json"
    schema = json.dumps(Report.model_json_schema(), indent=2) + "\n"
    if request.config.getoption("--update"):
        path.write_text(schema)
    assert path.read_text() == schema


def test_json() -> None:
    assert json.loads(report([HOSTILE], "a.yaml").model_dump_json()) == {
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
    assert report([LONG], "a.yaml").diagnostics[0].suggestion is None
    assert json.loads(report([], "a.yaml").model_dump_json()) == {"diagnostics": []}


def test_github() -> None:
    assert github([HOSTILE, LONG], "a,b:c%.yaml").splitlines() == [
        "::error file=a%2Cb%3Ac%25.yaml,line=3,endLine=3,col=5,endColumn=8,title=FR201::100%25%0D%0A::error::x, y: a:b",
        "::error file=a%2Cb%3Ac%25.yaml,line=1,endLine=2,col=4,title=FR105::twice",
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_all_forms_say_the_same(folder: Path) -> None:
    """Each golden case, against what its text says."""
    raw = (folder / "routes.yaml").read_bytes()
    text = (folder / "diagnostics.txt").read_text()
    with pytest.raises(Invalid) as raised:
        compile_routes(raw, runtime_sources())
    heads = re.findall(r"^routes\.yaml:(\d+):(\d+): error\[(FR\d+)\]", text, re.MULTILINE)
    told = report(raised.value.diagnostics, "routes.yaml").diagnostics
    assert [(str(one.span.line), str(one.span.column), one.code) for one in told] == heads
    assert len(github(raised.value.diagnostics, "routes.yaml").splitlines()) == len(heads)
