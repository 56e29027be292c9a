"""From a routes.yaml to what runs: `build`, `serve` and `install`."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import click

from fanroute import build as building
from fanroute import guide
from fanroute.build import Built
from fanroute.cli.given import DEFAULT_ROUTES, routes_argument
from fanroute.cli.terminal import failures, say, tell, working
from fanroute.local import install as installing
from fanroute.workspace import Workspace

DEFAULT_PORT, DEFAULT_PUBLISH_PORT = 7676, 5561


@click.command()
@routes_argument
def build(routes: Path) -> None:
    """Build bin/main.wasm from ROUTES (routes.yaml), and keep fastly.toml in step with it."""
    _built(Workspace(routes))


@click.command()
@routes_argument
@click.option("--edge", type=click.Choice(["embedded", "viceroy"]), default="embedded", show_default=True, help="What serves.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0, or taken: a free one.")
@click.option("--publish-port", type=click.IntRange(0, 65535), default=DEFAULT_PUBLISH_PORT, show_default=True, help="Likewise.")
def serve(routes: Path, edge: str, port: int, publish_port: int) -> None:
    """Build ROUTES (routes.yaml) and serve it on 127.0.0.1 until Ctrl-C."""
    workspace = Workspace(routes)
    built = _built(workspace)
    with failures(workspace):
        asyncio.run(_serve(workspace, built, edge, port, publish_port))


@click.command()
def install() -> None:
    """Install Viceroy and Pushpin, for `serve --edge viceroy`, where they are missing."""
    with failures(Workspace(Path(DEFAULT_ROUTES))):
        say(f"Pushpin: {installing.pushpin(say)}")
        say(f"Viceroy: {installing.viceroy(_cache_folder(), say)}")


def _built(workspace: Workspace) -> Built:
    started = monotonic()
    with failures(workspace), working("Building"):
        built = building.build(workspace, say)
    size = workspace.wasm.stat().st_size / 1e6
    tell([diagnostic for diagnostic in built.compiled.diagnostics if diagnostic.severity == "warning"], workspace)
    how = f"built in {monotonic() - started:.1f} s" if built.made else "nothing has changed"
    say(f"{workspace.wasm}: {size:.1f} MB, {how}")
    for line in guide.publishing(built.compiled, built.service_id):
        say(line)
    return built


async def _serve(workspace: Workspace, built: Built, edge: str, port: int, publish_port: int) -> None:
    serving = asyncio.current_task()
    assert serving is not None
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, serving.cancel)
    with suppress(asyncio.CancelledError):
        async with _edge(workspace, built, edge, port, publish_port) as urls:
            for line in guide.serving(built.compiled, edge, urls):
                say(line)
            try:
                await asyncio.Event().wait()
            finally:
                say("Stopping")


@asynccontextmanager
async def _edge(workspace: Workspace, built: Built, edge: str, port: int, publish_port: int) -> AsyncIterator[guide.Urls]:
    # Imported here: `check` and `build` do without wasmtime and aiohttp.
    from fanroute.local import addresses, server, viceroy
    from fanroute.local.host import EmbeddedComponent, load

    backends, loopback = addresses(built.compiled.backends)
    if edge == "viceroy":
        pushpin = await asyncio.to_thread(installing.pushpin, say)
        program = await asyncio.to_thread(installing.viceroy, _cache_folder(), say)
        say(f"Starting Pushpin (its logs: {workspace.logs}) and Viceroy, which compiles the component for some 10 s")
        running = viceroy.listening(program, pushpin, workspace.wasm, workspace.logs, backends, loopback, port, publish_port, say)
    else:
        say("Loading the component (the first time it is compiled, for some 6 s)")
        engine, component = await asyncio.to_thread(load, workspace.wasm, workspace.compiled())
        running = server.listening(EmbeddedComponent(engine, component), backends, loopback, port, publish_port, say)
    async with running as listening:
        yield guide.Urls(listening.edge, listening.publish)


def _cache_folder() -> Path:
    """Where what was installed for all projects is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fanroute"
