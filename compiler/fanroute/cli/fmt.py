"""`fanroute fmt`: the canonical form of a routes.yaml."""

from pathlib import Path

import click

from fanroute.cli.options import DEFAULT_ROUTES, examples
from fanroute.cli.output import end, fail, failures, say, tell
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.formatting.formatter import MeaningChanged, format_routes
from fanroute.project.workspace import Workspace


@click.command(epilog=examples("fanroute fmt", "fanroute fmt --check edge/routes.yaml"))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Name the files that would change, and write none; exit code 1 if there are any.")
def fmt(files: tuple[Path, ...], check: bool) -> None:
    """Format FILES (routes.yaml): keys in the reference's order, two spaces, quotes where needed.

    Comments stay with what they are about. A file that cannot be read is left as it is, and the mistake is told.
    """
    ends = [_formatted(Workspace(file), check) for file in files or (Path(DEFAULT_ROUTES),)]
    end(failed=not all(ends))


def _formatted(workspace: Workspace, check: bool) -> bool:
    """Format a file, or only say that it should be; whether there is nothing wrong with it."""
    with failures(workspace):
        try:
            raw = workspace.read_routes()
            text = format_routes(raw, workspace.inputs())
        except Invalid as invalid:
            tell(invalid.diagnostics, workspace)
            return False
        except MeaningChanged:
            fail(f"{workspace.routes}: error: formatted, it would say something else; it stays as it is")
        if text.encode() == raw:
            return True
        if not check:
            workspace.write_routes(text)
        say(f"{workspace.routes}: {'would be formatted' if check else 'formatted'}")
        return not check
