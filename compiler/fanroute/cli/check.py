"""`fanroute check`: finds the faults of a routes.yaml."""

from pathlib import Path

import click

from fanroute.cli.options import examples, routes_argument
from fanroute.cli.output import exit_if_failed, exit_on_failure, print_diagnostics, say
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Invalid, fails
from fanroute.diagnostics.printable import counted
from fanroute.pipeline import compile_routes, keep_until_exit
from fanroute.plan.routes import declared_routes
from fanroute.project.workspace import Workspace


@click.command(epilog=examples("fanroute check", "fanroute check --deny warnings --format github edge/routes.yaml"))
@routes_argument
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--deny", type=click.Choice(["warnings"]), help="Also exit with code 1 for a warning.")
def check(routes: Path, form: str, deny: str | None) -> None:
    """Check ROUTES (routes.yaml) for errors and warnings, without building.

    The default format is text for people. `json` is for programs: it goes to standard output, and
    docs/diagnostics.schema.json describes it. `github` writes GitHub's workflow commands, which show each fault at its
    line of a pull request. The exit code is 1 if there is an error.
    """
    workspace = Workspace(routes)
    with exit_on_failure(workspace):
        try:
            compiled = compile_routes(workspace.read_routes(), workspace.inputs())
        except Invalid as invalid:
            found = invalid.diagnostics
        else:
            keep_until_exit(compiled)
            found = list(compiled.diagnostics)
            if form == "text":
                say(f"{routes}: {counted(len(declared_routes(compiled.plan)), 'route')}, {text_report.counts_text(found)}")
        print_diagnostics(found, workspace, form)
    exit_if_failed(failed=fails(found, deny_warnings=deny == "warnings"))
