"""What the commands say, and how they end. The only module that prints and exits: 0 done, 1 wrong input, 2 wrong usage."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from fanroute import report
from fanroute.diagnostics import Diagnostic, Invalid
from fanroute.manifest import BadManifest
from fanroute.programs import ProgramFailed
from fanroute.source import decode
from fanroute.workspace import Workspace

# Longest row of a table in a pipe, in characters.
MAX_ROW = 10_000
# How much of a failed program's output is shown, in lines.
OUTPUT_LINES = 30

_out = Console(highlight=False, soft_wrap=True, emoji=False)
_err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def say(line: str) -> None:
    """Print a line as it is."""
    _out.print(escape(line))


def show(table: Table) -> None:
    """Print a table; in a pipe, a row is a line."""
    (_out if _out.is_terminal else Console(width=MAX_ROW, emoji=False)).print(table)


def tell(diagnostics: list[Diagnostic], workspace: Workspace, form: str = "text") -> None:
    """Print diagnostics: for people to standard error; as JSON or for GitHub to standard output."""
    file = str(workspace.routes)
    if form == "json":
        say(report.report(diagnostics, file).model_dump_json(indent=2))
    elif form == "github" and diagnostics:
        say(report.github(diagnostics, file))
    elif diagnostics:
        _err.print(report.styled(diagnostics, file, _text(workspace)))


def working(what: str) -> Status:
    """On a terminal, a sign that something is under way."""
    return _err.status(what)


def end(failed: bool) -> None:
    """End here if the input was wrong."""
    if failed:
        sys.exit(1)


@contextmanager
def failures(workspace: Workspace) -> Iterator[None]:
    """What can be wrong with a user's files and machine, said in one message; then exit code 1."""
    try:
        yield
    except Invalid as invalid:
        tell(invalid.diagnostics, workspace)
        sys.exit(1)
    except BadManifest as bad:
        fail(f"{workspace.manifest}:{bad.line}:{bad.column}: error: {bad}")
    except ProgramFailed as failed:
        lines = failed.output.strip().splitlines()[-OUTPUT_LINES:]
        fail("\n".join([f"error: {failed}", *(f"  {line}" for line in lines)]))
    except OSError as error:
        fail(f"error: {error}")


def fail(message: str) -> NoReturn:
    """Say what was wrong, and end."""
    _err.print(escape(message))
    sys.exit(1)


def _text(workspace: Workspace) -> str:
    """The file's text, for excerpts; empty if it is none."""
    try:
        return decode(workspace.read_routes())
    except Invalid:
        return ""
