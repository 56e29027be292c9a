"""`fanroute build`: bin/main.wasm and fastly.toml from a routes.yaml."""

from pathlib import Path
from time import monotonic

import click

from fanroute.bundle import builder as building
from fanroute.bundle.builder import Built
from fanroute.cli import next_steps
from fanroute.cli.options import examples, routes_argument
from fanroute.cli.output import conceal, failures, remark, say, say_command, tell, working
from fanroute.project.workspace import Workspace

flatten_option = click.option(
    "--flatten/--no-flatten",
    default=True,
    show_default=True,
    envvar="FANROUTE_FLATTEN",
    show_envvar=True,
    help="Join the component's core modules into one, so that a request takes less time in a new sandbox.",
)


@click.command(epilog=examples("fanroute build", "fanroute build edge/routes.yaml"))
@routes_argument
@flatten_option
def build(routes: Path, flatten: bool) -> None:
    """Build bin/main.wasm from ROUTES (routes.yaml), and keep fastly.toml in step with it."""
    built(Workspace(routes), flatten)


def built(workspace: Workspace, flatten: bool) -> Built:
    """Builds a folder, and says what came of it. Ends the command if that fails."""
    started = monotonic()
    with failures(workspace), working("Building"):
        done = building.build(workspace, say, flatten)
    conceal(done.compiled.source.unexpanded)
    size = workspace.wasm.stat().st_size / 1e6
    tell([diagnostic for diagnostic in done.compiled.diagnostics if diagnostic.severity == "warning"], workspace)
    for warning in done.warnings:
        remark(f"{workspace.wasm}: warning: {warning}")
    how = f"built in {monotonic() - started:.1f} s" if done.rebuilt else "nothing has changed"
    say(f"{workspace.wasm}: {size:.1f} MB, {how}")
    for line in next_steps.publishing(done.compiled, done.service_id, workspace.routes.parent):
        say_command(line)
    return done
