"""`fanroute match`: shows what happens to a request."""

from pathlib import Path

import click

from fanroute.cli.options import compile_or_exit, env_option, examples, routes_option
from fanroute.cli.output import say
from fanroute.cli.request_options import checked, header_pair, parse_claims, too_deep
from fanroute.devserver.config import host_entries
from fanroute.plan.request import CLIENT_ADDRESS, UNKNOWN_ADDRESS, RequestData
from fanroute.plan.trace import trace_lines
from fanroute.routetests.document import client_address, request_url
from fanroute.routetests.tried import Trial
from fanroute.spec.types import check_method


@click.command(
    epilog=examples(
        "fanroute match GET https://chat.example.com/rooms/blue",
        "fanroute match GET https://chat.example.com/ -H 'X-Plan: pro' --via-fanout",
        "fanroute match POST https://chat.example.com/admin --client-ip 203.0.113.7",
        """fanroute match GET https://chat.example.com/events --claims '{"sub": "ann"}'""",
    )
)
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request.")
@click.option(
    "--client-ip",
    metavar="ADDRESS",
    default=CLIENT_ADDRESS,
    show_default=True,
    help=f"The address of the client's connection, or '{UNKNOWN_ADDRESS}'.",
)
@click.option("--claims", metavar="JSON", help="The claims of the client's token. The token is added where the route expects it.")
@click.option("--via-fanout", is_flag=True, help="Make the request as Fanout does, with a Grip-Sig.")
@routes_option
@env_option
def match(
    method: str,
    url: str,
    headers: tuple[str, ...],
    client_ip: str,
    claims: str | None,
    via_fanout: bool,
    routes: Path,
    environment: str,
) -> None:
    """Show what happens to a request: which route it gets and why, and the headers of both passes.

    Nothing is sent. The code that runs at the edge computes the result.
    """
    request = RequestData(
        checked(check_method, method, "METHOD"),
        checked(request_url, url, "URL"),
        tuple(map(_header, headers)),
        address=checked(client_address, client_ip, "--client-ip"),
    )
    compiled = compile_or_exit(routes, environment)
    trial = Trial(compiled, host_entries(compiled.plan.routes, compiled.loopback_host))
    try:
        tried = trial.run(request, None if claims is None else parse_claims(claims), via_fanout)
    except RecursionError:
        raise too_deep() from None
    for line in trace_lines(tried.trace):
        say(line)
    if tried.token_unused:
        say("Note: no route that takes this request requires a token, so --claims has no effect")
    if tried.key_unread:
        say("Note: the key of this token is in a store, and this command reads none. To try what a token allows, use --claims")
    if tried.mismatch:
        say(f"Note: {tried.mismatch}")


def _header(text: str) -> tuple[str, bytes]:
    name, value = header_pair(text)
    if name.lower() == "host":
        raise click.BadParameter("the Host header is the URL's host: write it in the URL", param_hint="-H")
    return name.lower(), value.encode("utf-8", "surrogateescape")
