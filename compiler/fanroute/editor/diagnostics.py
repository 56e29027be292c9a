"""Reports in an editor what `fanroute check` reports."""

from dataclasses import replace
from pathlib import Path

from lsprotocol import types

from fanroute import __file__ as package
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.printable import printable
from fanroute.diagnostics.rule import Severity
from fanroute.editor.document import Document

_SEVERITIES: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
# The page that explains each code. A clone of the repository has it, an installed wheel does not.
_PAGE = Path(package).resolve().parents[2] / "docs" / "diagnostics.md"


def diagnostics_of(document: Document) -> list[types.Diagnostic]:
    """Returns everything that is wrong with a document, in source order."""
    try:
        found = list(document.check().diagnostics)
    except Invalid as invalid:
        found = invalid.diagnostics
    return [_diagnostic(_in_document(each, document), document) for each in found]


def _in_document(found: Diagnostic, document: Document) -> Diagnostic:
    """Returns a diagnostic of an included file as one of the place that includes it. Its message says where it is there."""
    span = found.span
    if not span.file:
        return found
    message = f"{span.file}:{span.line}:{span.column}: {found.message}"
    return replace(found, message=message, span=document.place_of_include(span.file))


def _diagnostic(found: Diagnostic, document: Document) -> types.Diagnostic:
    lines = [found.message, found.suggestion, *(note.message for note in found.notes if not note.span)]
    return types.Diagnostic(
        range=document.positions.range_of(found.span),
        message="\n".join(printable(line) for line in lines if line),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        code_description=types.CodeDescription(f"{_PAGE.as_uri()}#{found.code.lower()}") if _PAGE.exists() else None,
        source="fanroute",
        related_information=[
            types.DiagnosticRelatedInformation(_location(note.span, document), printable(note.message))
            for note in found.notes
            if note.span
        ],
    )


def _location(span: Span, document: Document) -> types.Location:
    """Returns a place in the document, or in a file that it includes."""
    if not span.file:
        return types.Location(document.uri, document.positions.range_of(span))
    # The columns of other files are those of characters, because their texts are not open here.
    begin, end = types.Position(span.line - 1, span.column - 1), types.Position(span.end_line - 1, span.end_column - 1)
    return types.Location(Path(span.file).as_uri(), types.Range(begin, end))
