"""`fanroute lsp`: the language server for editors."""

import logging

import click

from fanroute.cli.options import examples
from fanroute.cli.output import remark, serve_standard_streams
from fanroute.project.workspace import DEFAULT_ROUTES


@click.command(epilog=examples("fanroute lsp", "fanroute lsp --name routes.yaml --name edge.yaml"))
@click.option(
    "--name", "names", multiple=True, default=[DEFAULT_ROUTES], show_default=True, help="Name of the files to serve. Repeatable."
)
def lsp(names: tuple[str, ...]) -> None:
    """Serve an editor over the Language Server Protocol, on standard input and output.

    The editor starts this command, and then shows in routes.yaml: faults while you type, what a key means, completions,
    where a backend is defined, and above each route a request that gets there. docs/editors.md says how to set it up.
    """
    from fanroute.editor.server import make_server  # late: no other command needs the protocol's types

    handler = _FirstLineHandler(logging.WARNING)
    logging.getLogger().addHandler(handler)
    serve_standard_streams(make_server(names).start_io)


class _FirstLineHandler(logging.Handler):
    """Prints the first line of what pygls logs, without the traceback that follows."""

    def emit(self, record: logging.LogRecord) -> None:
        remark(record.getMessage().partition("\n")[0])
