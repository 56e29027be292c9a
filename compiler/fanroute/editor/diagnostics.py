"""Reports in an editor what `fanroute check` reports, and what is wrong with route tests."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lsprotocol import types

from fanroute import __file__ as package
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.printable import printable
from fanroute.diagnostics.rule import Severity
from fanroute.editor.document import Document
from fanroute.routetests.read import read_tests
from fanroute.spec.document import PRODUCTION
from fanroute.syntax.source import parse_yaml

_SEVERITIES: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
# The page that explains each code. A clone of the repository has it, an installed wheel does not.
_PAGE = Path(package).resolve().parents[2] / "docs" / "diagnostics.md"


def diagnostics_of(document: Document) -> list[types.Diagnostic]:
    """Returns everything that is wrong with a document, in source order.

    A fault in an included file is told there if that file is open, and otherwise at the item that includes it.
    """
    found = _of_tests(document) if document.kind == "tests" else _of_routes(document)
    return [_diagnostic(each, document) for each in found]


def _of_tests(document: Document) -> Sequence[Diagnostic]:
    """Returns the faults of route tests. If the routes have errors, what the tests expect of them is not checked."""
    try:
        compiled = document.check().compiled.get(PRODUCTION)
    except Invalid:
        compiled = None
    try:
        read_tests(document.text.encode("utf-8", "surrogatepass"), compiled)
    except Invalid as invalid:
        return invalid.diagnostics
    return ()


def _of_routes(document: Document) -> Sequence[Diagnostic]:
    try:
        found: Sequence[Diagnostic] = document.check().diagnostics
    except Invalid as invalid:
        found = invalid.diagnostics
    if document.kind == "included":
        return [each for each in found if document.is_here(each.span)]
    return [_at_include(each, document) for each in found if not (each.span.file and document.is_open(each.span.file))]


def _at_include(found: Diagnostic, document: Document) -> Diagnostic:
    """Returns a diagnostic of an included file as one of the place that includes it. Its message says where it is there."""
    span = found.span
    if not span.file:
        return found
    message = f"{span.file}:{span.line}:{span.column}: {found.message}"
    return replace(found, message=message, span=_place_of_include(span.file, document))


def _place_of_include(file: str, document: Document) -> Span:
    """Returns the span of the path of an included file, which is known by its name in diagnostics."""
    index, _ = document.included_files().get(file, (0, ""))
    return parse_yaml(document.text).value_span(("routes", index, "include"))


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
            types.DiagnosticRelatedInformation(document.location_of(note.span), printable(note.message))
            for note in found.notes
            if note.span
        ],
    )
