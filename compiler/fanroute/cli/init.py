"""What comes first: `init`."""

from pathlib import Path

import click

from fanroute.cli.options import DEFAULT_ROUTES, examples, is_given, own_command
from fanroute.cli.output import failures, say
from fanroute.diagnostics.shell import path_word
from fanroute.project.package_files import template_files, template_names
from fanroute.project.scaffold import create_files, scaffold_files, template_summary
from fanroute.project.workspace import Workspace

DEFAULT_TEMPLATE = "starter-kit"


@click.command(epilog=examples("fanroute init my-chat --template chat", "fanroute init --list"))
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option(
    "--template", type=click.Choice(template_names()), default=DEFAULT_TEMPLATE, show_default=True, help="What it begins as."
)
@click.option("--list", "listing", is_flag=True, help="Say what each template is for, and make nothing.")
def init(folder: Path, template: str, listing: bool) -> None:
    """Make a folder that builds: FOLDER (this one), with routes.yaml, tests and a README.md.

    No file that is there is overwritten: exit code 1 then, and nothing is made.
    """
    if listing:
        if is_given("folder") or is_given("template"):
            raise click.UsageError("--list makes nothing: leave it out to make a folder, or leave out FOLDER and --template")
        for name in template_names():
            say(f"{name:14} {template_summary(template_files(name))}")
        return
    texts = scaffold_files(template_files(template))
    with failures(Workspace(folder / DEFAULT_ROUTES)):
        create_files(folder, texts)
    say(f"Made {', '.join(str(folder / name) for name in texts)}")
    there = "" if folder == Path() else f"cd {path_word(folder)}, then "
    say(f"Next: {there}{own_command()} serve builds and serves it here; README.md goes on")
