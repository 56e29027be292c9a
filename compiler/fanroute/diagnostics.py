"""What is wrong with a routes.yaml, and where."""

from dataclasses import dataclass

# Every code, with the rule that it stands for.
CODES = {
    "FR101": "the file can be read",
    "FR102": "the file is UTF-8 text",
    "FR103": "the file is well-formed YAML",
    "FR104": "the file says something",
    "FR105": "a key stands once in its mapping",
    "FR106": "no anchors, aliases, tags or further documents",
    "FR107": "every key has a value",
    "FR201": "every key is known",
    "FR202": "every required key is there",
    "FR203": "every backend that is named is defined",
    "FR204": "every value is of its kind",
    "FR205": "a route has exactly one action",
    "FR206": "a backend has either a url or loopback: true",
    "FR207": "routes that the edge answers itself have one loopback backend to come back through",
    "FR208": "a route's name stands once",
    "FR209": "a channel or location takes only what its route's match binds",
}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of the file: lines and columns from 1, columns in characters, the end exclusive."""

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


@dataclass(frozen=True, slots=True)
class Note:
    """Another place that a mistake has to do with."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake: a code of CODES, what is wrong, where, how to mend it, and other places."""

    code: str
    message: str
    span: Span
    suggestion: str = ""
    notes: tuple[Note, ...] = ()


class Invalid(Exception):
    """The input has mistakes: `diagnostics`, in source order, at least one."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = sorted(diagnostics, key=lambda d: (d.span, d.code, d.message))
        super().__init__("; ".join(d.message for d in self.diagnostics))
