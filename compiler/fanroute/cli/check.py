"""`fanroute check`: finds the faults of a routes.yaml."""

from pathlib import Path

import click

from fanroute.cli.options import examples, one_env_option, routes_argument
from fanroute.cli.output import exit_if_failed, exit_on_failure, print_diagnostics, say
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Invalid, fails
from fanroute.diagnostics.printable import counted
from fanroute.pipeline import Checked, check_routes, keep_until_exit
from fanroute.plan.routes import declared_routes
from fanroute.project.workspace import Workspace


@click.command(epilog=examples("fanroute check", "fanroute check --deny warnings --format github edge/routes.yaml"))
@routes_argument
@one_env_option
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--deny", type=click.Choice(["warnings"]), help="Also exit with code 1 for a warning.")
def check(routes: Path, environment: str | None, form: str, deny: str | None) -> None:
    """Check ROUTES (routes.yaml) for errors and warnings, without building.

    The default format is text for people. `json` is for programs: it goes to standard output, and
    docs/diagnostics.schema.json describes it. `github` writes GitHub's workflow commands, which show each fault at its
    line of a pull request. The exit code is 1 if there is an error.

    All environments of the file are checked. What is wrong in several of them is reported once.
    """
    workspace = Workspace(routes)
    with exit_on_failure(workspace):
        try:
            checked = check_routes(workspace.read_routes(), workspace.inputs(), environment)
        except Invalid as invalid:
            found = invalid.diagnostics
        else:
            keep_until_exit(checked)
            found = list(checked.diagnostics)
            if form == "text" and not fails(found):
                say(f"{routes}: {_counts(checked)}, {text_report.counts_text(found)}")
        print_diagnostics(found, workspace, form)
    exit_if_failed(failed=fails(found, deny_warnings=deny == "warnings"))


def _counts(checked: Checked) -> str:
    """Returns the number of routes, and that of environments if there are several."""
    routes = counted(len(declared_routes(next(iter(checked.compiled.values())).plan)), "route")
    return routes if len(checked.compiled) == 1 else f"{routes} in {len(checked.compiled)} environments"
