"""Prints, and ends commands: 0 for done, 1 for wrong input, 2 for wrong usage. No other module prints or exits."""

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TextIO

import click

from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.diagnostics.printable import printable, printable_json
from fanroute.project.cache import error_text
from fanroute.project.folder import FR517
from fanroute.project.processes import ProgramFailed
from fanroute.project.workspace import BadManifest, Workspace, read_file
from fanroute.syntax.source import decode
from fanroute.syntax.variables import command_unexpander, unexpander

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# The longest row of a table in a pipe, in characters.
MAX_ROW = 10_000
# How many lines of a failed program's output are shown.
OUTPUT_LINES = 30
# What can go wrong with the user's files and machine.
FAILURES = (Invalid, BadManifest, ProgramFailed, OSError)

# The keys in the context of a command under which `conceal` keeps its functions.
_CONCEALED, _CONCEALED_IN_COMMANDS = "fanroute.concealed", "fanroute.concealed-in-commands"
# The key under which `reserve_output_for_json` notes that it was called.
_ONLY_JSON = "fanroute.only-json"

# Variables that have rich treat other output as a terminal.
_FORCE_TERMINAL = ("FORCE_COLOR", "TTY_COMPATIBLE")


def conceal(unexpanded: Mapping[str, str]) -> None:
    """Hides the values of variables in everything printed from now on.

    Where a value would stand, the text of routes.yaml is printed, such as `${NAME}`. `unexpanded` is `Source.unexpanded`.
    """
    meta = click.get_current_context().meta
    key = tuple(sorted(unexpanded.items()))
    meta.setdefault(_CONCEALED, {})[key] = unexpander(unexpanded)
    meta.setdefault(_CONCEALED_IN_COMMANDS, {})[key] = command_unexpander(unexpanded)


def reserve_output_for_json() -> None:
    """Prints lines of text to standard error from now on, so that standard output has only JSON."""
    click.get_current_context().meta[_ONLY_JSON] = True


def _print(text: str) -> None:
    context = click.get_current_context(silent=True)
    click.echo(text, err=context is not None and _ONLY_JSON in context.meta)


def _shown(text: str, concealed: str = _CONCEALED) -> str:
    """Returns the text without the values that this command conceals."""
    context = click.get_current_context(silent=True)
    for hide in context.meta.get(concealed, {}).values() if context else ():
        text = hide(text)
    return text


def conceal_in_text(text: str) -> str:
    """Returns a text without the values that this command conceals."""
    return _shown(text)


def conceal_in_command(line: str) -> str:
    """Returns a line for a shell without the values that this command conceals. The shell expands the variables in it."""
    return _shown(line, _CONCEALED_IN_COMMANDS)


def say(line: str) -> None:
    """Prints a line. Characters that are not printable are escaped, because much of the text comes from others."""
    _print(printable(_shown(line)))


def say_styled(spans: Sequence[tuple[str, str]]) -> None:
    """Prints a line. Its spans are texts, each with the style that a terminal shows (rich's name for it, or "")."""
    line = "".join(text for text, _ in spans)
    if not _shows_styles(sys.stdout) or _shown(line) != line:
        say(line)
        return
    from rich.text import Text

    _console().print(Text.assemble(*((printable(text), style) for text, style in spans)))


def say_marked(mark: str, colour: str, line: str) -> None:
    """Prints a line that begins with a word, which has a colour on a terminal."""
    click.echo(f"{click.style(mark, fg=colour)}{printable(_shown(line))}")


def say_command(line: str) -> None:
    """Prints a line to paste into a shell with the same variables."""
    _print(printable(conceal_in_command(line)))


def say_text(text: str) -> None:
    """Prints several lines."""
    click.echo(printable(_shown(text), "\n"))


def say_json(text: str) -> None:
    """Prints JSON."""
    click.echo(printable_json(_shown(text)))


def standard_input() -> BinaryIO:
    """Returns the command's standard input, as bytes."""
    return sys.stdin.buffer if sys.stdin else BytesIO()


def output_pipes() -> list[int]:
    """Returns the file descriptors of standard output and standard error, if they are pipes."""
    pipes = []
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # it was closed when the command was started, or is no file
            if stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
                pipes.append(stream.fileno())
    return pipes


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table. In a pipe, each row is one line."""
    from rich.console import Console  # late, here and below: most output needs no rich
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(printable(_shown(cell))) for cell in row))
    console = _console()
    (console if console.is_terminal else Console(width=MAX_ROW, emoji=False)).print(table)


def print_diagnostics(diagnostics: Sequence[Diagnostic], workspace: Workspace, form: str = "text") -> None:
    """Prints the diagnostics of a workspace's routes.yaml, like `print_all_diagnostics`."""
    print_all_diagnostics([(workspace.routes, diagnostics)], form)


def print_all_diagnostics(files: Sequence[tuple[Path, Sequence[Diagnostic]]], form: str) -> None:
    """Prints the diagnostics of several files: text to standard error, JSON and GitHub's commands to standard output."""
    files = [
        (file, [diagnostic.map_texts(_shown, conceal_in_command) for diagnostic in diagnostics]) for file, diagnostics in files
    ]
    if form == "json":
        from fanroute.diagnostics import json_report  # late: most output is text

        json_diagnostics = [
            one for file, diagnostics in files for one in json_report.make_report(diagnostics, str(file)).diagnostics
        ]
        say_json(json_report.Report(diagnostics=json_diagnostics).model_dump_json(indent=2))
        return
    for file, diagnostics in files:
        # What is in the place of a file of ours may be a link to anything, so its text is not shown.
        others = {one.span.file: file_text(Path(one.span.file)) for one in diagnostics if one.span.file and one.rule is not FR517}
        if form == "github" and diagnostics:
            say_text(text_report.render_github(diagnostics, str(file)))
        elif diagnostics and _shows_styles(sys.stderr):
            _console(stderr=True).print(text_report.render_styled(diagnostics, str(file), file_text(file), others))
        elif diagnostics:
            click.echo(text_report.render(diagnostics, str(file), file_text(file), others), err=True)


def remark(line: str) -> None:
    """Prints a line to standard error, because it is no part of the result."""
    click.echo(printable(_shown(line)), err=True)


def warn(line: str) -> None:
    """Prints a warning in colour to standard error."""
    click.secho(f"warning: {line}", err=True, fg="yellow", bold=True)


class Steps:
    """Shows on a terminal which step of a command is under way, and for how long. Lines are printed above it."""

    def __init__(self, progress: "Progress | None") -> None:
        self._progress = progress
        self._task = progress.add_task("Starting") if progress else None

    def begin(self, step: str) -> None:
        """Shows a step in place of the one before."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=step)

    def say(self, line: str) -> None:
        """Prints a line to standard output."""
        if self._progress:
            self._progress.stop()
        say(line)
        if self._progress:
            self._progress.start()


@contextmanager
def show_steps() -> Iterator[Steps]:
    """Shows the steps that the context begins, with the time since it began. Nothing is left of them at its end.

    Only people at a terminal see them: pipes, files and CI (a terminal with the variable CI) get none.
    """
    if not _is_terminal(sys.stderr) or os.environ.get("CI"):
        yield Steps(None)
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=_console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield Steps(progress)


def serve_standard_streams(serve: Callable[[BinaryIO, BinaryIO], None]) -> None:
    """Has a function serve standard input and output as bytes, until one of them ends. A closed stream is an empty one."""
    output = sys.stdout.buffer if sys.stdout else BytesIO()
    with suppress(BrokenPipeError):
        serve(standard_input(), output)


def exit_if_failed(failed: bool) -> None:
    """Exits with code 1 if the input is wrong."""
    if failed:
        exit_failed()


def exit_unread() -> NoReturn:
    """Exits with code 1, and without a word, because nobody reads what is printed."""
    # Otherwise, Python would fail to write what is left when it ends.
    sys.stdout = sys.stderr = StringIO()
    sys.exit(1)


def exit_failed() -> NoReturn:
    """Exits with code 1, for wrong input."""
    sys.exit(1)


@contextmanager
def exit_on_failure(workspace: Workspace) -> Iterator[None]:
    """Catches what can go wrong with the user's files and machine, prints one message and exits with code 1."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader is gone: click ends the command
    except FAILURES as error:
        print_failure(error, workspace)
        sys.exit(1)


def print_failure(error: Exception, workspace: Workspace) -> None:
    """Prints one of FAILURES to standard error."""
    if isinstance(error, Invalid):
        print_diagnostics(error.diagnostics, workspace)
    else:
        for line in failure_lines(error, workspace):
            remark(line)


def failure_lines(error: Exception, workspace: Workspace) -> list[str]:
    """Returns the lines about one of FAILURES, except Invalid."""
    match error:
        case BadManifest():
            return [f"{workspace.manifest}:{error.line}:{error.column}: error: {error}"]
        case ProgramFailed():
            return [f"error: {error}", *(f"  {line}" for line in error.output.strip().splitlines()[-OUTPUT_LINES:])]
        case OSError():
            return [f"error: {error_text(error)}"]
    return [f"error: {error}"]


def fail(*lines: str) -> NoReturn:
    """Prints lines to standard error and exits with code 1."""
    for line in lines:
        remark(line)
    sys.exit(1)


def _console(stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def _shows_styles(stream: TextIO | None) -> bool:
    """Returns True if a standard stream is a terminal, or is to be treated as one."""
    may_be = _is_terminal(stream) or any(name in os.environ for name in _FORCE_TERMINAL)
    return may_be and _console(stderr=stream is sys.stderr).is_terminal


def _is_terminal(stream: TextIO | None) -> bool:
    """Returns True if a standard stream is a terminal. None is one that was closed when the command was started."""
    return stream is not None and stream.isatty()


def file_text(file: Path) -> str:
    """Returns the text of a file, for excerpts; "" if it cannot be read."""
    try:
        return decode(read_file(file))
    except Invalid:
        return ""
