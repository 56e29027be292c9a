"""`fanroute diff`: finds the requests that two files answer differently, or one file in two of its environments."""

from dataclasses import replace
from pathlib import Path

import click

from fanroute.cli.diff_report import Compared, Difference, compare, compare_environments, differing_settings, text_lines
from fanroute.cli.options import PIPED, check_all_or_exit, examples, two_envs_option
from fanroute.cli.output import conceal_in_command, exit_if_failed, say, say_json, standard_input
from fanroute.pipeline import Checked
from fanroute.project.workspace import Workspace


@click.command(
    epilog=examples(
        "fanroute diff old/routes.yaml routes.yaml",
        "git show HEAD:routes.yaml | fanroute diff - routes.yaml",
        "fanroute diff --env production --env staging routes.yaml",
    )
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path), required=False)
@two_envs_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(old: Path, new: Path | None, names: tuple[str, ...], form: str) -> None:
    """Show which requests get another answer from NEW than from OLD, two files like routes.yaml. One can be - (standard input).

    For each pair of an old and a new route it shows one request, with both answers. The exit code is 1 if there is any.
    Names, order and comments alone are no difference.

    The files are compared in each environment that both have, or in the one of --env. With two --env, OLD in the first is
    compared with NEW in the second, or with itself. Each request then has the hosts of production, and settings are compared too.
    """
    if str(old) == str(new) == PIPED:
        raise click.UsageError("only one of OLD and NEW can be -")
    differ = len(set(names)) > 1
    if len(names) > 2 or (new is None and not differ):
        raise click.UsageError("name two files, or one file and two environments: --env production --env staging")
    if differ:
        found = _between_environments(old, new or old, *names)
    else:
        only = names[0] if names else None
        files = [_workspace(path) for path in (old, new or old)]
        before, after = check_all_or_exit([(one, one.inputs(), only) for one in files])
        found = compare_environments(_compared(before), _compared(after), conceal_in_command)
    if form == "json":
        say_json(found.model_dump_json(indent=2))
    for line in text_lines(found) if form == "text" else ():
        say(line)
    if form == "text" and not found.changes:
        say("No request gets another answer.")
    exit_if_failed(failed=bool(found.changes))


def _between_environments(old: Path, new: Path, before: str, after: str) -> Difference:
    """Compares a file in an environment with a file, perhaps the same, in another one. Both have the hosts of production."""
    workspaces = {path: _workspace(path) for path in (old, new)}
    asked = [
        (workspaces[path], replace(workspaces[path].inputs(), renames_hosts=False), name)
        for path, name in ((old, before), (new, after))
    ]
    one, other = (next(iter(checked.compiled.values())) for checked in check_all_or_exit(asked))
    found = compare((one.plan, one.backends), (other.plan, other.backends), conceal_in_command)
    return found.model_copy(update={"settings": differing_settings(one, other)})


def _workspace(file: Path) -> Workspace:
    return Workspace(file, standard_input() if str(file) == PIPED else None)


def _compared(checked: Checked) -> dict[str, Compared]:
    return {name: (one.plan, one.backends) for name, one in checked.compiled.items()}
