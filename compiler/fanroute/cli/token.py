"""`fanroute token`: makes a client's token that only local edges accept."""

import time
from pathlib import Path
from typing import Any

import click

from fanroute.cli.options import compile_or_exit, env_option, examples, routes_option
from fanroute.cli.output import fail, say
from fanroute.cli.request_options import checked, parse_claims, too_deep
from fanroute.pipeline import Compiled
from fanroute.plan.routes import declared_routes
from fanroute.plan.tokens import make_token, required_claims
from fanroute.project.workspace import Workspace
from fanroute.spec.types import parse_duration
from fanroute.spec.validate import did_you_mean


@click.command(
    epilog=examples(
        "fanroute token",
        """fanroute token --claims '{"sub": "ann"}' --expires-in 5m""",
        'curl -N -H "Authorization: Bearer $(fanroute token)" http://127.0.0.1:7676/test/stream',
    )
)
@click.option("--claims", default="{}", metavar="JSON", help='The claims of the token, such as \'{"sub": "ann"}\'.')
@click.option("--route", "name", metavar="NAME", help="The route that the token is for, if routes require different issuers.")
@click.option("--expires-in", default="12h", metavar="DURATION", show_default=True, help="How long it is valid: 90s, 15m, 12h.")
@routes_option
@env_option
def token(claims: str, name: str | None, expires_in: str, routes: Path, environment: str) -> None:
    """Print a client's token for the routes of routes.yaml with `auth`, to try them on this machine.

    Your local edges accept it as if one of the routes' keys had signed it, and check its claims. Nothing else accepts it: it is
    signed with a key that is in your cache folder only. The claims `exp`, `iss` and `aud` are filled in if --claims lacks them.
    """
    lifetime = checked(parse_duration, expires_in, "--expires-in")
    compiled = compile_or_exit(routes, environment)
    workspace = Workspace(routes)
    if workspace.cache.reason:
        fail(f"error: the key for tokens is kept in the cache, which is not used: {workspace.cache.reason}")
    filled_in = {"exp": int(time.time()) + lifetime} | _required(compiled, name)
    try:
        say(make_token(filled_in | parse_claims(claims), workspace.token_key))
    except RecursionError:
        raise too_deep() from None


def _required(compiled: Compiled, name: str | None) -> dict[str, Any]:
    """Returns the issuer and audience that a route requires, or without a name all routes with `auth`, as claims.

    Exits if no route requires a token, and raises click.UsageError if the routes require different ones.
    """
    routes = {route.name: route for route in declared_routes(compiled.plan)}
    if name is not None and name not in routes:
        raise click.BadParameter(f"there is no route {name!r}; {did_you_mean(name, routes, 'routes')}", param_hint="--route")
    chosen = routes.values() if name is None else [routes[name]]
    required = {route.name: required_claims(route.auth) for route in chosen if route.auth}
    if not required:
        fail("error: no route has `auth`" if name is None else f"error: the route {name!r} has no `auth`: it takes no token")
    first, *others = required.values()
    if any(other != first for other in others):
        raise click.UsageError(
            f"the routes require different issuers or audiences: choose one with --route ({', '.join(required)})"
        )
    return first
