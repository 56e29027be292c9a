"""Serves a component on Viceroy, in place of Fastly Compute, and Pushpin, in place of Fanout."""

import asyncio
import re
import secrets
import socket
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import tomlkit

from fanroute.devserver import pushpin as pushpins
from fanroute.devserver import pushpin_stats
from fanroute.devserver.addresses import ADDRESS, listened_at
from fanroute.devserver.config import LOCAL_STORES, EdgeUrls, LocalBackend, Stores, locate
from fanroute.devserver.embedded import embedded_origin, http_servers
from fanroute.devserver.ports import free_ports
from fanroute.devserver.publishing import PATH, publish_handler, publisher_to_pushpin
from fanroute.devserver.pushpin import Pushpin
from fanroute.devserver.pushpin_stats import PushpinStats
from fanroute.devserver.relay import relaying
from fanroute.devserver.relayed import RelayedRequests, RelayedService
from fanroute.devserver.visits import Reporter
from fanroute.plan.signing import DEV_KEY
from fanroute.project import processes
from fanroute.project.folder import write
from fanroute.project.processes import Program, ProgramFailed
from fanroute_runtime.grip.signature import LOCAL_KEY
from fanroute_runtime.plan import Plan

# How long Viceroy may take to compile the component, and Pushpin to start, in seconds.
START_TIMEOUT = 120.0
# From this version on, Pushpin need not ask the backend again for what it holds, a second after a channel's first subscription.
UPDATES_ARE_OPTIONAL = (1, 41)
# Pushpin's log levels. From the second on it logs each request with its whole URL.
WARNINGS, REQUESTS = 1, 2
# The name of the socket at which Pushpin tells its stats.
STATS = "stats"
# How late Viceroy's timers may be, in nanoseconds. One of them rings 20,000 times a second, also if there are no requests, and
# takes 20 % of a processor if it is exact, or 1 % with this.
TIMER_SLACK = 5_000_000
# How many lines of a program are shown if it does not start.
LAST_LINES = 20

# The warning about an older one.
LOSES_MESSAGES = "can lose a message to a long-poll, about a second after the channel's first subscription; 1.41 does not"

# The beginning of each line of the two programs, and of the lines that do not help a user.
_TIME_AND_LEVEL = re.compile(r"^(\S+ +INFO +|\[INFO\] \S+ \S+ )(\[\w+\] )?(request\{id=\d+\}:)*\s*")
_HIDDEN_LINES = ("guest completed", "Proxying", "zhttp ", "start", "stop", "checking if", "backend ")


@dataclass(frozen=True, slots=True)
class ViceroyService:
    """Says what Viceroy serves.

    Args:
        wasm: the component.
        backends: where each backend is, or None if the embedded origin takes its place. The edge sets the URL of the loopback.
        loopback: the name of the loopback backend, "" if there is none.
        stores: the service's own, and the one that only local edges have.
        plan: that of the component. With it, no event contains a token, and requests have routes.
    """

    wasm: Path
    backends: Mapping[str, LocalBackend | None]
    loopback: str
    stores: Stores = LOCAL_STORES
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class RunningViceroy(EdgeUrls):
    """Names the URLs of a running Viceroy, and what it serves at first. `stats` are those of its Pushpin.

    `replace` starts another Viceroy, which serves something else as soon as it listens. Connections that are held stay with the
    former one, which ends with the last of them. `replace` raises ProgramFailed if the new one does not start. It is None if the
    edge does not follow what is saved.
    """

    stats: PushpinStats
    first: ViceroyService
    replace: Callable[[ViceroyService], Awaitable[None]] | None


@asynccontextmanager
async def serve(
    viceroy: Path,
    pushpin: Path,
    service: ViceroyService,
    logs: Path,
    port: int,
    publish_port: int,
    reporter: Reporter,
    private: bool = False,
    allowed: Collection[str] = (),
    follows: bool = False,
    listen: str = ADDRESS,
) -> AsyncIterator[RunningViceroy]:
    """Serves a component on Viceroy and Pushpin as long as the context lasts. Raises ProgramFailed if one does not start.

    Args:
        viceroy: the program.
        pushpin: the program.
        service: what is served at first.
        logs: the folder for Pushpin's logs.
        port: the edge's port. If it is 0 or taken, the edge gets a free one.
        publish_port: the port of the publish endpoint, likewise.
        reporter: reports what happens.
        private: keeps URLs out of these logs, because they can contain tokens.
        allowed: further names of this machine that a publish URL can have.
        follows: lets a relay listen on the port instead of Viceroy, so that what is served can be replaced.
        listen: an address at which clients reach the edge and its publish endpoint, besides ADDRESS. Another one needs the relay.
    """
    hidden = _hidden_address()
    addresses = listened_at(listen)
    port, proxy_port, pushpin_port, first_port = free_ports(port, 0, 0, 0, addresses=addresses)
    edge = f"http://{ADDRESS}:{port}"
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanroute-", ignore_cleanup_errors=True)))
        start_server = await stack.enter_async_context(http_servers())
        publisher = publisher_to_pushpin(f"http://{hidden}:{pushpin_port}", reporter)
        publish = await start_server(publish_handler(publisher, allowed, reporter), publish_port, addresses)
        origin = await start_server(embedded_origin, 0)
        found = pushpins.identify(pushpin)
        if found.number < UPDATES_ARE_OPTIONAL:
            reporter.notice(f"Pushpin {found.version} {LOSES_MESSAGES}")
        # Backends that are served no more stay in it, because a held connection may still need one.
        routes = _located(service, edge, origin, publish)
        # A later routes.yaml can take tokens from the query.
        quiet = private or follows
        files = pushpin_files(folder, logs.absolute(), routes, proxy_port, (hidden, pushpin_port), found, quiet)
        for path, content in files.items():
            write(path, content)
        pushpin_command: list[str | Path] = [pushpin, f"--config={folder / 'pushpin.conf'}"]
        await stack.enter_async_context(_started(pushpin_command, reporter, (ADDRESS, proxy_port), (hidden, pushpin_port)))

        stats = await stack.enter_async_context(pushpin_stats.listening(f"ipc://{folder / 'run' / STATS}"))

        def started_viceroy(service: ViceroyService, port: int) -> AbstractAsyncContextManager[None]:
            own = folder / f"viceroy-{port}"
            # The loopback is this process itself, so that its first look at the backends asks no other.
            backends = _located(service, f"http://{ADDRESS}:{port}", origin, publish)
            for path, content in viceroy_files(own, backends, service.stores).items():
                write(path, content)
            command: list[str | Path] = [viceroy, "serve", "-v", "-C", own / "fastly.toml", "--addr", f"{ADDRESS}:{port}"]
            command += ["--local-pushpin-proxy-port", str(proxy_port), service.wasm]
            return _started(command, reporter, (ADDRESS, port), timer_slack=TIMER_SLACK)

        if not follows and listen == ADDRESS:
            await stack.enter_async_context(started_viceroy(service, port))
            yield RunningViceroy(edge, publish + PATH, stats, service, None)
            return
        viceroys = await stack.enter_async_context(_Viceroys())
        await viceroys.start(first_port, started_viceroy(service, first_port))
        served = RelayedService(service.plan, service.stores)
        observed = partial(RelayedRequests, reporter, lambda: served)
        relay = await stack.enter_async_context(relaying(ADDRESS, port, first_port, observed, addresses))

        async def replace(service: ViceroyService) -> None:
            nonlocal served
            if service.plan:
                reporter.hide_secrets_of(service.plan)
            routes.update(_located(service, edge, origin, publish))
            write(folder / "routes", pushpin_routes(routes))
            [new] = free_ports(0)
            await viceroys.start(new, started_viceroy(service, new))
            former, served = relay.target, RelayedService(service.plan, service.stores)
            relay.lead_to(new)
            viceroys.end_after(former, relay.wait_until_left(former))

        yield RunningViceroy(edge, publish + PATH, stats, service, replace if follows else None)


def _located(service: ViceroyService, edge: str, origin: str, publish: str) -> dict[str, LocalBackend]:
    """Returns where each backend of a service is, given the URLs of the loopback, embedded origin and publish endpoint."""
    located = locate(service.backends, origin, publish)
    if service.loopback:
        located[service.loopback] = LocalBackend(edge, located[service.loopback].host)
    return located


class _Viceroys:
    """Keeps several Viceroys running, by their ports. They end with the context, or before."""

    def __init__(self) -> None:
        self._running: dict[int, AsyncExitStack] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._ending:
            task.cancel()
        for running in self._running.values():
            await running.aclose()

    async def start(self, port: int, started: AbstractAsyncContextManager[None]) -> None:
        """Starts a Viceroy by entering this context. Returns as soon as it listens."""
        running = AsyncExitStack()
        await running.enter_async_context(started)
        self._running[port] = running

    def end_after(self, port: int, condition: Awaitable[None]) -> None:
        """Ends a Viceroy as soon as a condition holds."""

        async def end() -> None:
            await condition
            await self._running.pop(port).aclose()

        task = asyncio.create_task(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


@asynccontextmanager
async def _started(
    command: Sequence[str | Path], reporter: Reporter, *listeners: tuple[str, int], timer_slack: int = 0
) -> AsyncIterator[None]:
    """Runs a program, which listens on all these addresses and ports. Raises ProgramFailed if it does not."""
    name = Path(command[0]).name
    lines: deque[str] = deque(maxlen=LAST_LINES)
    async with processes.running(command, _line_handler(name, reporter, lines), timer_slack=timer_slack) as process:
        await _wait_until_listening(process, name, listeners, lines)
        yield


def viceroy_files(folder: Path, backends: Mapping[str, LocalBackend], stores: Stores) -> dict[Path, bytes]:
    """Returns Viceroy's configuration, and a file for each secret: a secret is bytes, which TOML cannot contain."""
    secrets: dict[Path, bytes] = {}
    local: dict[str, Any] = {"backends": {}, "config_stores": {}, "secret_stores": {}}
    for name, backend in backends.items():
        host = {"override_host": backend.host} if backend.host else {}
        local["backends"][name] = {"url": backend.url, **host}
    for name, entries in stores.config.items():
        local["config_stores"][name] = {"format": "inline-toml", "contents": dict(entries)}
    for name, values in stores.secret.items():
        store = local["secret_stores"][name] = []
        for key, secret in values.items():
            path = folder / f"secret-{len(secrets)}"
            secrets[path] = secret
            store.append({"key": key, "file": str(path)})
    config = {"manifest_version": 3, "language": "other", "local_server": local}
    return {folder / "fastly.toml": tomlkit.dumps(config).encode(), **secrets}


def pushpin_files(
    folder: Path,
    logs: Path,
    backends: Mapping[str, LocalBackend],
    proxy_port: int,
    publish_at: tuple[str, int],
    pushpin: Pushpin,
    private: bool,
) -> dict[Path, bytes]:
    """Returns Pushpin's configuration and routes. Source: https://pushpin.org/docs/configuration/"""
    services = "connmgr,proxy,handler" if pushpin.is_current else "condure,zurl,pushpin-proxy,pushpin-handler"
    ipc = "ipc://{rundir}/{ipc_prefix}"
    config = f"""\
[global]
include={{libdir}}/internal.conf
rundir={folder}/run
ipc_prefix=p-

[runner]
services={services}
http_port={ADDRESS}:{proxy_port}
logdir={logs}
log_level={WARNINGS if private else REQUESTS}
client_buffer_size=65536
client_maxconn=1000

[proxy]
routesfile={folder}/routes
accept_pushpin_route=true
set_x_forwarded_protocol=false
sig_iss={LOCAL_KEY.issuer}
sig_key={DEV_KEY}
updates_check=off
zurl_out_specs={ipc}zurl-in
zurl_out_stream_specs={ipc}zurl-in-stream
zurl_in_specs={ipc}zurl-out

[handler]
push_in_spec={ipc}push
push_in_sub_specs={ipc}push-sub
push_in_http_addr={publish_at[0]}
push_in_http_port={publish_at[1]}
command_spec={ipc}command
stats_spec=ipc://{{rundir}}/{STATS}
stats_format=json
update_on_first_subscription=false
"""
    return {
        folder / "pushpin.conf": config.encode(),
        folder / "routes": pushpin_routes(backends),
        folder / "run" / ".keep": b"",
        logs / ".keep": b"",
    }


def pushpin_routes(backends: Mapping[str, LocalBackend]) -> bytes:
    """Returns Pushpin's file of routes. Pushpin notices when it changes. Source: https://pushpin.org/docs/configuration/"""
    return "".join(_pushpin_route(name, backend) for name, backend in backends.items()).encode()


def _pushpin_route(name: str, backend: LocalBackend) -> str:
    url = urlsplit(backend.url)
    tls = url.scheme == "https"
    options = ["over_http", *(["ssl"] if tls else []), *([f"host={backend.host}"] if backend.host else [])]
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"id={name} {host}:{url.port or (443 if tls else 80)},{','.join(options)}\n"


def _line_handler(name: str, reporter: Reporter, lines: deque[str]) -> Callable[[str], None]:
    """Returns a function that keeps each line of a program in `lines`, and reports it if it helps a user."""

    def handle_line(line: str) -> None:
        lines.append(line)
        text = _TIME_AND_LEVEL.sub("", line)
        if text and not text.startswith(_HIDDEN_LINES):
            reporter.output(name, text)

    return handle_line


async def _wait_until_listening(process: Program, name: str, listeners: tuple[tuple[str, int], ...], lines: deque[str]) -> None:
    """Waits until a program listens on all its addresses and ports. Raises ProgramFailed."""
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT
    while not all(map(_is_listening, listeners)):
        if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
            raise ProgramFailed(name, "\n".join(lines) or "it does not listen")
        await asyncio.sleep(0.05)


def _hidden_address() -> str:
    """Returns a loopback address that no web page can guess, or ADDRESS if the system has no other.

    Pushpin does not check who publishes, so a page could try all ports of 127.0.0.1.
    """
    address = str(IPv4Address("127.0.0.0") + 256 + secrets.randbelow(2**24 - 512))
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return ADDRESS
    return address


def _is_listening(listener: tuple[str, int]) -> bool:
    with socket.socket() as client:
        return client.connect_ex(listener) == 0
