"""What is wrong with a routes.yaml, and where."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from fanroute.diagnostics.rule import Rule, Severity


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of the file: lines and columns from 1, columns in characters, the end exclusive.

    `file` names another file than the one that is told of.
    """

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    file: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What else there is to say, and of which other place, if of one."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Reports a fault of a file: the rule that it breaks, a message, its place, how to fix it, and other places.

    `request` is the end of the message if that is a request for a shell, as the arguments of `fanroute match`.
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

    def told(self, change: Callable[[str], str], change_request: Callable[[str], str]) -> "Diagnostic":
        """Returns the diagnostic with its texts changed."""
        notes = tuple(replace(note, message=change(note.message)) for note in self.notes)
        request = change_request(self.request)
        message = change(self.message.removesuffix(self.request)) + request
        return replace(self, message=message, suggestion=change(self.suggestion), notes=notes, request=request)


def in_source_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics as they are told."""
    return sorted(diagnostics, key=lambda d: (d.span, d.code, d.message))


def fails(diagnostics: Iterable[Diagnostic], deny_warnings: bool = False) -> bool:
    """Whether a file with these diagnostics is refused: for an error, or where that is wished, for a warning."""
    refused = ("error", "warning") if deny_warnings else ("error",)
    return any(diagnostic.severity in refused for diagnostic in diagnostics)


class Invalid(Exception):
    """The input has mistakes: `diagnostics`, in source order, at least one an error."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_source_order(diagnostics)
        assert fails(self.diagnostics), "what only warns is returned, not raised"
        super().__init__("; ".join(d.message for d in self.diagnostics))
