"""Defines a diagnostic: what is wrong with a file, and where."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from fanroute.diagnostics.rule import Rule, Severity


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Represents a piece of a file, by lines and columns that count from 1.

    Columns are characters, and the end is exclusive. `file` is empty, unless the piece is in another file than the one that the
    diagnostics are for.
    """

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    file: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Adds a remark to a diagnostic, optionally pointing at a second place in the file."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Reports a fault in a file.

    Args:
        rule: the kind of fault.
        message: what is wrong here, on one line.
        span: where it is.
        suggestion: how to fix it; empty if there is nothing to suggest.
        notes: further remarks, each with its own place.
        request: the end of the message, if the message ends in a request in the form of arguments for `fanroute match`.
    """

    rule: Rule
    message: str
    span: Span
    suggestion: str = ""
    notes: tuple[Note, ...] = ()
    request: str = ""

    @property
    def code(self) -> str:
        return self.rule.code

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    def map_texts(self, change: Callable[[str], str], change_request: Callable[[str], str]) -> "Diagnostic":
        """Returns a copy with `change` applied to its texts, and `change_request` to its request."""
        notes = tuple(replace(note, message=change(note.message)) for note in self.notes)
        request = change_request(self.request)
        message = change(self.message.removesuffix(self.request)) + request
        return replace(self, message=message, suggestion=change(self.suggestion), notes=notes, request=request)


def in_source_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorts diagnostics by their place in the file, then by code and message. Those in other files come last."""
    return sorted(diagnostics, key=lambda d: (d.span.file, d.span, d.code, d.message))


def fails(diagnostics: Iterable[Diagnostic], deny_warnings: bool = False) -> bool:
    """Returns True if a file with these diagnostics is refused: for an error, and with `deny_warnings` also for a warning."""
    refused = ("error", "warning") if deny_warnings else ("error",)
    return any(diagnostic.severity in refused for diagnostic in diagnostics)


class Invalid(Exception):
    """Raised for a file with errors. `diagnostics` has everything found, in source order, with at least one error."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_source_order(diagnostics)
        assert fails(self.diagnostics), "Invalid is for errors: return warnings instead of raising them"
        super().__init__("; ".join(d.message for d in self.diagnostics))
