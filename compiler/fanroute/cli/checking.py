"""What is wrong with a routes.yaml: `check`, and `explain` for more of it."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from fanroute import report, rulebook
from fanroute.cli.given import examples, routes_argument
from fanroute.cli.terminal import end, failures, say, tell
from fanroute.diagnostics import Invalid, fails
from fanroute.lower import written_routes
from fanroute.pipeline import compile_routes
from fanroute.rules import CODES
from fanroute.surroundings import Surroundings
from fanroute.validation import did_you_mean
from fanroute.workspace import Workspace, runtime_sources


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
            compiled = compile_routes(workspace.read_routes(), workspace.surroundings())
        except Invalid as invalid:
            found = invalid.diagnostics
        else:
            found = list(compiled.diagnostics)
            if form == "text":
                say(f"{routes}: {len(written_routes(compiled.plan))} routes, {report.summary(found)}")
        tell(found, workspace, form)
    end(failed=fails(found, deny_warnings=deny == "warnings"))


def _codes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For completion in a shell."""
    return [CompletionItem(rule.code, help=rule.title) for rule in CODES.values() if rule.code.startswith(incomplete.upper())]


@click.command(epilog=examples("fanroute explain FR203", "fanroute explain"))
@click.argument("code", required=False, shell_complete=_codes)
def explain(code: str | None) -> None:
    """Say more of a diagnostic's CODE, as of FR203; without a code, list all."""
    if code is None:
        for rule in CODES.values():
            say(f"{rule.code}  {rule.severity:7}  {rule.title}")
    elif code.upper() in CODES:
        say(rulebook.explained(CODES[code.upper()], Surroundings(runtime_sources())).rstrip("\n"))
    else:
        raise click.BadParameter(f"unknown code {code!r}; {did_you_mean(code.upper(), CODES, 'codes')}", param_hint="CODE")
