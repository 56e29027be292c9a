"""What changes? `diff`."""

from pathlib import Path

import click

from fanroute.cli.diff_report import difference, lines
from fanroute.cli.options import PIPED, all_compiled, examples
from fanroute.cli.output import command_shown, end, say, say_json


@click.command(
    epilog=examples("fanroute diff old/routes.yaml routes.yaml", "git show HEAD:routes.yaml | fanroute diff - routes.yaml")
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(old: Path, new: Path, form: str) -> None:
    """Say which requests get another answer by NEW than by OLD, two files as routes.yaml; one can be -, standard input.

    Told is one request for each route that it got and each that it gets now, with both answers; the exit code is 1 then.
    Names, order and comments are no change by themselves.
    """
    if str(old) == str(new) == PIPED:
        raise click.UsageError("only one of OLD and NEW can be -")
    before, after = all_compiled([old, new])
    found = difference((before.plan, before.backends), (after.plan, after.backends), command_shown)
    if form == "json":
        say_json(found.model_dump_json(indent=2))
    for line in lines(found) if form == "text" else ():
        say(line)
    if form == "text" and not found.changes:
        say("No request gets another answer.")
    end(failed=bool(found.changes))
