"""Writes diagnostics as text for people, and as GitHub's workflow commands."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.printable import counted, printable
from fanroute.diagnostics.rule import Severity

if TYPE_CHECKING:
    from rich.text import Text

# How much of a line of the file is shown, in characters.
MAX_EXCERPT = 160

_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold blue"}
# The names of GitHub's commands.
_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def render(diagnostics: Iterable[Diagnostic], file: str, text: str, others: Mapping[str, str] = MappingProxyType({})) -> str:
    """Returns the diagnostics of a file as text, each with its line and an underline.

    `text` is the file's content; if it is empty, no lines are shown. `others` has the content of further files, by their names.
    """
    return "".join(piece for piece, _ in _styled_pieces(diagnostics, file, text, others))


def render_styled(
    diagnostics: Iterable[Diagnostic], file: str, text: str, others: Mapping[str, str] = MappingProxyType({})
) -> "Text":
    """Returns the same as `render`, with colours for a terminal."""
    from rich.text import Text  # late: most output goes to no terminal

    return Text.assemble(*_styled_pieces(diagnostics, file, text, others))


def counts_text(diagnostics: Iterable[Diagnostic]) -> str:
    """Counts the diagnostics by severity, as in "1 error, 2 warnings"."""
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    phrases = [counted(count, severity) for severity in get_args(Severity) if (count := counts[severity])]
    return ", ".join(phrases) or "nothing wrong"


def _styled_pieces(
    diagnostics: Iterable[Diagnostic], file: str, text: str, others: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yields the report in pieces, each with its style for `rich`."""
    lines = text.splitlines()
    for number, diagnostic in enumerate(diagnostics):
        yield "\n" if number else "", ""
        other_file = diagnostic.span.file
        shown = others.get(other_file, "").splitlines() if other_file else lines
        yield from _styled_diagnostic(diagnostic, printable(file), shown)


def _styled_diagnostic(diagnostic: Diagnostic, file: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    span, style = diagnostic.span, _STYLES[diagnostic.severity]
    yield f"{printable(span.file) or file}:{span.line}:{span.column}: ", ""
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
        yield f"\n      = {_note_line(note, file)}", ""


def _width(span: Span, excerpt: str) -> int:
    end = span.end_column if span.end_line == span.line else len(excerpt) + 1
    return max(1, min(end, len(excerpt) + 1) - span.column)


def _note_line(note: Note, file: str) -> str:
    message = printable(note.message)
    return f"{printable(note.span.file) or file}:{note.span.line}:{note.span.column}: {message}" if note.span else message


def render_github(diagnostics: Iterable[Diagnostic], file: str) -> str:
    """Returns the diagnostics as workflow commands, one line each.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(_command(diagnostic, file) for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic, file: str) -> str:
    span = diagnostic.span
    properties = {"file": span.file or file, "line": span.line, "endLine": span.end_line, "col": span.column}
    # For GitHub the end is inclusive, and columns are only allowed within one line.
    properties |= {"endColumn": max(span.column, span.end_column - 1)} if span.line == span.end_line else {}
    properties |= {"title": diagnostic.code}
    fields = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    message = diagnostic.message + (f": {diagnostic.suggestion}" if diagnostic.suggestion else "")
    return f"::{_COMMANDS[diagnostic.severity]} {fields}::{_escaped(message)}"


def _escaped(text: str, also: str = "") -> str:
    text = printable(text, "\r\n")
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
