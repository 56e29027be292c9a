"""Starts the local edges for the commands."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from fanroute.cli.output import remark
from fanroute.devserver import install as installing
from fanroute.devserver import pushpin as pushpins
from fanroute.devserver.addresses import ADDRESS
from fanroute.devserver.config import EdgeUrls, LocalBackend, Stores
from fanroute.devserver.events import Emit
from fanroute.devserver.pushpin import Pushpin
from fanroute.devserver.running import FoundEdge, find_running
from fanroute.project.folder import read
from fanroute.project.used_files import UsedFiles
from fanroute.project.workspace import Workspace
from fanroute_runtime.plan import Plan

EDGES = click.Choice(["embedded", "viceroy"])
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Holds the options with which a local edge is started.

    Args:
        edge: one of EDGES.
        ports: the ports of the edge and of its publish endpoint; 0 means any free port.
        private: True if logs other than the edge's own must not contain URLs.
        allowed: further names of this machine under which programs may publish.
        hosts: the entries of the local store that let local names stand for a host.
        pushpin: the Pushpin to start instead of the newest one.
        follows: True if what is served can be replaced. The embedded edge can always do that.
        listen: an address at which clients reach the edge and its publish endpoint, besides 127.0.0.1.
        tested: the Plan whose secret headers get texts that name their secrets, as in a trace; None if they get the secrets.
    """

    edge: str
    ports: tuple[int, int] = (0, 0)
    private: bool = False
    allowed: Collection[str] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    pushpin: Path | None = None
    follows: bool = False
    listen: str = ADDRESS
    tested: Plan | None = None


@asynccontextmanager
async def running_edge(
    options: EdgeOptions,
    workspace: Workspace,
    backends: Mapping[str, LocalBackend | None],
    loopback: str,
    say: Say,
    emit: Emit,
    plan: Plan | None = None,
) -> AsyncIterator[EdgeUrls]:
    """Runs a local edge for the component that a folder has built, with the stores of its fastly.toml. Yields its URLs.

    Args:
        options: how to start it.
        workspace: the folder.
        backends: the address of each backend, by name.
        loopback: the name of the loopback backend.
        say: is called with a line about each step that takes time.
        emit: takes each event of the edge.
        plan: that of the component. With it, no event contains a token, and the embedded edge reports routes.
    """
    # Imported late: the other commands need neither wasmtime nor aiohttp.
    from fanroute.devserver import embedded, viceroy
    from fanroute.devserver.judging import Judge
    from fanroute.devserver.load import load_component
    from fanroute.devserver.visits import Reporter
    from fanroute.host.component import EmbeddedComponent

    stores = local_stores(workspace, options.hosts, UsedFiles())
    if options.tested:
        stores = stores.with_stand_ins(options.tested)
    started: AbstractAsyncContextManager[EdgeUrls]
    workspace.refuse_links()
    reporter = Reporter(emit)
    if plan:
        reporter.hide_secrets_of(plan)
    if options.edge == "viceroy":
        cache = workspace.cache.trusted_folder()
        fanout = await asyncio.to_thread(_pushpin, options.pushpin, cache, say)
        program = await asyncio.to_thread(installing.ensure_viceroy, cache, say)
        say(f"Starting Pushpin {fanout.version} (logs: {workspace.logs}) and Viceroy, which compiles the component (about 10 s)")
        started = viceroy.serve(
            program,
            fanout.program,
            viceroy.ViceroyService(workspace.wasm, backends, loopback, stores, plan),
            workspace.logs,
            *options.ports,
            reporter,
            options.private,
            options.allowed,
            options.follows,
            options.listen,
        )
    else:
        reason = workspace.cache.reason
        say(f"Loading the component, which is compiled {f'each time: {reason}' if reason else 'the first time'} (about 2 s)")
        engine, component = await asyncio.to_thread(load_component, workspace.wasm, workspace.cache)
        embedded_component = EmbeddedComponent(engine, component)
        started = embedded.serve(
            embedded_component, backends, loopback, *options.ports, reporter, stores, options.allowed, Judge(plan), options.listen
        )
    with _libraries_logged():
        async with started as urls:
            yield urls


def local_stores(workspace: Workspace, hosts: Mapping[str, str], files: UsedFiles) -> Stores:
    """Returns the stores of a local edge: those of the folder's fastly.toml, and the one that only local edges have.

    Raises BadManifest, and Invalid if fastly.toml is not a file.

    Args:
        workspace: the folder.
        hosts: the entries of the local store that let local names stand for a host.
        files: remembers what is read.
    """
    from fanroute.devserver.stores import read_local_stores  # late, for the commands that start no edge

    def read_beside(path: str) -> bytes:
        file = workspace.manifest.parent / path
        return files.read(file, lambda: read(file))

    text = files.read(workspace.manifest, workspace.read_manifest) or ""
    return read_local_stores(text, read_beside, os.environ).with_local_store(hosts, workspace.token_key)


@contextmanager
def _libraries_logged() -> Iterator[None]:
    """Prints the log of libraries, such as an unexpected exception, like all other output."""
    handler = _RemarkHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class _RemarkHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            remark(line)


def _pushpin(chosen: Path | None, cache: Path, say: Say) -> Pushpin:
    """Returns the chosen Pushpin, or the newest installed one; installs one if there is none. Raises ProgramFailed."""
    if chosen:
        return pushpins.identify(chosen)
    return pushpins.find_newest(cache) or installing.ensure_pushpin(cache, say)


def find_edge(workspace: Workspace) -> FoundEdge:
    """Returns the local edge that runs for a folder, or one at the usual ports, and says so. Raises OSError and Invalid."""
    edge = find_running(workspace)
    say_if_uncertain(edge, workspace, "trying the usual ports")
    return edge


def say_if_uncertain(edge: FoundEdge, workspace: Workspace, otherwise: str) -> None:
    """Says that no local edge was found for a folder, if none was. `otherwise` says what is done with the usual ports."""
    if edge.left_behind:
        remark(f"The local edge that wrote {workspace.serving} has ended: {otherwise}")
    elif not edge.is_certain:
        remark(f"No `fanroute serve` runs for {workspace.routes}: {otherwise}")
