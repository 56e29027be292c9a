"""`fanroute routes`: which routes there are, and a request for each."""

from pathlib import Path

import click

from fanroute.analysis.witness import witness_commands
from fanroute.cli.options import DEFAULT_ROUTES, compiled, examples, own_command, routes_argument
from fanroute.cli.output import say_command, show
from fanroute.diagnostics.shell import path_word
from fanroute.plan import describe


@click.command(epilog=examples("fanroute routes", "fanroute routes --witness"))
@routes_argument
@click.option("--witness", is_flag=True, help="Instead of the routes, a request that each one gets.")
def routes(routes: Path, witness: bool) -> None:
    """List the routes of ROUTES (routes.yaml), in the order in which they are tried.

    With --witness, for each of them a request that it gets, as a command that explains it.
    """
    if witness:
        options = "" if routes == Path(DEFAULT_ROUTES) else f" --routes {path_word(routes)}"
        for line in witness_commands(compiled(routes).plan, options, own_command()):
            say_command(line)
        return
    show(describe.COLUMNS, describe.route_rows(compiled(routes).plan))
