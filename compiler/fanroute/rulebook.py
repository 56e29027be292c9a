"""The rules as documentation, in Markdown; what is said of an example is what the compiler says of it. Pure."""

from textwrap import fill

from fanroute import report
from fanroute.diagnostics import Diagnostic, Invalid
from fanroute.pipeline import compile_routes
from fanroute.rules import CODES, Rule
from fanroute.source import decode
from fanroute.surroundings import Surroundings

_INTRODUCTION = """\
# Diagnostics

All that `fanroute check` says of a routes.yaml, by code: why, an example, what is said of it, and how to mend it.
`fanroute explain CODE` prints the same. This page is made from `compiler/fanroute/rules/` by `pytest --update`.
"""


def diagnostics_page(surroundings: Surroundings) -> str:
    """docs/diagnostics.md."""
    listed = [f"- [{rule.code}](#{rule.code.lower()}), {rule.severity}: {rule.title}" for rule in CODES.values()]
    sections = [explained(rule, surroundings) for rule in CODES.values()]
    return "\n".join([_INTRODUCTION, "\n".join(listed) + "\n", *sections])


def explained(rule: Rule, surroundings: Surroundings) -> str:
    """One rule's section."""
    parts = [f"## {rule.code}", f"{rule.severity.capitalize()}: {rule.title}.", _wrapped(rule.why)]
    if rule.example is not None:
        raw = example_of(rule)
        # What is not UTF-8 is shown as \xNN.
        parts += [_fenced("yaml", raw.decode(errors="backslashreplace")), _fenced("text", said(raw, surroundings))]
    return "\n\n".join([*parts, _wrapped(rule.mend)]) + "\n"


def example_of(rule: Rule) -> bytes:
    """The bytes of a rule's example, which it has."""
    assert rule.example is not None
    return rule.example if isinstance(rule.example, bytes) else rule.example.encode()


def said(raw: bytes, surroundings: Surroundings) -> str:
    """What the compiler says of a routes.yaml, as text."""
    return report.render(diagnosed(raw, surroundings), "routes.yaml", _text(raw))


def diagnosed(raw: bytes, surroundings: Surroundings) -> list[Diagnostic]:
    """All diagnostics of a routes.yaml, valid or not."""
    try:
        return list(compile_routes(raw, surroundings).diagnostics)
    except Invalid as invalid:
        return invalid.diagnostics


def _text(raw: bytes) -> str:
    """A file's text, for excerpts; empty if it is none."""
    try:
        return decode(raw)
    except Invalid:
        return ""


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def _wrapped(text: str) -> str:
    return fill(text, width=120, break_long_words=False, break_on_hyphens=False)
