"""Describes what can go wrong with the user's files and machine as data, for events and the console."""

from pathlib import Path

from fanroute.cli.output import failure_lines, file_text
from fanroute.devserver.events import Problem
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, fails
from fanroute.project.workspace import BadManifest, Workspace


def problems_of(error: Exception, workspace: Workspace) -> tuple[Problem, ...]:
    """Describes one of FAILURES. `Invalid` is about a workspace's routes.yaml, as in `print_failure`."""
    if isinstance(error, Invalid):
        return _problems_of_file(error, workspace.routes)
    shown = "\n".join(failure_lines(error, workspace))
    if isinstance(error, BadManifest):
        file, line, column = str(workspace.manifest), error.line, error.column
        return (Problem(message=str(error), shown=shown, file=file, line=line, column=column),)
    return (Problem(message=str(error), shown=shown),)


def _problems_of_file(invalid: Invalid, file: Path) -> tuple[Problem, ...]:
    text = file_text(file)
    return tuple(
        Problem(
            message=one.message,
            shown=text_report.render([one], str(file), text, _other_texts(one)),
            file=one.span.file or str(file),
            line=one.span.line,
            column=one.span.column,
            code=one.code,
        )
        for one in invalid.diagnostics
        if fails([one])
    )


def _other_texts(diagnostic: Diagnostic) -> dict[str, str]:
    """Returns the text of the file that a diagnostic is about, if it is an included one."""
    other = diagnostic.span.file
    return {other: file_text(Path(other))} if other else {}
