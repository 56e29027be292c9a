"""Diagnostics as text."""

from fanroute.diagnostics import Diagnostic

# What a line of the file may take on the screen, in characters.
MAX_EXCERPT = 160


def render(diagnostics: list[Diagnostic], file: str, text: str) -> str:
    """The diagnostics of a file, each with its line underlined; `text` is the file's, empty if it has none."""
    lines = text.splitlines()
    return "\n".join(_render_one(diagnostic, file, lines) for diagnostic in diagnostics)


def _render_one(diagnostic: Diagnostic, file: str, lines: list[str]) -> str:
    span = diagnostic.span
    head = f"{file}:{span.line}:{span.column}: error[{diagnostic.code}]: {diagnostic.message}"
    excerpt = lines[span.line - 1] if span.line <= len(lines) else ""
    if not excerpt.strip() or span.column > MAX_EXCERPT:
        return head + (f"\n     = {diagnostic.suggestion}" if diagnostic.suggestion else "")
    excerpt = "".join(c if c.isprintable() else " " for c in excerpt[:MAX_EXCERPT])
    end = span.end_column if span.end_line == span.line else len(excerpt) + 1
    width = max(1, min(end, len(excerpt) + 1) - span.column)
    underline = " " * (span.column - 1) + "^" * width
    return f"{head}\n{span.line:5} | {excerpt}\n      | {underline} {diagnostic.suggestion}".rstrip()
