"""Diagnostics as JSON for programs."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from fanroute.diagnostics.diagnostic import Diagnostic, Span
from fanroute.diagnostics.rule import Severity


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Model):
    """A piece of the file; the end is exclusive, and columns are characters."""

    file: str
    line: int = Field(ge=1)
    column: int = Field(ge=1)
    end_line: int = Field(ge=1)
    end_column: int = Field(ge=1)


class RelatedPlace(_Model):
    message: str
    span: Place | None


class Told(_Model):
    """One diagnostic."""

    severity: Severity
    code: str
    message: str
    span: Place
    notes: list[RelatedPlace]
    suggestion: str | None


class Report(_Model):
    """What `fanroute check --format json` prints."""

    diagnostics: list[Told]


def report(diagnostics: Iterable[Diagnostic], file: str) -> Report:
    """The diagnostics of a file as data; `model_dump_json` makes JSON of it."""
    return Report(diagnostics=[_told(diagnostic, file) for diagnostic in diagnostics])


def _told(diagnostic: Diagnostic, file: str) -> Told:
    return Told(
        severity=diagnostic.severity,
        code=diagnostic.code,
        message=diagnostic.message,
        span=_place(diagnostic.span, file),
        notes=[
            RelatedPlace(message=note.message, span=_place(note.span, file) if note.span else None) for note in diagnostic.notes
        ],
        suggestion=diagnostic.suggestion or None,
    )


def _place(span: Span, file: str) -> Place:
    return Place(file=span.file or file, line=span.line, column=span.column, end_line=span.end_line, end_column=span.end_column)
