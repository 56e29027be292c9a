"""Represents diagnostics as JSON, for other programs."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from fanroute.diagnostics.diagnostic import Diagnostic, Span
from fanroute.diagnostics.rule import Severity


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JsonSpan(_Model):
    """A piece of a file. Lines and columns count from 1, columns are characters, and the end is exclusive."""

    file: str
    line: int = Field(ge=1)
    column: int = Field(ge=1)
    end_line: int = Field(ge=1)
    end_column: int = Field(ge=1)


class JsonNote(_Model):
    """A remark on a diagnostic, with its own place if it has one."""

    message: str
    span: JsonSpan | None


class JsonDiagnostic(_Model):
    """One fault in a file."""

    severity: Severity
    code: str
    message: str
    span: JsonSpan
    notes: list[JsonNote]
    suggestion: str | None


class Report(_Model):
    """The output of `fanroute check --format json`."""

    diagnostics: list[JsonDiagnostic]


def make_report(diagnostics: Iterable[Diagnostic], file: str) -> Report:
    """Converts the diagnostics of a file. `model_dump_json` of the result gives the JSON text."""
    return Report(diagnostics=[_json_diagnostic(diagnostic, file) for diagnostic in diagnostics])


def _json_diagnostic(diagnostic: Diagnostic, file: str) -> JsonDiagnostic:
    return JsonDiagnostic(
        severity=diagnostic.severity,
        code=diagnostic.code,
        message=diagnostic.message,
        span=_json_span(diagnostic.span, file),
        notes=[
            JsonNote(message=note.message, span=_json_span(note.span, file) if note.span else None) for note in diagnostic.notes
        ],
        suggestion=diagnostic.suggestion or None,
    )


def _json_span(span: Span, file: str) -> JsonSpan:
    return JsonSpan(
        file=span.file or file, line=span.line, column=span.column, end_line=span.end_line, end_column=span.end_column
    )
