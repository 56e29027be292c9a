"""More of what is wrong with a routes.yaml: `explain`."""

import click
from click.shell_completion import CompletionItem

from fanroute import rulebook
from fanroute.cli.given import examples
from fanroute.cli.terminal import say, say_text
from fanroute.inputs import Inputs
from fanroute.rules import CODES
from fanroute.validation import did_you_mean


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
        say_text(rulebook.explained(CODES[code.upper()], Inputs()).rstrip("\n"))
    else:
        raise click.BadParameter(f"unknown code {code!r}; {did_you_mean(code.upper(), CODES, 'codes')}", param_hint="CODE")
