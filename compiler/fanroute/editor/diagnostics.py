"""Reports in an editor what `fanroute check` reports."""

from pathlib import Path

from lsprotocol import types

from fanroute import __file__ as package
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
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
    return [_diagnostic(each, document) for each in found]


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
            types.DiagnosticRelatedInformation(
                types.Location(document.uri, document.positions.range_of(note.span)), printable(note.message)
            )
            for note in found.notes
            if note.span
        ],
    )
