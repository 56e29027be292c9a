"""What is wrong with a routes.yaml: `check`."""

from pathlib import Path

import click

from fanroute.cli.options import examples, routes_argument
from fanroute.cli.output import end, failures, say, tell
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Invalid, fails
from fanroute.pipeline import compile_routes, keep
from fanroute.plan.routes import declared_routes
from fanroute.project.workspace import Workspace


@click.command(epilog=examples("fanroute check", "fanroute check --deny warnings --format github edge/routes.yaml"))
@routes_argument
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--deny", type=click.Choice(["warnings"]), help="What else is exit code 1.")
def check(routes: Path, form: str, deny: str | None) -> None:
    """Say what is wrong with ROUTES (routes.yaml), without building.

    As text for you; as JSON on standard output for programs (docs/diagnostics.schema.json describes it); or as
    GitHub's workflow commands, which show each mistake at its line of a pull request. Exit code 1 if there is an error.
    """
    workspace = Workspace(routes)
    with failures(workspace):
        try:
            compiled = compile_routes(workspace.read_routes(), workspace.inputs())
        except Invalid as invalid:
            found = invalid.diagnostics
        else:
            keep(compiled)
            found = list(compiled.diagnostics)
            if form == "text":
                say(f"{routes}: {len(declared_routes(compiled.plan))} routes, {text_report.summary(found)}")
        tell(found, workspace, form)
    end(failed=fails(found, deny_warnings=deny == "warnings"))
