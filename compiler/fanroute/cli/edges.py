"""The local edges, as commands start them."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from fanroute.cli.next_steps import Urls
from fanroute.cli.output import remark
from fanroute.devserver import install as installing
from fanroute.devserver import pushpin as pushpins
from fanroute.devserver.config import LocalBackend
from fanroute.devserver.pushpin import Pushpin
from fanroute.project.folder import read
from fanroute.project.workspace import Workspace

EDGES = click.Choice(["embedded", "viceroy"])
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Says how a local edge is started.

    Args:
        edge: one of EDGES.
        ports: of the edge and of its publish endpoint; 0 for a free one.
        private: whether logs other than the edge's own tell no URL.
        allowed: further names of this machine by which the publish port may be asked.
        hosts: the entries of the local store by which local names stand for a host.
        pushpin: the one to start, in place of the newest there is.
    """

    edge: str
    ports: tuple[int, int] = (0, 0)
    private: bool = False
    allowed: Collection[str] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    pushpin: Path | None = None


@asynccontextmanager
async def running(
    options: EdgeOptions,
    workspace: Workspace,
    backends: Mapping[str, LocalBackend | None],
    loopback: str,
    say: Say,
    log: Say,
) -> AsyncIterator[Urls]:
    """A local edge that serves what a folder has built, with the stores of its fastly.toml, as long as the context lasts.

    Args:
        options: how it is started.
        workspace: the folder.
        backends: where each backend is, and `loopback` the name of the loopback among them; as for `embedded.serve`.
        say: is told what there is to wait for, and `log` each request.
    """
    # Imported here: the other commands do without wasmtime and aiohttp.
    from fanroute.devserver import embedded, viceroy
    from fanroute.devserver.load import load_component
    from fanroute.devserver.stores import read_local_stores
    from fanroute.host.component import EmbeddedComponent

    folder = workspace.manifest.parent
    stores = read_local_stores(workspace.read_manifest() or "", lambda path: read(folder / path), os.environ)
    stores = stores.with_local_store(options.hosts)
    workspace.refuse_links()
    if options.edge == "viceroy":
        cache = workspace.cache.trusted_folder()
        fanout = await asyncio.to_thread(_pushpin, options.pushpin, cache, say)
        program = await asyncio.to_thread(installing.ensure_viceroy, cache, say)
        say(f"Starting Pushpin {fanout.version} (logs: {workspace.logs}) and Viceroy, which compiles the component for some 10 s")
        started = viceroy.serve(
            program,
            fanout.program,
            workspace.wasm,
            workspace.logs,
            backends,
            loopback,
            *options.ports,
            log,
            stores,
            options.private,
            options.allowed,
        )
    else:
        unused = workspace.cache.reason
        say(f"Loading the component, which is compiled {f'each time: {unused}' if unused else 'the first time'} (for some 6 s)")
        engine, component = await asyncio.to_thread(load_component, workspace.wasm, workspace.cache)
        served = EmbeddedComponent(engine, component)
        started = embedded.serve(served, backends, loopback, *options.ports, log, stores, options.allowed)
    with _remarked():
        async with started as urls:
            yield Urls(urls.edge, urls.publish)


@contextmanager
def _remarked() -> Iterator[None]:
    """Prints what libraries log, such as an exception that nobody expected, as everything else is printed."""
    handler = _Remarks()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class _Remarks(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            remark(line)


def _pushpin(chosen: Path | None, cache: Path, say: Say) -> Pushpin:
    """Returns the chosen Pushpin, or the newest there is, installed if there is none. Raises ProgramFailed."""
    if chosen:
        return pushpins.identify(chosen)
    return pushpins.find_newest(cache) or installing.ensure_pushpin(cache, say)
