"""`fanroute build`: builds bin/main.wasm and fastly.toml from a routes.yaml."""

import signal
from pathlib import Path
from time import monotonic

import click

from fanroute.bundle import builder as building
from fanroute.bundle.builder import Built
from fanroute.cli import next_steps
from fanroute.cli.options import env_option, env_words, examples, routes_argument
from fanroute.cli.output import conceal, exit_on_failure, print_diagnostics, remark, say, say_command, show_steps
from fanroute.project.workspace import Workspace

flatten_option = click.option(
    "--flatten/--no-flatten",
    default=True,
    show_default=True,
    envvar="FANROUTE_FLATTEN",
    show_envvar=True,
    help="Join the component's core modules into one, so that the first request of a sandbox is faster.",
)


@click.command(epilog=examples("fanroute build", "fanroute build --env staging", "fanroute build edge/routes.yaml"))
@routes_argument
@env_option
@flatten_option
def build(routes: Path, environment: str, flatten: bool) -> None:
    """Build bin/main.wasm from ROUTES (routes.yaml), and update fastly.toml to match.

    With --env staging, it updates fastly.staging.toml, which the Fastly CLI reads with its own --env staging.
    """
    # As Ctrl-C: temporary files are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    build_and_report(Workspace(routes, environment=environment), flatten)


def build_and_report(workspace: Workspace, flatten: bool) -> Built:
    """Builds a folder, and prints the result and what to do next. Exits if the build fails."""
    started = monotonic()
    with exit_on_failure(workspace), show_steps() as steps:
        result = building.build(workspace, steps.say, flatten, steps.begin)
    conceal(result.compiled.source.unexpanded)
    size = workspace.wasm.stat().st_size / 1e6
    warnings = [diagnostic for diagnostic in result.compiled.diagnostics if diagnostic.severity == "warning"]
    print_diagnostics(warnings, workspace)
    for warning in result.warnings:
        remark(f"{workspace.wasm}: warning: {warning}")
    how = f"built in {monotonic() - started:.1f} s" if result.rebuilt else "nothing has changed"
    say(f"{workspace.wasm}: {size:.1f} MB, {how}")
    for line in next_steps.publish_lines(
        result.compiled, result.service_id, workspace.routes.parent, env_words(workspace.environment)
    ):
        say_command(line)
    return result
