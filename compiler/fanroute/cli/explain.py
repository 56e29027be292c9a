"""More of what is wrong with a routes.yaml: `explain`."""

import click
from click.shell_completion import CompletionItem

from fanroute.cli import codes_page
from fanroute.cli.catalog import CODES
from fanroute.cli.options import examples
from fanroute.cli.output import say, say_text
from fanroute.spec.inputs import Inputs
from fanroute.spec.validate import did_you_mean


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
        say_text(codes_page.explained(CODES[code.upper()], Inputs()).rstrip("\n"))
    else:
        raise click.BadParameter(f"unknown code {code!r}; {did_you_mean(code.upper(), CODES, 'codes')}", param_hint="CODE")
