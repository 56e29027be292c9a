"""What most commands are given: a routes.yaml."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource

from fanroute.cli.output import conceal, end, failures, piped, tell
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.diagnostics.shell import path_word, word
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project.processes import find
from fanroute.project.workspace import Workspace

DEFAULT_ROUTES = "routes.yaml"
# What stands for standard input.
PIPED = "-"

routes_argument = click.argument("routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES)
routes_option = click.option("--routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES, show_default=True)


def own_command() -> str:
    """Returns what to type in a shell, in any folder, to call this program again."""
    called = Path(sys.argv[0])
    if find("fanroute"):
        return "fanroute"
    if called.name == "fanroute":
        return path_word(called.absolute())
    return f"{word(sys.executable)} -P -m fanroute"


def is_given(option: str) -> bool:
    """Returns True if an option stands on the command line: it is no default, and no variable of the environment."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def examples(*commands: str) -> str:
    """What the help of a command ends with."""
    return "\n".join(["\b", "For instance:", *(f"  {command}" for command in commands)])


def compiled(routes: Path) -> Compiled:
    """A routes.yaml, compiled; one that is wrong ends the command."""
    workspace = Workspace(routes)
    with failures(workspace):
        found = compile_routes(workspace.read_routes(), workspace.inputs())
    conceal(found.source.unexpanded)
    return found


def all_compiled(files: Iterable[Path]) -> list[Compiled]:
    """Several, of which one can be `-`, what is piped in; those that are wrong end the command together."""
    found: list[Compiled] = []
    wrong = False
    for file in files:
        workspace = Workspace(file, piped() if str(file) == PIPED else None)
        try:
            found.append(compile_routes(workspace.read_routes(), workspace.inputs()))
            conceal(found[-1].source.unexpanded)
        except Invalid as invalid:
            tell(invalid.diagnostics, workspace)
            wrong = True
    end(failed=wrong)
    return found
