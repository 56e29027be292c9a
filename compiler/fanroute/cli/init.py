"""`fanroute init`: makes a new folder from a template."""

import os
from pathlib import Path

import click

from fanroute.cli.options import examples, is_on_command_line, own_command
from fanroute.cli.output import exit_on_failure, say
from fanroute.diagnostics.shell import path_word
from fanroute.project.package_files import template_files, template_names
from fanroute.project.scaffold import create_files, scaffold_files, template_summary
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace
from fanroute.routetests.editor_schema import route_tests_editor_schema
from fanroute.spec.editor_schema import routes_editor_schema

DEFAULT_TEMPLATE = "starter-kit"
# Starts the server behind the edge, which each template has.
SERVER_COMMAND = "python3 server.py"


@click.command(epilog=examples("fanroute init my-chat --template chat", "fanroute init --list"))
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option(
    "--template",
    type=click.Choice(template_names()),
    default=DEFAULT_TEMPLATE,
    show_default=True,
    help="What to begin with.",
)
@click.option("--list", "listing", is_flag=True, help="List the templates and what each is for, and make nothing.")
def init(folder: Path, template: str, listing: bool) -> None:
    """Make a project that runs in FOLDER (this one): routes.yaml, tests, a server, a page, and fastly.toml for the Fastly CLI.

    The service gets the folder's name. It overwrites no file. If one is already there, it makes nothing and exits with code 1.
    """
    if listing:
        if is_on_command_line("folder") or is_on_command_line("template"):
            raise click.UsageError("--list makes nothing: leave it out to make a folder, or leave out FOLDER and --template")
        for name in template_names():
            say(f"{name:14} {template_summary(template_files(name))}")
        return
    workspace = Workspace(folder / DEFAULT_ROUTES)
    with exit_on_failure(workspace):
        schemas = {DEFAULT_ROUTES: routes_editor_schema(), workspace.tests.name: route_tests_editor_schema()}
        texts = scaffold_files(template_files(template), folder, schemas)
        manifest = texts.pop(workspace.manifest.name, None)
        if not os.path.lexists(workspace.manifest):  # a build updates the one that is there
            texts[workspace.manifest.name] = _manifest(workspace, texts[DEFAULT_ROUTES], manifest)
        create_files(folder, texts)
    say(f"Made {'here' if folder == Path() else f'in {folder}'}: {', '.join(texts)}")
    there = "" if folder == Path() else f"cd {path_word(folder)}, then "
    say(f"Next: {there}{own_command()} serve --with '{SERVER_COMMAND}' builds and serves it here; README.md has the next steps")


def _manifest(workspace: Workspace, routes: str, before: str | None) -> str:
    """Returns the fastly.toml of a new folder, with which `fastly compute build` runs `fanroute build`.

    `before` is that of the template, None if it has none.
    """
    from fanroute.bundle.builder import updated_manifest  # late: --list and the help need neither compiler nor builder
    from fanroute.pipeline import compile_routes

    return updated_manifest(workspace, compile_routes(routes.encode(), workspace.inputs()), before)
