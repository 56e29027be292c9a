"""`fanroute install`: installs Viceroy and Pushpin."""

from pathlib import Path

import click

from fanroute.cli.options import examples
from fanroute.cli.output import exit_on_failure, say
from fanroute.devserver import install as installing
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace


@click.command(epilog=examples("fanroute install"))
def install() -> None:
    """Install Viceroy and Pushpin for `serve --edge viceroy`, if they are missing."""
    workspace = Workspace(Path(DEFAULT_ROUTES))
    with exit_on_failure(workspace):
        cache = workspace.cache.trusted_folder()
        pushpin = installing.ensure_pushpin(cache, say)
        say(f"Pushpin {pushpin.version}: {pushpin.program}")
        say(f"Viceroy: {installing.ensure_viceroy(cache, say)}")
