"""Checks that routes.yaml is valid. `fanroute check` shows its faults."""

from fanroute.diagnostics import text_report
from fanroute.diagnostics.printable import counted
from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.plan.routes import declared_routes


async def check_routes(examined: Examined) -> Findings:
    """Reports the first error of routes.yaml, or counts its routes and warnings."""
    subject, compiled = examined.workspace.routes.name, examined.compiled
    if compiled is None:
        yield Finding(subject, "error", examined.routes_error, "Run `fanroute check`, which shows every error at its line.")
        return
    counts = f"{counted(len(declared_routes(compiled.plan)), 'route')}, {text_report.counts_text(compiled.diagnostics)}"
    if any(diagnostic.severity == "warning" for diagnostic in compiled.diagnostics):
        yield Finding(subject, "warning", counts, "Run `fanroute check`, which shows them.")
    else:
        yield Finding(subject, "ok", counts)
