"""What will a request do? `routes` and `match`."""

import json
import shlex
from pathlib import Path
from typing import Any

import click

from fanroute import listing
from fanroute.cli.given import DEFAULT_ROUTES, compiled, examples, own_command, routes_argument, routes_option
from fanroute.cli.terminal import say, say_command, show
from fanroute.local import Stores
from fanroute.local_hosts import host_entries, kept_by_host
from fanroute.reach.request import witnesses
from fanroute.testing.outcome import tracer_of
from fanroute.tokens import with_token
from fanroute.trace import Asked


@click.command(epilog=examples("fanroute routes", "fanroute routes --witness"))
@routes_argument
@click.option("--witness", is_flag=True, help="Instead of the routes, a request that each one gets.")
def routes(routes: Path, witness: bool) -> None:
    """List the routes of ROUTES (routes.yaml), in the order in which they are tried.

    With --witness, for each of them a request that it gets, as a command that explains it.
    """
    if witness:
        options = "" if routes == Path(DEFAULT_ROUTES) else f" --routes {shlex.quote(str(routes))}"
        for line in witnesses(compiled(routes).plan, options, own_command()):
            say_command(line)
        return
    show(listing.COLUMNS, listing.rows(compiled(routes).plan))


@click.command(
    epilog=examples(
        "fanroute match GET https://chat.example.com/rooms/blue",
        "fanroute match GET https://chat.example.com/ -H 'X-Plan: pro' --via-fanout",
        """fanroute match GET https://chat.example.com/events --claims '{"sub": "ann"}'""",
    )
)
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request.")
@click.option("--claims", metavar="JSON", help="Those of the client's token, such as the route asks for.")
@click.option("--via-fanout", is_flag=True, help="As Fanout asks, with a Grip-Sig.")
@routes_option
def match(method: str, url: str, headers: tuple[str, ...], claims: str | None, via_fanout: bool, routes: Path) -> None:
    """Say what a request does: which route it gets and why, and the headers of both passes.

    Nothing is sent: it is worked out by the code that ships.
    """
    if not url.startswith(("http://", "https://")) or not url.isascii() or not url.isprintable() or " " in url:
        raise click.BadParameter("it begins with http:// or https://, and is percent-encoded", param_hint="URL")
    known = compiled(routes)
    stores = Stores().with_local(host_entries(known.plan.routes, known.loopback_host))
    asked = Asked(method, url, tuple(map(_header, headers)), configs=stores.config)
    tracer = tracer_of(known)
    without = asked
    if claims is not None:
        try:
            asked = with_token(asked, _claims(claims), tracer)
        except RecursionError:
            raise click.BadParameter("the JSON is nested too deeply", param_hint="--claims") from None
    unused = claims is not None and asked == without
    if via_fanout:
        asked = tracer.through_fanout(asked)
    trace = tracer.trace(asked)
    for line in listing.trace_lines(trace):
        say(line)
    if unused:
        say("Note: no route that takes this request asks for a token, so --claims changes nothing")
    if kept := kept_by_host(trace, known.plan):
        say(f"Note: {kept}")


def _claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise click.BadParameter('write a JSON object, as \'{"sub": "ann"}\'', param_hint="--claims")
    return claims


def _header(text: str) -> tuple[str, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r} is not 'NAME: VALUE'", param_hint="-H")
    return name.strip().lower(), value.strip(" \t").encode("utf-8", "surrogateescape")
