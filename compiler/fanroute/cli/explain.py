"""`fanroute explain`: explains a diagnostic by its code."""

import click
from click.shell_completion import CompletionItem

from fanroute.cli import codes_page
from fanroute.cli.catalog import CODES
from fanroute.cli.options import examples
from fanroute.cli.output import say, say_text
from fanroute.spec.inputs import Inputs
from fanroute.spec.validate import did_you_mean


def _codes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes a code in a shell."""
    return [CompletionItem(rule.code, help=rule.title) for rule in CODES.values() if rule.code.startswith(incomplete.upper())]


@click.command(epilog=examples("fanroute explain FR203", "fanroute explain"))
@click.argument("code", required=False, shell_complete=_codes)
def explain(code: str | None) -> None:
    """Explain a diagnostic by its CODE, such as FR203, with an example and how to fix it. Without a code, list all codes."""
    if code is None:
        for rule in CODES.values():
            say(f"{rule.code}  {rule.severity:7}  {rule.title}")
    elif code.upper() in CODES:
        say_text(codes_page.section(CODES[code.upper()], Inputs()).rstrip("\n"))
    else:
        raise click.BadParameter(f"unknown code {code!r}; {did_you_mean(code.upper(), CODES, 'codes')}", param_hint="CODE")
