"""The embedded local edge: the component behind an HTTP server, with Fanout, its publish endpoint and an origin."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore

import wasmtime
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fanroute.devserver.config import LOCAL_STORES, Backend, Stores
from fanroute.devserver.grip_proxy import Fanout, Log
from fanroute.devserver.holds import Headers
from fanroute.devserver.publishing import guarded, publishing_to
from fanroute.devserver.sandboxes import Sandboxes
from fanroute.devserver.tunnel import pass_on, tunnel
from fanroute.devserver.upstream import Answer, Unreachable, ask
from fanroute.devserver.websocket_proxy import Socket, is_websocket
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange, HostError, Response, target_of

ADDRESS = "127.0.0.1"
# Longest request line and header taken, in bytes.
MAX_LINE = 65_536
# How many requests may wait for one backend at once, so that none of them keeps those for another from being served.
MAX_ASKING = 128

# A host with userinfo and port, as the URI's authority (RFC 3986, 3.2); anything else would change what follows it there.
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@\[\]-]*")

# What is no HTTP is answered with 400, and a client may go at any time: neither is told as a failure of ours.
_LOGGER = logging.getLogger(__name__)
_NO_FAILURES = (HttpProcessingError, ConnectionResetError)
_LOGGER.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], _NO_FAILURES)))


@dataclass(frozen=True, slots=True)
class Listening:
    """The URLs of a running local edge."""

    edge: str
    publish: str


class EmbeddedEdge:
    """Requests to the component, and what it passes on to Fanout or to a backend."""

    def __init__(
        self,
        component: EmbeddedComponent,
        fanout: Fanout,
        names: Collection[str],
        backends: Mapping[str, Backend],
        stores: Stores,
        log: Log,
    ) -> None:
        self._sandboxes = Sandboxes(component.handle, MAX_ASKING * len(names))
        self._fanout = fanout
        self._backends = backends
        self._stores = stores
        self._log = log
        # By backend. Each place is for a request that waits for its answer, in a thread.
        self._places = {name: BoundedSemaphore(MAX_ASKING) for name in names}

    def close(self) -> None:
        self._sandboxes.close()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if not request.headers.get("Host", "").isascii():
            return web.Response(status=400, text="The Host is no host's name.\n")
        asking = _Asking(request, self._backends, self._places)
        try:
            return await self._serve(request, asking)
        finally:
            asking.close()

    async def _serve(self, request: web.BaseRequest, asking: "_Asking") -> web.StreamResponse:
        if not _HOST.fullmatch(_host(request)):
            self._log(f"{request.method} {request.raw_path} → 400: the Host is none")
            return web.Response(status=400, text="The Host is none.\n")
        line = f"{request.method} {_host(request)}{request.raw_path}"
        exchange = self._exchange(request, asking)
        try:
            await asyncio.wrap_future(self._sandboxes.serve(exchange))
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            self._log(f"{line} → the component trapped: {error}")
            return web.Response(status=500, text="The component trapped.\n")
        if asking.refused:
            already = f"{MAX_ASKING} requests wait for the backend {asking.refused!r} already"
            self._log(f"{line} → 503: {already}")
            return web.Response(status=503, text=f"The embedded edge is busy: {already}.\n")
        if exchange.handoff is not None:
            self._log(f"{line} → handed off to {exchange.handoff}")
            return await self._hand_off(request, exchange.handoff, target_of(exchange.uri), exchange.headers)
        if exchange.tunnel is not None:
            self._log(f"{line} → joined to {exchange.tunnel}")
            backend = self._backends[exchange.tunnel]
            return await tunnel(request, exchange.tunnel, backend, target_of(exchange.uri), exchange.headers)
        if exchange.answer is None:
            self._log(f"{line} → the component gave no answer")
            return web.Response(status=500, text="The component gave no answer.\n")
        answer = exchange.answer
        self._log(f"{line} → {answer.status}")
        if isinstance(answer.body, Answer):
            return await pass_on(request, answer.status, answer.headers, answer.body)
        headers = [(name, value.decode("latin-1")) for name, value in answer.headers]
        return web.Response(status=answer.status, headers=headers, body=answer.body)

    async def _hand_off(self, request: web.BaseRequest, backend: str, target: str, headers: Headers) -> web.StreamResponse:
        if is_websocket(request):
            return await Socket(self._fanout, backend, request, target, headers).serve()
        return await self._fanout.serve(request, backend, target, headers)

    def _exchange(self, request: web.BaseRequest, asking: "_Asking") -> Exchange:
        loop = asyncio.get_running_loop()
        headers = [(name.decode("latin-1"), value) for name, value in request.raw_headers]

        def read(size: int) -> bytes:
            try:
                return asyncio.run_coroutine_threadsafe(request.content.read(size), loop).result()
            except Exception as error:  # whatever ends a body early
                raise HostError("http-incomplete") from error

        uri = f"http://{_host(request)}{_target(request)}"
        return Exchange(
            uri,
            headers,
            frozenset(self._backends),
            read,
            client_ip=request.remote,
            method=request.method,
            ask=asking.ask,
            config_stores=self._stores.config,
            secret_stores=self._stores.secret,
        )


class _Asking:
    """Asks a backend for a request, from the component's thread; what is under way or has come ends with `close`.

    `places` has, for each backend, one for each request that may wait for it at once. For a request that gets none, `refused` is
    the backend's name.
    """

    def __init__(self, request: web.BaseRequest, backends: Mapping[str, Backend], places: Mapping[str, BoundedSemaphore]) -> None:
        self._places = places
        self.refused = ""
        self._request = request
        self._backends = backends
        self._loop = asyncio.get_running_loop()
        self._answer: Future[Answer] | None = None
        self._closed = False

    def ask(self, backend: str, target: str, headers: Headers) -> Response:
        """The backend's answer to the request with a target and some headers. Raises HostError."""
        request = self._request
        body = request.content.iter_any() if request.body_exists else None
        if self._closed:
            raise HostError("generic-error", detail="internal-error")
        if not self._places[backend].acquire(blocking=False):
            self.refused = backend
            raise HostError("generic-error", detail="internal-error")
        try:
            return self._answered(backend, target, headers, body)
        finally:
            self._places[backend].release()

    def _answered(self, backend: str, target: str, headers: Headers, body: AsyncIterator[bytes] | None) -> Response:
        request = self._request
        asking = ask(self._backends[backend], request.method, target, headers, body)
        self._answer = asyncio.run_coroutine_threadsafe(asking, self._loop)
        try:
            answer = self._answer.result()
        except Unreachable as error:
            raise HostError("generic-error", detail=error.detail) from error
        except CancelledError as error:  # the client has gone
            raise HostError("generic-error", detail="internal-error") from error
        return Response(answer.status, answer.headers, answer)

    def close(self) -> None:
        self._closed = True
        if self._answer is not None and not self._answer.cancel() and not self._answer.exception():
            self._answer.result().close()


def _host(request: web.BaseRequest) -> str:
    """The host that a request is for: that of its Host header, whatever its target says."""
    return request.headers.get("Host", request.host)


def _target(request: web.BaseRequest) -> str:
    """A request's target in origin form; of the absolute form (RFC 9112, 3.2.2) the host is left to the Host header."""
    target = request.raw_path
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


@asynccontextmanager
async def listening(
    component: EmbeddedComponent,
    backends: Mapping[str, Backend | None],
    loopback: str,
    port: int,
    publish_port: int,
    log: Log,
    stores: Stores = LOCAL_STORES,
    allowed: Collection[str] = (),
) -> AsyncIterator[Listening]:
    """Serve a component on the embedded edge, as long as the context lasts.

    Args:
        component: what serves.
        backends: where each backend is; None where the embedded origin takes its place. The loopback's URL is set here.
        loopback: the name of the loopback backend, "" if there is none.
        port: of the edge, and `publish_port` of the publish endpoint; where one is taken, a free port is used instead.
        log: takes a line for each request.
        stores: the service's own, and the one that only local edges have.
        allowed: further names of this machine by which the publish port may be asked.
    """
    addresses: dict[str, Backend] = {}
    fanout = Fanout(addresses, log)
    edge = EmbeddedEdge(component, fanout, backends, addresses, stores, log)
    try:
        async with listen() as servers:
            url = await servers(edge.serve, port)
            publish = await servers(guarded(publishing_to(fanout.channels, log), allowed, log), publish_port)
            origin = await servers(embedded_origin, 0) if None in backends.values() else ""
            for name, backend in backends.items():
                address = backend or Backend(origin)
                addresses[name] = Backend(url, address.host) if name == loopback else address
            yield Listening(url, publish + "/publish/")
    finally:
        await fanout.close()
        edge.close()


async def embedded_origin(request: web.BaseRequest) -> web.StreamResponse:
    """An origin where no real one is configured: it tells what it was asked."""
    body = await request.content.read()
    lines = [f"{request.method} {request.raw_path}"]
    lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in request.raw_headers]
    text = "This is Fanroute's embedded origin, in place of your own. It was asked:\n\n" + "\n".join(lines)
    return web.Response(text=f"{text}\n\n({len(body)} bytes of body)\n")


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listen() -> AsyncIterator[Callable[[Handler, int], Awaitable[str]]]:
    """Servers that run as long as the context lasts; gives a function that starts one for a handler on a port.

    Where the port is taken, the server gets a free one. The function returns the server's URL.
    """
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, port: int) -> str:
            server = web.Server(
                handler,
                handler_cancellation=True,
                auto_decompress=False,  # a compressed body goes on as it came
                max_line_size=MAX_LINE,
                max_field_size=MAX_LINE,
                logger=_LOGGER,
            )
            runner = web.ServerRunner(server, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            try:
                await web.TCPSite(runner, ADDRESS, port).start()
            except OSError:
                await web.TCPSite(runner, ADDRESS, 0).start()
            return f"http://{ADDRESS}:{runner.addresses[0][1]}"

        yield start
