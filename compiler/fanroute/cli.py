"""The commands. The only module that prints and exits: 0 done, 1 wrong input, 2 wrong usage."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fanroute import __version__, guide, listing, reference, report
from fanroute.build import Built, build
from fanroute.checks import did_you_mean
from fanroute.diagnostics import Diagnostic, Invalid, fails
from fanroute.local import install as installing
from fanroute.manifest import BadManifest
from fanroute.pipeline import Compiled, compile_routes
from fanroute.programs import ProgramFailed
from fanroute.rules import CODES
from fanroute.source import decode
from fanroute.trace import Asked, trace
from fanroute.workspace import Workspace, runtime_sources
from fanroute_runtime import signature

DEFAULT_PORT, DEFAULT_PUBLISH_PORT = 7676, 5561
# Longest row of a table in a pipe, in characters.
MAX_ROW = 10_000
# How much of a failed program's output is shown, in lines.
OUTPUT_LINES = 30

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

routes_file = click.argument("routes", type=click.Path(path_type=Path), default="routes.yaml")


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Realtime push at Fastly's edge, described in routes.yaml."""


@main.command("check")
@routes_file
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--deny", type=click.Choice(["warnings"]), help="What else is exit code 1.")
def check_command(routes: Path, form: str, deny: str | None) -> None:
    """Say what is wrong with ROUTES (routes.yaml), without building.

    As text for you; as JSON on standard output for programs (docs/diagnostics.schema.json describes it); or as
    GitHub's workflow commands, which show each mistake at its line of a pull request.
    """
    workspace = Workspace(routes)
    with _failures(workspace):
        try:
            compiled = compile_routes(workspace.read_routes(), runtime_sources())
        except Invalid as invalid:
            found = invalid.diagnostics
        else:
            found = list(compiled.diagnostics)
            if form == "text":
                _say(f"{routes}: {len(compiled.plan.routes)} routes, {report.summary(found)}")
        _tell(found, workspace, form)
    if fails(found, deny_warnings=deny == "warnings"):
        sys.exit(1)


def _tell(diagnostics: list[Diagnostic], workspace: Workspace, form: str) -> None:
    """Print diagnostics: for people to standard error, for programs to standard output."""
    file = str(workspace.routes)
    if form == "json":
        _say(report.report(diagnostics, file).model_dump_json(indent=2))
    elif form == "github" and diagnostics:
        _say(report.github(diagnostics, file))
    elif diagnostics:
        err.print(report.styled(diagnostics, file, _text(workspace)))


@main.command("explain")
@click.argument("code", required=False)
def explain_command(code: str | None) -> None:
    """Say more of a diagnostic's CODE, as of FR203; without a code, list all."""
    if code is None:
        for rule in CODES.values():
            _say(f"{rule.code}  {rule.severity:7}  {rule.title}")
    elif code.upper() in CODES:
        _say(reference.explained(CODES[code.upper()], runtime_sources()).rstrip("\n"))
    else:
        raise click.BadParameter(f"unknown code {code!r}; {did_you_mean(code.upper(), CODES, 'codes')}", param_hint="CODE")


@main.command("routes")
@routes_file
def routes_command(routes: Path) -> None:
    """List the routes of ROUTES (routes.yaml), in the order in which they are tried."""
    table = Table(*listing.COLUMNS, box=None, pad_edge=False)
    for row in listing.rows(_compiled(routes).plan):
        table.add_row(*map(escape, row))
    # In a pipe, a route is a line.
    (out if out.is_terminal else Console(width=MAX_ROW, emoji=False)).print(table)


@main.command("match")
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request.")
@click.option("--via-fanout", is_flag=True, help="As Fanout asks, with a Grip-Sig.")
@click.option("--routes", type=click.Path(path_type=Path), default="routes.yaml", show_default=True)
def match_command(method: str, url: str, headers: tuple[str, ...], via_fanout: bool, routes: Path) -> None:
    """Say what a request does: which route it gets and why, and the headers of both passes.

    For instance: fanroute match GET https://chat.example.com/rooms/blue -H 'X-Plan: pro'
    """
    if not url.startswith(("http://", "https://")) or not url.isascii() or not url.isprintable() or " " in url:
        raise click.BadParameter("it begins with http:// or https://, and is percent-encoded", param_hint="URL")
    pairs = [_header(header) for header in headers]
    if via_fanout:
        pairs.append((signature.HEADER, b"Fanout's"))
    compiled = _compiled(routes)
    loopback = next((backend.name for backend in compiled.backends if backend.loopback), "")
    for line in listing.trace_lines(trace(compiled.plan, loopback, Asked(method, url, tuple(pairs)))):
        _say(line)


def _header(text: str) -> tuple[str, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r} is not 'NAME: VALUE'", param_hint="-H")
    return name.strip().lower(), value.strip().encode("utf-8", "surrogateescape")


def _compiled(routes: Path) -> Compiled:
    workspace = Workspace(routes)
    with _failures(workspace):
        return compile_routes(workspace.read_routes(), runtime_sources())


@main.command("build")
@routes_file
def build_command(routes: Path) -> None:
    """Build bin/main.wasm from ROUTES (routes.yaml), and keep fastly.toml in step with it."""
    _built(Workspace(routes))


@main.command()
@routes_file
@click.option("--edge", type=click.Choice(["embedded", "viceroy"]), default="embedded", show_default=True, help="What serves.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0, or taken: a free one.")
@click.option("--publish-port", type=click.IntRange(0, 65535), default=DEFAULT_PUBLISH_PORT, show_default=True, help="Likewise.")
def serve(routes: Path, edge: str, port: int, publish_port: int) -> None:
    """Build ROUTES (routes.yaml) and serve it on 127.0.0.1 until Ctrl-C."""
    workspace = Workspace(routes)
    built = _built(workspace)
    with _failures(workspace):
        asyncio.run(_serve(workspace, built, edge, port, publish_port))


@main.command()
def install() -> None:
    """Install Viceroy and Pushpin, for `serve --edge viceroy`, where they are missing."""
    with _failures(Workspace(Path("routes.yaml"))):
        _say(f"Pushpin: {installing.pushpin(_say)}")
        _say(f"Viceroy: {installing.viceroy(cache_folder(), _say)}")


def _built(workspace: Workspace) -> Built:
    started = monotonic()
    with _failures(workspace), err.status("Building"):
        built = build(workspace, _say)
    size = workspace.wasm.stat().st_size / 1e6
    how = f"built in {monotonic() - started:.1f} s" if built.made else "nothing has changed"
    _say(f"{workspace.wasm}: {size:.1f} MB, {how}")
    for line in guide.publishing(built.compiled, built.service_id):
        _say(line)
    return built


async def _serve(workspace: Workspace, built: Built, edge: str, port: int, publish_port: int) -> None:
    serving = asyncio.current_task()
    assert serving is not None
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, serving.cancel)
    with suppress(asyncio.CancelledError):
        async with _edge(workspace, built, edge, port, publish_port) as urls:
            for line in guide.serving(built.compiled, edge, urls):
                _say(line)
            try:
                await asyncio.Event().wait()
            finally:
                _say("Stopping")


@asynccontextmanager
async def _edge(workspace: Workspace, built: Built, edge: str, port: int, publish_port: int) -> AsyncIterator[guide.Urls]:
    # Imported here: `check` and `build` do without wasmtime and aiohttp.
    from fanroute.local import addresses, server, viceroy
    from fanroute.local.host import EmbeddedComponent, load

    backends, loopback = addresses(built.compiled.backends)
    if edge == "viceroy":
        pushpin = await asyncio.to_thread(installing.pushpin, _say)
        program = await asyncio.to_thread(installing.viceroy, cache_folder(), _say)
        _say(f"Starting Pushpin (its logs: {workspace.logs}) and Viceroy, which compiles the component for some 10 s")
        running = viceroy.listening(
            program, pushpin, workspace.wasm, workspace.logs, backends, loopback, port, publish_port, _say
        )
    else:
        _say("Loading the component (the first time it is compiled, for some 6 s)")
        engine, component = await asyncio.to_thread(load, workspace.wasm, workspace.compiled())
        running = server.listening(EmbeddedComponent(engine, component), backends, loopback, port, publish_port, _say)
    async with running as listening:
        yield guide.Urls(listening.edge, listening.publish)


def cache_folder() -> Path:
    """Where what was installed for all projects is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fanroute"


@contextmanager
def _failures(workspace: Workspace) -> Iterator[None]:
    """What can be wrong with a user's files and machine, said in one message; then exit code 1."""
    try:
        yield
    except Invalid as invalid:
        _tell(invalid.diagnostics, workspace, "text")
        sys.exit(1)
    except BadManifest as bad:
        _fail(f"{workspace.manifest}:{bad.line}:{bad.column}: error: {bad}")
    except ProgramFailed as failed:
        lines = failed.output.strip().splitlines()[-OUTPUT_LINES:]
        _fail("\n".join([f"error: {failed}", *(f"  {line}" for line in lines)]))
    except OSError as error:
        _fail(f"error: {error}")


def _text(workspace: Workspace) -> str:
    """The file's text, for excerpts; empty if it is none."""
    try:
        return decode(workspace.read_routes())
    except Invalid:
        return ""


def _say(line: str) -> None:
    out.print(escape(line))


def _fail(message: str) -> NoReturn:
    err.print(escape(message))
    sys.exit(1)
