"""Diagnostics as text for people, and as GitHub's workflow commands."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, get_args

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.printable import printable
from fanroute.diagnostics.rule import Severity

if TYPE_CHECKING:
    from rich.text import Text

# What a line of the file may take on the screen, in characters.
MAX_EXCERPT = 160

_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold blue"}
# The names of GitHub's commands.
_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def render(diagnostics: Iterable[Diagnostic], file: str, text: str) -> str:
    """The diagnostics of a file, each with its line underlined; `text` is the file's, empty if it has none."""
    return "".join(part for part, _ in _parts(diagnostics, file, text))


def styled(diagnostics: Iterable[Diagnostic], file: str, text: str) -> "Text":
    """The same with the styles that a terminal shows."""
    from rich.text import Text  # late: nothing else is styled

    return Text.assemble(*_parts(diagnostics, file, text))


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are of each severity."""
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    told = [f"{count} {severity}{'s' if count > 1 else ''}" for severity in get_args(Severity) if (count := counts[severity])]
    return ", ".join(told) or "nothing wrong"


def _parts(diagnostics: Iterable[Diagnostic], file: str, text: str) -> Iterator[tuple[str, str]]:
    """What is told, in parts of one style each."""
    lines = text.splitlines()
    for number, diagnostic in enumerate(diagnostics):
        yield "\n" if number else "", ""
        other = diagnostic.span.file
        yield from _parts_of_one(diagnostic, printable(other or file), [] if other else lines)


def _parts_of_one(diagnostic: Diagnostic, file: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    span, style = diagnostic.span, _STYLES[diagnostic.severity]
    yield f"{file}:{span.line}:{span.column}: ", ""
    yield f"{diagnostic.severity}[{diagnostic.code}]", style
    yield f": {printable(diagnostic.message)}", ""
    suggestion = printable(diagnostic.suggestion)
    excerpt = lines[span.line - 1] if span.line <= len(lines) else ""
    if excerpt.strip() and span.column <= MAX_EXCERPT:
        excerpt = "".join(c if c.isprintable() else " " for c in excerpt[:MAX_EXCERPT])
        yield f"\n{span.line:5} | {excerpt}\n      | {' ' * (span.column - 1)}", ""
        yield "^" * _width(span, excerpt), style
        yield f" {suggestion}" if suggestion else "", ""
    elif suggestion:
        yield f"\n      = {suggestion}", ""
    for note in diagnostic.notes:
        yield f"\n      = {_noted(note, file)}", ""


def _width(span: Span, excerpt: str) -> int:
    end = span.end_column if span.end_line == span.line else len(excerpt) + 1
    return max(1, min(end, len(excerpt) + 1) - span.column)


def _noted(note: Note, file: str) -> str:
    message = printable(note.message)
    return f"{printable(note.span.file) or file}:{note.span.line}:{note.span.column}: {message}" if note.span else message


def github(diagnostics: Iterable[Diagnostic], file: str) -> str:
    """The diagnostics as workflow commands, a line each.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(_command(diagnostic, file) for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic, file: str) -> str:
    span = diagnostic.span
    properties = {"file": span.file or file, "line": span.line, "endLine": span.end_line, "col": span.column}
    # GitHub's end is inclusive, and it takes columns within one line only.
    properties |= {"endColumn": max(span.column, span.end_column - 1)} if span.line == span.end_line else {}
    properties |= {"title": diagnostic.code}
    listed = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    message = diagnostic.message + (f": {diagnostic.suggestion}" if diagnostic.suggestion else "")
    return f"::{_COMMANDS[diagnostic.severity]} {listed}::{_escaped(message)}"


def _escaped(text: str, further: str = "") -> str:
    text = printable(text, "\r\n")
    for character in "%\r\n" + further:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
