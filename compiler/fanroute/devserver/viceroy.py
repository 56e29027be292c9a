"""Serves a component on Viceroy, in place of Fastly Compute, and Pushpin, in place of Fanout."""

import asyncio
import re
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomlkit

from fanroute.devserver import pushpin as pushpins
from fanroute.devserver.config import LOCAL_STORES, EdgeUrls, LocalBackend, Stores
from fanroute.devserver.embedded import ADDRESS, embedded_origin, http_servers
from fanroute.devserver.publishing import PATH, publish_handler, publisher_to_pushpin
from fanroute.devserver.pushpin import Pushpin
from fanroute.devserver.visits import Reporter
from fanroute.plan.signing import DEV_KEY
from fanroute.project import processes
from fanroute.project.folder import write
from fanroute.project.processes import Program, ProgramFailed
from fanroute_runtime.grip.signature import LOCAL_KEY

# How long Viceroy may take to compile the component, and Pushpin to start, in seconds.
START_TIMEOUT = 120.0
# From this version on, Pushpin need not ask the backend again for what it holds, a second after a channel's first subscription.
UPDATES_ARE_OPTIONAL = (1, 41)
# Pushpin's log levels. From the second on it logs each request with its whole URL.
WARNINGS, REQUESTS = 1, 2

# The warning about an older one.
LOSES_MESSAGES = "can lose a message to a long-poll, about a second after the channel's first subscription; 1.41 does not"

# The beginning of each line of the two programs, and of the lines that do not help a user.
_TIME_AND_LEVEL = re.compile(r"^(\S+ +INFO +|\[INFO\] \S+ \S+ )(\[\w+\] )?(request\{id=\d+\}:)*\s*")
_HIDDEN_LINES = ("guest completed", "Proxying", "zhttp ", "start", "stop", "checking if", "backend ")


@asynccontextmanager
async def serve(
    viceroy: Path,
    pushpin: Path,
    wasm: Path,
    logs: Path,
    backends: Mapping[str, LocalBackend | None],
    loopback: str,
    port: int,
    publish_port: int,
    reporter: Reporter,
    stores: Stores = LOCAL_STORES,
    private: bool = False,
    allowed: Collection[str] = (),
) -> AsyncIterator[EdgeUrls]:
    """Serves a component on Viceroy and Pushpin as long as the context lasts. Raises ProgramFailed if one does not start.

    Takes the arguments of `embedded.serve`, and these:

    Args:
        viceroy: the program.
        pushpin: the program.
        wasm: the component.
        logs: the folder for Pushpin's logs.
        private: keeps URLs out of these logs, because they can contain tokens.
    """
    hidden = _hidden_address()
    port, proxy_port, pushpin_port = _free_ports(port, 0, 0)
    edge = f"http://{ADDRESS}:{port}"
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanroute-", ignore_cleanup_errors=True)))
        start_server = await stack.enter_async_context(http_servers())
        publisher = publisher_to_pushpin(f"http://{hidden}:{pushpin_port}", reporter)
        publish = await start_server(publish_handler(publisher, allowed, reporter), publish_port)
        origin = await start_server(embedded_origin, 0) if None in backends.values() else ""
        addresses = {name: backend or LocalBackend(origin) for name, backend in backends.items()}
        if loopback:
            addresses[loopback] = LocalBackend(edge, addresses[loopback].host)
        found = pushpins.identify(pushpin)
        if found.number < UPDATES_ARE_OPTIONAL:
            reporter.notice(f"Pushpin {found.version} {LOSES_MESSAGES}")
        files = viceroy_files(folder, addresses, stores)
        files |= pushpin_files(folder, logs.absolute(), addresses, proxy_port, (hidden, pushpin_port), found, private)
        for path, content in files.items():
            write(path, content)
        pushpin_command: list[str | Path] = [pushpin, f"--config={folder / 'pushpin.conf'}"]
        viceroy_command: list[str | Path] = [viceroy, "serve", "-v", "-C", folder / "fastly.toml", "--addr", f"{ADDRESS}:{port}"]
        viceroy_command += ["--local-pushpin-proxy-port", str(proxy_port), wasm]
        for command, listeners in (
            (pushpin_command, ((ADDRESS, proxy_port), (hidden, pushpin_port))),
            (viceroy_command, ((ADDRESS, port),)),
        ):
            name = Path(command[0]).name
            lines: list[str] = []
            process = await stack.enter_async_context(processes.running(command, _line_handler(name, reporter, lines)))
            await _wait_until_listening(process, name, listeners, lines)
        yield EdgeUrls(edge, publish + PATH)


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
stats_spec={ipc}stats
update_on_first_subscription=false
"""
    routes = "".join(_pushpin_route(name, backend) for name, backend in backends.items())
    return {
        folder / "pushpin.conf": config.encode(),
        folder / "routes": routes.encode(),
        folder / "run" / ".keep": b"",
        logs / ".keep": b"",
    }


def _pushpin_route(name: str, backend: LocalBackend) -> str:
    url = urlsplit(backend.url)
    tls = url.scheme == "https"
    options = ["over_http", *(["ssl"] if tls else []), *([f"host={backend.host}"] if backend.host else [])]
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"id={name} {host}:{url.port or (443 if tls else 80)},{','.join(options)}\n"


def _line_handler(name: str, reporter: Reporter, lines: list[str]) -> Callable[[str], None]:
    """Returns a function that keeps each line of a program in `lines`, and reports it if it helps a user."""

    def handle_line(line: str) -> None:
        lines.append(line)
        text = _TIME_AND_LEVEL.sub("", line)
        if text and not text.startswith(_HIDDEN_LINES):
            reporter.output(name, text)

    return handle_line


async def _wait_until_listening(process: Program, name: str, listeners: tuple[tuple[str, int], ...], lines: list[str]) -> None:
    """Waits until a program listens on all its addresses and ports. Raises ProgramFailed."""
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT
    while not all(map(_is_listening, listeners)):
        if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
            raise ProgramFailed(name, "\n".join(lines[-20:]) or "it does not listen")
        await asyncio.sleep(0.05)


def _free_ports(*wanted: int) -> list[int]:
    """Returns different ports that are free: for each wanted one the same if possible, and any for 0."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in wanted]
        for probe, port in zip(probes, wanted, strict=True):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                probe.bind((ADDRESS, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


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
