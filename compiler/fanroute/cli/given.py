"""What most commands are given: a routes.yaml."""

from pathlib import Path

import click

from fanroute.cli.terminal import failures
from fanroute.pipeline import Compiled, compile_routes
from fanroute.workspace import Workspace

DEFAULT_ROUTES = "routes.yaml"

routes_argument = click.argument("routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES)
routes_option = click.option("--routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES, show_default=True)


def examples(*commands: str) -> str:
    """What the help of a command ends with."""
    return "\n".join(["\b", "For instance:", *(f"  {command}" for command in commands)])


def compiled(routes: Path) -> Compiled:
    """A routes.yaml, compiled; one that is wrong ends the command."""
    workspace = Workspace(routes)
    with failures(workspace):
        return compile_routes(workspace.read_routes(), workspace.surroundings())
