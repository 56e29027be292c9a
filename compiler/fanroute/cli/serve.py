"""`fanroute serve`: serves a routes.yaml on a local edge."""

import asyncio
import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import click

from fanroute.bundle.builder import Built
from fanroute.cli import next_steps
from fanroute.cli.beside import running_beside
from fanroute.cli.build import build_and_report, flatten_option
from fanroute.cli.edges import EDGES, EdgeOptions, running_edge
from fanroute.cli.ending import until_stopped
from fanroute.cli.options import env_option, env_words, examples, is_on_command_line, own_command, routes_argument
from fanroute.cli.output import exit_on_failure, remark, reserve_output_for_json, say, say_command, warn
from fanroute.cli.traffic import make_printer
from fanroute.client.grip_url import local_grip_url
from fanroute.devserver import guard
from fanroute.devserver.addresses import ADDRESS, is_own, names_of
from fanroute.devserver.config import EdgeUrls, host_entries, local_backends
from fanroute.devserver.events import Emit, Event, Serving
from fanroute.devserver.request_log import token_parameters
from fanroute.devserver.running import DEFAULT_PORT, DEFAULT_PUBLISH_PORT, announce
from fanroute.diagnostics.shell import path_word
from fanroute.doctor.machine import port_owner
from fanroute.pipeline import Compiled
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace
from fanroute.spec.types import is_host
from fanroute_runtime.matching.predicates import host_name

if TYPE_CHECKING:
    from fanroute.console.api import Console


def _host_names(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> frozenset[str]:
    """Checks the values of --allow-host."""
    known = {name: guard.normalize_host(name.removesuffix(".")) for name in names}
    for name, host in known.items():
        if host is None:
            raise click.BadParameter(f"{name!a} is not a host: write a name or an address, without scheme, port and wildcards.")
    return frozenset(host for host in known.values() if host)


def _address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Checks that this machine has an address. Raises click.BadParameter."""
    try:
        address = str(ip_address(value))
    except ValueError:
        raise click.BadParameter(f"{value!a} is not an IP address: write 127.0.0.1, or 0.0.0.0 for all of this machine") from None
    if not is_own(address):
        raise click.BadParameter(f"this machine does not have the address {address}")
    return address


def _as_host(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Returns a host, or a scheme and a host, in lower case and without a final dot. Raises click.BadParameter."""
    if value is None:
        return None
    scheme, separator, written = value.lower().rpartition("://")
    host = host_name(written)
    # `host_name` drops a port, which no route matches.
    alone = is_host(host) and not host.startswith("*") and written.removesuffix(".") == host
    if not alone or scheme not in (("http", "https") if separator else ("",)):
        raise click.BadParameter(f"{value!r} is not a host: write chat.example.com or https://chat.example.com, without a port")
    return f"{scheme}{separator}{host}"


def _command(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    """Splits a command as a shell does, into a program and its arguments; [] if there is none. Raises click.BadParameter."""
    if value is None:
        return []
    try:
        words = shlex.split(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} has a quote that is not closed") from None
    program = next(iter(words), "")
    if not shutil.which(program):
        hint = f"write env {value}" if "=" in program else "write the path of a program, or the name of one on PATH"
        raise click.BadParameter(f"there is no program {program!r}: {hint}")
    return words


@click.command(
    epilog=examples(
        "fanroute serve",
        "fanroute serve --open",
        "fanroute serve --with 'python3 server.py'",
        "fanroute serve --edge viceroy --port 8080",
        "fanroute serve --format json",
    )
)
@routes_argument
@env_option
@click.option("--edge", type=EDGES, default="embedded", show_default=True, help="Which local edge to run.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port to listen on. If it is 0 or taken, a free one is used.",
)
@click.option(
    "--publish-port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PUBLISH_PORT,
    show_default=True,
    help="The port to publish on, likewise.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    default=ADDRESS,
    show_default=True,
    callback=_address,
    help="An address of this machine to listen on too, or 0.0.0.0 for all. Others can then use the edge, and publish.",
)
@click.option(
    "--as-host",
    metavar="[SCHEME://]NAME",
    callback=_as_host,
    help="The host (and scheme) that localhost and 127.0.0.1 stand for in a match.  [default: the loopback backend's host]",
)
@click.option(
    "--allow-host",
    "allowed",
    multiple=True,
    metavar="NAME",
    callback=_host_names,
    help="Another name of this machine under which programs and pages may publish, such as host.docker.internal.",
)
@click.option(
    "--watch/--no-watch",
    default=True,
    show_default=True,
    help="Serve what is saved: routes.yaml, the files that it names, and the stores of fastly.toml.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How requests, connections and messages are reported. With json, standard output has one JSON object on each line.",
)
@flatten_option
@click.option("--console/--no-console", default=True, show_default=True, help="Serve the console, a page that shows the edge.")
@click.option(
    "--with",
    "beside",
    metavar="COMMAND",
    callback=_command,
    help="Also run a program, such as your server, without a shell. It gets GRIP_URL and EDGE_URL, and ends with the edge.",
)
@click.option("--open", "opens", is_flag=True, help="Open the console in the browser.")
@click.option(
    "--pushpin",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="FANROUTE_PUSHPIN",
    show_envvar=True,
    help="The Pushpin to use with --edge viceroy, instead of the newest one.",
)
def serve(
    routes: Path,
    environment: str,
    edge: str,
    port: int,
    publish_port: int,
    listen: str,
    as_host: str | None,
    allowed: frozenset[str],
    watch: bool,
    form: str,
    flatten: bool,
    console: bool,
    beside: list[str],
    opens: bool,
    pushpin: Path | None,
) -> None:
    """Build ROUTES (routes.yaml) and serve it on this machine until Ctrl-C.

    Routes that match a host also get requests for 127.0.0.1 and localhost: these names stand for the service's own host.
    """
    if edge != "viceroy" and is_on_command_line("pushpin"):
        raise click.UsageError("--pushpin is only for --edge viceroy: the embedded edge starts no Pushpin")
    if opens and not console:
        raise click.UsageError("--open opens the console, which --no-console leaves out")
    if form == "json":
        reserve_output_for_json()
    workspace = Workspace(routes, environment=environment)
    result = build_and_report(workspace, flatten)
    plan = result.compiled.plan
    private, hosts = bool(token_parameters(plan)), host_entries(plan.routes, as_host or result.compiled.loopback_host)
    allowed |= names_of(listen)
    options = EdgeOptions(edge, (port, publish_port), private, allowed, hosts, pushpin, watch, listen)
    follow = Follow(as_host, flatten) if watch else None
    with exit_on_failure(workspace):
        asyncio.run(_serve(workspace, result, options, Shown(form, console, opens), follow, beside))


@dataclass(frozen=True, slots=True)
class Follow:
    """Says how a save is served: what local names stand for (`--as-host`), and whether components are flattened."""

    as_host: str | None
    flatten: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """Says how the edge is shown: the form of what is printed, if there is a console, and if the browser opens it."""

    form: str
    console: bool
    opens: bool


async def _serve(
    workspace: Workspace, result: Built, options: EdgeOptions, shown: Shown, follow: Follow | None, beside: list[str]
) -> None:
    with until_stopped():
        backends, loopback = local_backends(result.compiled.backends)
        plan = result.compiled.plan
        # While saves are followed, the lines of requests say it, for the routes that are served then.
        listeners = [make_printer(shown.form, None if options.follows else plan, options.hosts)]

        def report(event: Event) -> None:
            for listener in listeners:
                listener(event)

        tell = remark if shown.form == "json" else say  # it is also called in other threads
        edge = running_edge(options, workspace, backends, loopback, tell, report, plan)
        async with edge as urls, AsyncExitStack() as stack:
            report(Serving(time=time(), service=plan.service, edge=urls.edge, publish=urls.publish))
            console = None
            if shown.console:
                from fanroute.console.server import serving as serving_console  # late: a wrong option needs no aiohttp

                console = _console(workspace, result.compiled, options, urls)
                listeners.append(console.report)
                url = await stack.enter_async_context(serving_console(console, options.allowed))
                say(f"Console: {url}")
                if shown.opens:
                    click.launch(url)
            announce_hosts = stack.enter_context(announce(workspace, urls, options.hosts))
            routes = "" if workspace.routes == Path(DEFAULT_ROUTES) else f" --routes {path_word(workspace.routes)}"
            routes += env_words(workspace.environment)
            makes_tokens = not workspace.cache.reason
            for line in next_steps.serve_lines(
                result.compiled, options.edge, urls, options.hosts, own_command(), routes, makes_tokens, options.listen
            ):
                say_command(line)
            changed = next_steps.changed_port_warnings(urls, options.ports, port_owner)
            for line in (*next_steps.exposed_warnings(options.listen, urls), *changed):
                warn(line)
            if beside:
                variables = {"EDGE_URL": urls.edge, "GRIP_URL": local_grip_url(urls.publish)}
                await stack.enter_async_context(running_beside(beside, variables, report))
            try:
                if follow:
                    await _serve_saves(workspace, result, urls, follow, report, announce_hosts, console)
                await asyncio.Event().wait()
            finally:
                say("Stopping")


def _console(workspace: Workspace, compiled: Compiled, options: EdgeOptions, urls: EdgeUrls) -> "Console":
    """Returns the console of a running edge."""
    from fanroute.console.api import Console
    from fanroute.devserver.embedded import RunningEdge
    from fanroute.devserver.viceroy import RunningViceroy

    channels = urls.channels if isinstance(urls, RunningEdge) else None
    stats = urls.stats if isinstance(urls, RunningViceroy) else None
    return Console(str(workspace.routes), options.edge, urls, channels, compiled, options.hosts, stats)


async def _serve_saves(
    workspace: Workspace,
    result: Built,
    edge: EdgeUrls,
    follow: Follow,
    report: Emit,
    announce_hosts: Callable[[Mapping[str, str]], None],
    console: "Console | None",
) -> None:
    """Serves what is saved."""
    # Late, as the edges: the help needs neither wasmtime nor aiohttp.
    from fanroute.cli.saving import Followed
    from fanroute.cli.saving_embedded import InterpretedSaving
    from fanroute.cli.saving_viceroy import RestartedSaving
    from fanroute.devserver.embedded import RunningEdge
    from fanroute.devserver.viceroy import RunningViceroy

    followed = Followed(workspace, follow.as_host, follow.flatten, result.compiled, report, announce_hosts, console)
    if isinstance(edge, RunningEdge):
        await InterpretedSaving(followed, edge).run()
    elif isinstance(edge, RunningViceroy):
        await RestartedSaving(followed, edge).run()
