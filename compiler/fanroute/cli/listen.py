"""`fanroute listen`: holds a connection, and prints what arrives."""

import asyncio
import base64
import json
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import click

from fanroute.cli.edges import find_edge
from fanroute.cli.ending import until_stopped
from fanroute.cli.options import compile_if_valid, env_option, examples, routes_option
from fanroute.cli.output import exit_failed, exit_on_failure, fail, remark, say, say_json
from fanroute.cli.request_options import checked, header_pair
from fanroute.client.listening import ListenFailed, Received, Target
from fanroute.client.listening import listen as hold
from fanroute.client.targets import PREFERRED, Client, Routes, target_of_channel, target_of_url
from fanroute.devserver.config import host_entries
from fanroute.devserver.running import FoundEdge, find_running
from fanroute.diagnostics.printable import counted
from fanroute.project.hosts import is_host_name
from fanroute.project.workspace import Workspace
from fanroute.routetests.document import request_url
from fanroute_runtime.plan import Route


def _token(context: click.Context, option: click.Parameter, value: str) -> str:
    """Checks the value of --token, and tells no part of it."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise click.BadParameter("a token has only printable ASCII characters, and no space")
    return value


def _seconds(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("it must be a number of seconds")
    return value


def _header(text: str) -> tuple[str, str]:
    name, value = header_pair(text)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"the value of {name} is not UTF-8", param_hint="-H") from None
    return name, value


@click.command(
    epilog=examples(
        "fanroute listen test",
        "fanroute listen /test/long-poll --count 2 --timeout 60",
        "fanroute listen http://127.0.0.1:7676/test/sse -H 'Last-Event-ID: 7' --format json",
        "fanroute listen ws://127.0.0.1:7676/test/websocket",
    )
)
@click.argument("what", metavar="URL|CHANNEL")
@click.option("--sse", is_flag=True, help="Listen to server-sent events.")
@click.option("--stream", is_flag=True, help="Show a stream as it comes, event streams too.")
@click.option("--long-poll", is_flag=True, help="Ask again after each answer.")
@click.option("--websocket", is_flag=True, help="Open a WebSocket.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header to send. Can be repeated.")
@click.option(
    "--token",
    callback=_token,
    default="",
    metavar="TOKEN",
    help="The client's token, sent where the route looks for it; `fanroute token` makes one for a local edge.",
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N messages.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), callback=_seconds, metavar="SECONDS", help="End after this time."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@routes_option
@env_option
def listen(
    what: str,
    headers: tuple[str, ...],
    token: str,
    count: int | None,
    timeout: float | None,
    form: str,
    routes: Path,
    environment: str,
    **kinds: bool,
) -> None:
    """Listen at a URL or to a CHANNEL, and print what arrives until Ctrl-C.

    A URL can be a path, such as /test/sse, for the local edge that runs for the folder of routes.yaml. For a CHANNEL, it requests
    a route that has this channel. routes.yaml also says which kind of connection it is. If it does not, an option can.

    A connection that ends is opened again, as EventSource does, with the id of the last event. The exit code is 1 if --timeout
    ends it before N messages have come.
    """
    chosen = [kind for kind in PREFERRED if kinds[kind]]
    if len(chosen) > 1:
        raise click.UsageError("choose one kind of connection")
    workspace = Workspace(routes, environment=environment)
    with exit_on_failure(workspace):
        client = Client(tuple(map(_header, headers)), token, chosen[0] if chosen else None)
        edge = find_running(workspace) if "://" in what else find_edge(workspace)
        known = _routes(workspace, edge)
        try:
            target, route = _target(what, client, known, edge)
            remark(f"Listening at {urlsplit(target.url)._replace(query='').geturl()}{_route_text(route, token)}")
            finished = asyncio.run(_listen(target, _printer(form), count, timeout))
        except ListenFailed as failed:
            fail(f"error: {failed}")
    if count is not None and not finished:
        exit_failed()


def _routes(workspace: Workspace, edge: FoundEdge) -> Routes | None:
    """Returns the routes of the folder, if there are valid ones."""
    compiled = compile_if_valid(workspace)
    if compiled is None:
        return None
    hosts = host_entries(compiled.plan.routes, compiled.loopback_host) if edge.hosts is None else edge.hosts
    return Routes(compiled.plan, hosts)


def _target(what: str, client: Client, routes: Routes | None, edge: FoundEdge) -> tuple[Target, Route | None]:
    """Returns what to listen to, and its route, if that is known. Raises ListenFailed and click.BadParameter."""
    url = edge.edge + what if what.startswith("/") else what
    scheme, separator, rest = url.partition("://")
    if separator:
        plain = f"{scheme.lower().replace('ws', 'http', 1)}://{rest}"
        checked(request_url, plain, "URL")
        if not is_host_name(urlsplit(plain).hostname or ""):
            raise click.BadParameter(f"{what!a} has a host that DNS cannot have", param_hint="URL")
        return target_of_url(f"{scheme.lower()}://{rest}", client, routes)
    if routes is None:
        raise click.BadParameter("a channel is found with a routes.yaml: write a URL, or --routes", param_hint="CHANNEL")
    return target_of_channel(what, client, routes, edge.edge)


def _route_text(route: Route | None, token: str) -> str:
    if route is None:
        return ""
    missing = ", which requires a token (--token)" if route.auth and not token else ""
    return f" (route '{route.name}'{missing})"


async def _listen(target: Target, show: Callable[[Received], None], count: int | None, timeout: float | None) -> bool:
    """Listens until enough messages have come, the time is over, or Ctrl-C. Returns True unless the time is over.

    Raises ListenFailed.
    """
    left = count

    def receive(received: Received) -> None:
        nonlocal left
        show(received)
        if left is not None:
            left -= 1
            if left == 0:
                raise _Enough

    with until_stopped(), suppress(_Enough):
        try:
            async with asyncio.timeout(timeout):
                await hold(target, receive, remark)
        except TimeoutError:
            return False
    return True


class _Enough(Exception):
    """Ends the listening after enough messages."""


def _printer(form: str) -> Callable[[Received], None]:
    """Returns a function that prints what arrives, as text or as one JSON object on a line."""

    def print_text(received: Received) -> None:
        marks = [f"{received.status}"] if received.status else []
        marks += [f"event={received.event}"] if received.event not in ("", "message") else []
        marks += [f"id={received.id}"] if received.id else []
        data = received.data
        text = f"{counted(len(data), 'byte')}: {data.hex()}" if isinstance(data, bytes) else data.removesuffix("\n")
        for line in text.split("\n"):
            say(" ".join([*marks, line]))

    def print_json(received: Received) -> None:
        data = received.data
        content = {"data-bin": base64.b64encode(data).decode()} if isinstance(data, bytes) else {"data": data}
        marks = {"event": received.event, "id": received.id, "status": received.status}
        say_json(json.dumps({"kind": received.kind} | {name: value for name, value in marks.items() if value} | content))

    return print_json if form == "json" else print_text
