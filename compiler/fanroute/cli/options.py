"""Arguments and options that several commands share, and the routes.yaml that they name."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource

from fanroute.cli.output import conceal, exit_if_failed, exit_on_failure, print_diagnostics, standard_input, warn
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.diagnostics.shell import path_word, shell_word
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project.processes import find
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace

# The file name that means standard input.
PIPED = "-"

routes_argument = click.argument("routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES)
routes_option = click.option("--routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES, show_default=True)


def own_command() -> str:
    """Returns the words that run this program in a shell, in any folder."""
    called = Path(sys.argv[0])
    if find("fanroute"):
        return "fanroute"
    if called.name == "fanroute":
        return path_word(called.absolute())
    return f"{shell_word(sys.executable)} -P -m fanroute"


def is_on_command_line(option: str) -> bool:
    """Returns True if the user wrote an option, so that it is neither a default nor from a variable of the environment."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def examples(*commands: str) -> str:
    """Returns the examples that a command's help ends with."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def compile_or_exit(routes: Path) -> Compiled:
    """Compiles a routes.yaml. If it has errors, prints them and exits."""
    workspace = Workspace(routes)
    with exit_on_failure(workspace):
        compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    conceal(compiled.source.unexpanded)
    return compiled


def compile_all_or_exit(files: Iterable[Path]) -> list[Compiled]:
    """Compiles several files, of which one can be `-`, standard input. If any has errors, prints those of all and exits."""
    compiled: list[Compiled] = []
    failed = False
    for file in files:
        workspace = Workspace(file, standard_input() if str(file) == PIPED else None)
        try:
            compiled.append(compile_routes(workspace.read_routes(), workspace.inputs()))
            conceal(compiled[-1].source.unexpanded)
        except Invalid as invalid:
            print_diagnostics(invalid.diagnostics, workspace)
            failed = True
    exit_if_failed(failed)
    return compiled


def compile_if_valid(workspace: Workspace) -> Compiled | None:
    """Compiles the routes.yaml of a folder. Returns None if it is missing, and with a warning if it has errors.

    What it says about backends and hosts must not be printed: it has the values of variables.
    """
    if not workspace.routes.exists():
        return None
    try:
        return compile_routes(workspace.read_routes(), workspace.inputs())
    except Invalid:
        warn(f"{workspace.routes} is not used, because it has errors: `fanroute check` shows them")
        return None
