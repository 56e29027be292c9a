"""`fanroute fmt`: rewrites a routes.yaml in its canonical form."""

from contextlib import suppress
from pathlib import Path

import click

from fanroute.cli.options import examples
from fanroute.cli.output import exit_if_failed, exit_on_failure, fail, print_diagnostics, say
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.formatting.formatter import MeaningChanged, format_routes
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace
from fanroute.spec.included import included_paths
from fanroute.syntax.source import decode, parse_yaml


@click.command(epilog=examples("fanroute fmt", "fanroute fmt --check edge/routes.yaml"))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only name the files that would change, and exit with code 1 if there are any.")
def fmt(files: tuple[Path, ...], check: bool) -> None:
    """Format FILES (routes.yaml): keys in the order of the reference, two spaces, quotes only if they are needed.

    Files that they include are formatted too. Comments stay with the lines that they belong to. A file with syntax errors is
    reported and left as it is.
    """
    workspaces = [Workspace(file) for file in files or (Path(DEFAULT_ROUTES),)]
    every = {one.routes: one for workspace in workspaces for one in (workspace, *_included(workspace))}
    results = [_format(workspace, check) for workspace in every.values()]
    exit_if_failed(failed=not all(results))


def _included(workspace: Workspace) -> list[Workspace]:
    """Returns the files that a routes.yaml includes and that can be read. The others are reported by `fanroute check`."""
    found = []
    try:
        source = parse_yaml(decode(workspace.read_routes()))
    except Invalid:
        return []
    for _, path in included_paths(source):
        with suppress(OSError):
            workspace.read(path)
            found.append(Workspace(workspace.routes.parent / path))
    return found


def _format(workspace: Workspace, check: bool) -> bool:
    """Formats a file, or with `check` only reports it. Returns False if the command should exit with code 1 for it."""
    with exit_on_failure(workspace):
        try:
            raw = workspace.read_routes()
            text = format_routes(raw, workspace.inputs())
        except Invalid as invalid:
            print_diagnostics(invalid.diagnostics, workspace)
            return False
        except MeaningChanged:
            fail(f"{workspace.routes}: error: the formatted file would mean something else, so the file stays as it is")
        if text.encode() == raw:
            return True
        if not check:
            workspace.write_routes(text)
        say(f"{workspace.routes}: {'would be formatted' if check else 'formatted'}")
        return not check
