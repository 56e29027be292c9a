"""What the commands say, and how they end. The only module that prints and exits: 0 done, 1 wrong input, 2 wrong usage."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import click

from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.diagnostics.printable import printable, printable_json
from fanroute.project.processes import ProgramFailed
from fanroute.project.workspace import BadManifest, Workspace, read_file
from fanroute.syntax.source import decode
from fanroute.syntax.variables import command_unexpander, unexpander

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

# Longest row of a table in a pipe, in characters.
MAX_ROW = 10_000
# How much of a failed program's output is shown, in lines.
OUTPUT_LINES = 30

# Where the context of a command has what `conceal` is told.
_CONCEALED, _CONCEALED_IN_COMMANDS = "fanroute.concealed", "fanroute.concealed-in-commands"

# By which rich takes for a terminal what is none.
_TAKEN_FOR_TERMINALS = ("FORCE_COLOR", "TTY_COMPATIBLE")


def conceal(written: Mapping[str, str]) -> None:
    """From now on, print in place of the values of variables what stands in routes.yaml for them (`Source.unexpanded`)."""
    meta = click.get_current_context().meta
    meta.setdefault(_CONCEALED, []).append(unexpander(written))
    meta.setdefault(_CONCEALED_IN_COMMANDS, []).append(command_unexpander(written))


def _shown(text: str, concealed: str = _CONCEALED) -> str:
    """Returns a text without the values that this command conceals."""
    context = click.get_current_context(silent=True)
    for hide in context.meta.get(concealed, ()) if context else ():
        text = hide(text)
    return text


def command_shown(line: str) -> str:
    """Returns a line for a shell without the values that this command conceals: a shell expands the variables."""
    return _shown(line, _CONCEALED_IN_COMMANDS)


def say(line: str) -> None:
    """Print a line. What is not printable is escaped: much of it comes from others."""
    click.echo(printable(_shown(line)))


def say_command(line: str) -> None:
    """Print a line that is to be pasted into a shell, in which variables have the values that they have here."""
    click.echo(printable(command_shown(line)))


def say_text(text: str) -> None:
    """Print a text of several lines."""
    click.echo(printable(_shown(text), "\n"))


def say_json(text: str) -> None:
    """Print JSON."""
    click.echo(printable_json(_shown(text)))


def piped() -> BinaryIO:
    """The command's standard input."""
    return sys.stdin.buffer


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; in a pipe, a row is a line."""
    from rich.console import Console  # late, here and below: what is piped mostly needs nothing of rich
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(printable(_shown(cell))) for cell in row))
    console = _console()
    (console if console.is_terminal else Console(width=MAX_ROW, emoji=False)).print(table)


def tell(diagnostics: Sequence[Diagnostic], workspace: Workspace, form: str = "text") -> None:
    """Print the diagnostics of a routes.yaml."""
    tell_of([(workspace.routes, diagnostics)], form)


def tell_of(files: Sequence[tuple[Path, Sequence[Diagnostic]]], form: str) -> None:
    """Print the diagnostics of files: for people to standard error; as JSON or for GitHub to standard output."""
    files = [(file, [diagnostic.told(_shown, command_shown) for diagnostic in diagnostics]) for file, diagnostics in files]
    if form == "json":
        from fanroute.diagnostics import json_report  # late: text is asked for mostly

        told = [one for file, diagnostics in files for one in json_report.report(diagnostics, str(file)).diagnostics]
        say_json(json_report.Report(diagnostics=told).model_dump_json(indent=2))
        return
    for file, diagnostics in files:
        if form == "github" and diagnostics:
            say_text(text_report.github(diagnostics, str(file)))
        elif diagnostics and _shows_styles():
            _console(stderr=True).print(text_report.styled(diagnostics, str(file), _text(file)))
        elif diagnostics:
            sys.stderr.write(f"{text_report.render(diagnostics, str(file), _text(file))}\n")


def remark(line: str) -> None:
    """Print a line that is no part of what was asked for."""
    click.echo(printable(_shown(line)), err=True)


def warn(line: str) -> None:
    """Print a warning that is not to be missed."""
    click.secho(f"warning: {line}", err=True, fg="yellow", bold=True)


def working(what: str) -> "Live":
    """On a terminal, a sign that something is under way."""
    from rich.live import Live
    from rich.spinner import Spinner

    # What is said meanwhile goes to standard output as ever.
    spinner = Spinner("dots", what, style="status.spinner")
    return Live(spinner, console=_console(stderr=True), refresh_per_second=12.5, transient=True, redirect_stdout=False)


def end(failed: bool) -> None:
    """End here if the input was wrong."""
    if failed:
        stop()


def stop() -> NoReturn:
    """End here: the input was wrong."""
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
        fail(f"error: {failed}", *(f"  {line}" for line in lines))
    except BrokenPipeError:
        raise  # nobody reads on: click ends the command
    except OSError as error:
        fail(f"error: {error}")


def fail(*lines: str) -> NoReturn:
    """Say what was wrong, and end."""
    for line in lines:
        remark(line)
    sys.exit(1)


def _console(stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def _shows_styles() -> bool:
    """Whether standard error is a terminal, or to be taken for one."""
    may_be = sys.stderr.isatty() or any(name in os.environ for name in _TAKEN_FOR_TERMINALS)
    return may_be and _console(stderr=True).is_terminal


def _text(file: Path) -> str:
    """A file's text, for excerpts; empty if it is none."""
    try:
        return decode(read_file(file))
    except Invalid:
        return ""
