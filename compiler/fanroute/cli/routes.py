"""`fanroute routes`: lists the routes, or a request for each."""

from pathlib import Path

import click

from fanroute.analysis.witness import witness_commands
from fanroute.cli.options import compile_or_exit, env_option, env_words, examples, own_command, routes_argument
from fanroute.cli.output import print_table, say_command
from fanroute.diagnostics.shell import path_word
from fanroute.plan import describe
from fanroute.project.workspace import DEFAULT_ROUTES


@click.command(epilog=examples("fanroute routes", "fanroute routes --witness"))
@routes_argument
@env_option
@click.option("--witness", is_flag=True, help="Show a request for each route instead.")
def routes(routes: Path, environment: str, witness: bool) -> None:
    """List the routes of ROUTES (routes.yaml), in the order in which they are tried.

    With --witness it finds a request that each route gets, and prints it as a `fanroute match` command.
    """
    compiled = compile_or_exit(routes, environment)
    if witness:
        options = "" if routes == Path(DEFAULT_ROUTES) else f" --routes {path_word(routes)}"
        options += env_words(environment)
        for line in witness_commands(compiled.plan, options, own_command()):
            say_command(line)
        return
    print_table(describe.COLUMNS, describe.route_rows(compiled.plan))
