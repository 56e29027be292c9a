"""The rules as documentation, in Markdown; what is said of an example is what the compiler says of it. Pure."""

from textwrap import fill

from fanroute.cli.catalog import CODES
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.diagnostics.rule import Rule
from fanroute.pipeline import compile_routes
from fanroute.routetests.coverage import measure_coverage, report_missed
from fanroute.routetests.judge import diagnostics_of, judge, passed_requests
from fanroute.routetests.read import read_tests
from fanroute.spec.inputs import Inputs
from fanroute.syntax.source import decode

ROUTES, TESTS = "routes.yaml", "routes.test.yaml"

_INTRODUCTION = """\
# Diagnostics

All that `fanroute check` says of a routes.yaml, and `fanroute test` of its tests, by code: why, an example, what is said
of it, and how to mend it.
`fanroute explain CODE` prints the same. This page is made from the rules in `compiler/fanroute` by `pytest --update`.
"""


def diagnostics_page(inputs: Inputs) -> str:
    """docs/diagnostics.md."""
    listed = [f"- [{rule.code}](#{rule.code.lower()}), {rule.severity}: {rule.title}" for rule in CODES.values()]
    sections = [explained(rule, inputs) for rule in CODES.values()]
    return "\n".join([_INTRODUCTION, "\n".join(listed) + "\n", *sections])


def explained(rule: Rule, inputs: Inputs) -> str:
    """One rule's section."""
    parts = [f"## {rule.code}", f"{rule.severity.capitalize()}: {rule.title}.", _wrapped(rule.why)]
    if rule.example is not None:
        raw = example_of(rule)
        # What is not UTF-8 is shown as \xNN.
        parts.append(_fenced("yaml", raw.decode(errors="backslashreplace")))
        parts += [_fenced("yaml", rule.tests)] if rule.tests else []
        parts.append(_fenced("text", said(rule, inputs)))
    return "\n\n".join([*parts, _wrapped(rule.mend)]) + "\n"


def example_of(rule: Rule) -> bytes:
    """The bytes of a rule's example, which it has."""
    assert rule.example is not None
    return rule.example if isinstance(rule.example, bytes) else rule.example.encode()


def said(rule: Rule, inputs: Inputs) -> str:
    """What is said of a rule's example, as text."""
    raw = example_of(rule)
    if not rule.tests:
        return text_report.render(diagnosed(raw, inputs), ROUTES, _text(raw))
    of_tests, of_routes = diagnosed_tests(raw, rule.tests.encode(), inputs)
    parts = [text_report.render(of_tests, TESTS, rule.tests), text_report.render(of_routes, ROUTES, _text(raw))]
    return "\n".join(filter(None, parts))


def diagnosed(raw: bytes, inputs: Inputs) -> list[Diagnostic]:
    """All diagnostics of a routes.yaml, valid or not."""
    try:
        return list(compile_routes(raw, inputs).diagnostics)
    except Invalid as invalid:
        return invalid.diagnostics


def diagnosed_tests(raw: bytes, tests: bytes, inputs: Inputs) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """What is said of a routes.test.yaml, and of the valid routes.yaml that it tests: what it does not cover."""
    compiled = compile_routes(raw, inputs)
    try:
        given = read_tests(tests, compiled)
    except Invalid as invalid:
        return invalid.diagnostics, []
    results = judge(given, compiled)
    of_tests = [diagnostic for result in results for diagnostic in diagnostics_of(result, given, compiled, ROUTES)]
    return of_tests, report_missed(measure_coverage(compiled, passed_requests(results)), compiled)


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
