"""Diagnostics as text for people, as JSON for programs, and as GitHub's workflow commands."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fanroute.diagnostics import Diagnostic, Span

# What a line of the file may take on the screen, in characters.
MAX_EXCERPT = 160


def render(diagnostics: list[Diagnostic], file: str, text: str) -> str:
    """The diagnostics of a file, each with its line underlined; `text` is the file's, empty if it has none."""
    lines = text.splitlines()
    return "\n".join(_render_one(diagnostic, file, lines) for diagnostic in diagnostics)


def _render_one(diagnostic: Diagnostic, file: str, lines: list[str]) -> str:
    span = diagnostic.span
    head = f"{file}:{span.line}:{span.column}: error[{diagnostic.code}]: {diagnostic.message}"
    notes = "".join(f"\n      = {file}:{note.span.line}:{note.span.column}: {note.message}" for note in diagnostic.notes)
    excerpt = lines[span.line - 1] if span.line <= len(lines) else ""
    if not excerpt.strip() or span.column > MAX_EXCERPT:
        return head + (f"\n      = {diagnostic.suggestion}" if diagnostic.suggestion else "") + notes
    excerpt = "".join(c if c.isprintable() else " " for c in excerpt[:MAX_EXCERPT])
    end = span.end_column if span.end_line == span.line else len(excerpt) + 1
    width = max(1, min(end, len(excerpt) + 1) - span.column)
    underline = " " * (span.column - 1) + "^" * width
    return f"{head}\n{span.line:5} | {excerpt}\n      | {underline} {diagnostic.suggestion}".rstrip() + notes


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
    span: Place


class Told(_Model):
    """One diagnostic."""

    severity: Literal["error"]
    code: str
    message: str
    span: Place
    notes: list[RelatedPlace]
    suggestion: str | None


class Report(_Model):
    """What `fanroute check --format json` prints."""

    diagnostics: list[Told]


def report(diagnostics: list[Diagnostic], file: str) -> Report:
    """The diagnostics of a file as data; `model_dump_json` makes JSON of it."""
    return Report(diagnostics=[_told(diagnostic, file) for diagnostic in diagnostics])


def _told(diagnostic: Diagnostic, file: str) -> Told:
    return Told(
        severity="error",
        code=diagnostic.code,
        message=diagnostic.message,
        span=_place(diagnostic.span, file),
        notes=[RelatedPlace(message=note.message, span=_place(note.span, file)) for note in diagnostic.notes],
        suggestion=diagnostic.suggestion or None,
    )


def _place(span: Span, file: str) -> Place:
    return Place(file=file, line=span.line, column=span.column, end_line=span.end_line, end_column=span.end_column)


def github(diagnostics: list[Diagnostic], file: str) -> str:
    """The diagnostics as workflow commands, a line each.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(_command(diagnostic, file) for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic, file: str) -> str:
    span = diagnostic.span
    properties = {"file": file, "line": span.line, "endLine": span.end_line, "col": span.column}
    # GitHub's end is inclusive, and it takes columns within one line only.
    properties |= {"endColumn": max(span.column, span.end_column - 1)} if span.line == span.end_line else {}
    properties |= {"title": diagnostic.code}
    listed = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    message = diagnostic.message + (f": {diagnostic.suggestion}" if diagnostic.suggestion else "")
    return f"::error {listed}::{_escaped(message)}"


def _escaped(text: str, further: str = "") -> str:
    for character in "%\r\n" + further:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
