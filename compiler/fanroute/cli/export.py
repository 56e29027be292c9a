"""`fanroute export`: writes a routes.yaml as the file of another tool."""

from pathlib import Path

import click

from fanroute.cli.options import compile_or_exit, env_option, examples, routes_argument
from fanroute.cli.output import fail, remark, say_text
from fanroute.foreign.pushpin_export import NotExported, export_routes


@click.command(epilog=examples("fanroute export pushpin-routes", "fanroute export pushpin-routes edge/routes.yaml > routes"))
@click.argument("kind", type=click.Choice(["pushpin-routes"]))
@routes_argument
@env_option
def export(kind: str, routes: Path, environment: str) -> None:
    """Print ROUTES (routes.yaml) as the `routes` file of a Pushpin of your own.

    A comment in the file and a line on standard error name what Pushpin cannot do. If Pushpin would let
    in clients that a route refuses (by `auth`, `client_ip` or a `respond` with 401 or 403), nothing is printed and the
    exit code is 1.
    """
    compiled = compile_or_exit(routes, environment)
    try:
        text, remarks = export_routes(compiled, routes.as_posix())
    except NotExported as error:
        fail(f"{error.span.file or routes}:{error.span.line}: error: {error}, so nothing is exported")
    say_text(text.rstrip("\n"))
    for one in remarks:
        remark(f"{one.span.file or routes}:{one.span.line}: {one.text}")
