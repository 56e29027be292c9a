"""`fanroute diff`: finds the requests that two files answer differently."""

from pathlib import Path

import click

from fanroute.cli.diff_report import compare, text_lines
from fanroute.cli.options import PIPED, compile_all_or_exit, examples
from fanroute.cli.output import conceal_in_command, exit_if_failed, say, say_json


@click.command(
    epilog=examples("fanroute diff old/routes.yaml routes.yaml", "git show HEAD:routes.yaml | fanroute diff - routes.yaml")
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(old: Path, new: Path, form: str) -> None:
    """Show which requests get another answer from NEW than from OLD, two files like routes.yaml. One can be - (standard input).

    For each pair of an old and a new route it shows one request, with both answers. The exit code is 1 if there is any.
    Names, order and comments alone are no difference.
    """
    if str(old) == str(new) == PIPED:
        raise click.UsageError("only one of OLD and NEW can be -")
    before, after = compile_all_or_exit([old, new])
    found = compare((before.plan, before.backends), (after.plan, after.backends), conceal_in_command)
    if form == "json":
        say_json(found.model_dump_json(indent=2))
    for line in text_lines(found) if form == "text" else ():
        say(line)
    if form == "text" and not found.changes:
        say("No request gets another answer.")
    exit_if_failed(failed=bool(found.changes))
