"""Writes the rules as Markdown. The output for each example is what the compiler reports for it. Pure."""

from textwrap import fill

from fanroute.cli.catalog import CODES
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.diagnostics.rule import Rule
from fanroute.pipeline import check_routes, compile_routes
from fanroute.routetests.coverage import measure_coverage, report_missed
from fanroute.routetests.judge import diagnostics_of, judge, passed_requests
from fanroute.routetests.read import read_tests
from fanroute.spec.inputs import Inputs
from fanroute.syntax.source import decode

ROUTES, TESTS = "routes.yaml", "routes.test.yaml"

_INTRODUCTION = """\
# Diagnostics

This page lists every error, warning and note of `fanroute check`, and of `fanroute test` for route tests. Each code has an
explanation, an example, the output for that example, and the fix.
`fanroute explain CODE` prints the same. This page is made from the rules in `compiler/fanroute` by `pytest --update`.
"""


def diagnostics_page(inputs: Inputs) -> str:
    """Returns the text of docs/diagnostics.md."""
    contents = [f"- [{rule.code}](#{rule.code.lower()}), {rule.severity}: {rule.title}" for rule in CODES.values()]
    sections = [section(rule, inputs) for rule in CODES.values()]
    return "\n".join([_INTRODUCTION, "\n".join(contents) + "\n", *sections])


def section(rule: Rule, inputs: Inputs) -> str:
    """Returns the section for one rule."""
    parts = [f"## {rule.code}", f"{rule.severity.capitalize()}: {rule.title}.", _wrapped(rule.explanation)]
    if rule.example is not None:
        raw = example_bytes(rule)
        # Bytes that are not UTF-8 are shown as \xNN.
        parts.append(_fenced("yaml", raw.decode(errors="backslashreplace")))
        parts += [_fenced("yaml", rule.tests)] if rule.tests else []
        parts.append(_fenced("text", example_report(rule, inputs)))
    return "\n\n".join([*parts, _wrapped(rule.fix)]) + "\n"


def example_bytes(rule: Rule) -> bytes:
    """Returns the content of a rule's example. The rule must have one."""
    assert rule.example is not None
    return rule.example if isinstance(rule.example, bytes) else rule.example.encode()


def example_report(rule: Rule, inputs: Inputs) -> str:
    """Returns the diagnostics of a rule's example, as text."""
    raw = example_bytes(rule)
    if not rule.tests:
        return text_report.render(diagnose(raw, inputs), ROUTES, _text(raw))
    of_tests, of_routes = diagnose_tests(raw, rule.tests.encode(), inputs)
    parts = [text_report.render(of_tests, TESTS, rule.tests), text_report.render(of_routes, ROUTES, _text(raw))]
    return "\n".join(filter(None, parts))


def diagnose(raw: bytes, inputs: Inputs) -> list[Diagnostic]:
    """Returns all diagnostics of a routes.yaml, valid or not."""
    try:
        return list(check_routes(raw, inputs).diagnostics)
    except Invalid as invalid:
        return invalid.diagnostics


def diagnose_tests(raw: bytes, tests: bytes, inputs: Inputs) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Returns the diagnostics of a routes.test.yaml, and those of the valid routes.yaml about what the tests do not cover."""
    compiled = compile_routes(raw, inputs)
    try:
        route_tests = read_tests(tests, compiled)
    except Invalid as invalid:
        return invalid.diagnostics, []
    results = judge(route_tests, compiled)
    of_tests = [diagnostic for result in results for diagnostic in diagnostics_of(result, route_tests, compiled, ROUTES)]
    return of_tests, report_missed(measure_coverage(compiled, passed_requests(results)), compiled)


def _text(raw: bytes) -> str:
    """Returns the text of a file, for excerpts; "" if it is not valid UTF-8 text."""
    try:
        return decode(raw)
    except Invalid:
        return ""


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def _wrapped(text: str) -> str:
    return fill(text, width=120, break_long_words=False, break_on_hyphens=False)
