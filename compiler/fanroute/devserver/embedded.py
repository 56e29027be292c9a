"""Serves a component on the embedded edge: an HTTP server with a GRIP proxy, its publish endpoint, and perhaps an origin."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from threading import BoundedSemaphore
from typing import Any, Protocol

import wasmtime
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fanroute.devserver.addresses import ADDRESS, listened_at
from fanroute.devserver.config import LOCAL_STORES, EdgeUrls, LocalBackend, Stores, locate
from fanroute.devserver.forwarding import Headers
from fanroute.devserver.grip_proxy import GripProxy
from fanroute.devserver.judging import NO_JUDGE, Judge, Observed
from fanroute.devserver.ports import free_ports
from fanroute.devserver.publishing import publish_handler, publisher_to_channels
from fanroute.devserver.pubsub import Channels
from fanroute.devserver.sandboxes import Sandboxes
from fanroute.devserver.tunnel import tunnel
from fanroute.devserver.upstream import Answer, Unreachable, forward_answer, send_request, whole
from fanroute.devserver.visits import CLIENT_LEFT, VISIT, VISIT_HEADER, ReportedRequest, Reporter, Visit
from fanroute.devserver.websocket_proxy import WebSocketProxy, is_websocket
from fanroute.diagnostics.printable import counted
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange, HostError, OwnRequest, Response, target_of
from fanroute.host.rate_limits import RateLimits

# Longest request line and longest header, in bytes.
MAX_LINE = 65_536
# How many requests can wait for one backend at once. Without a limit, a backend that hangs would use up all threads.
MAX_BACKEND_REQUESTS = 128

# A host with userinfo and port, as the URI's authority (RFC 3986, 3.2). Anything else would change the URI that it is put into.
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@\[\]-]*")

# A malformed request is answered with 400, and a client can leave at any time. Neither is logged as an error of the edge.
_LOGGER = logging.getLogger(__name__)
_CLIENT_ERRORS = (HttpProcessingError, ConnectionResetError)
_LOGGER.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], _CLIENT_ERRORS)))


@dataclass(frozen=True, slots=True)
class Service:
    """Says what an edge serves.

    Args:
        handle: lets a new sandbox handle a request and those that follow it, as `EmbeddedComponent.handle` does.
        backends: where each backend is, or None if the embedded origin takes its place. The edge sets the URL of the loopback.
        loopback: the name of the loopback backend, "" if there is none.
        stores: the service's own, and the one that only local edges have.
        judge: finds out which route a request has.
    """

    handle: Callable[[Exchange], bool]
    backends: Mapping[str, LocalBackend | None]
    loopback: str
    stores: Stores = LOCAL_STORES
    judge: Judge = NO_JUDGE


@dataclass(frozen=True, slots=True)
class RunningEdge(EdgeUrls):
    """Names the URLs of a running embedded edge, and what it serves at first. `replace` makes it serve something else.

    Requests that came before are finished with what was served then, and connections that are held stay. `channels` knows who is
    subscribed.
    """

    first: Service
    replace: Callable[[Service], None]
    channels: Channels


class _Served:
    """Holds what a request needs of the service that it came for. It keeps that to its end, whatever is served meanwhile."""

    def __init__(self, service: Service, backends: Mapping[str, LocalBackend]) -> None:
        self.sandboxes = Sandboxes(service.handle, MAX_BACKEND_REQUESTS * len(backends))
        self.backends = backends
        self.stores = service.stores
        self.judge = service.judge
        # By backend: a slot for each request that waits for it in a thread.
        self.slots = {name: BoundedSemaphore(MAX_BACKEND_REQUESTS) for name in backends}


class EmbeddedEdge:
    """Gives requests to a component, and does what it decides: an answer, a handoff to the GRIP proxy, or a tunnel.

    Until `replace` is called, the component finds no backends.

    Args:
        service: what is served at first.
        proxy: takes the requests that are handed off.
        reporter: reports each request.
        rate_limits: counts uses of routes, whatever is served.
    """

    def __init__(self, service: Service, proxy: GripProxy, reporter: Reporter, rate_limits: RateLimits) -> None:
        self._served = _Served(service, {})
        self._rate_limits = rate_limits
        self._proxy = proxy
        self._reporter = reporter
        self._request_ids = count(1)

    def replace(self, service: Service, backends: Mapping[str, LocalBackend]) -> None:
        """Serves this service from now on, with its backends at these places."""
        former, self._served = self._served, _Served(service, backends)
        former.sandboxes.retire()

    def close(self) -> None:
        """Ends all sandboxes."""
        self._served.sandboxes.close()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serves a client's request."""
        served = self._served
        asked_by = self._reporter.find(request.headers.get(VISIT_HEADER, ""))
        if asked_by is not None:
            return await self._serve_and_close(request, served, asked_by)
        visit = self._reporter.begin(request.method, _host(request), request.raw_path, served.judge.knows_routes)
        request[VISIT] = visit
        try:
            return await self._serve_and_close(request, served, visit)
        except (asyncio.CancelledError, ConnectionError):
            visit.answered(None)
            raise
        finally:
            visit.closed(CLIENT_LEFT)

    async def _serve_and_close(self, request: web.BaseRequest, served: _Served, visit: Visit) -> web.StreamResponse:
        client = _BackendClient(request, served)
        try:
            return await self._serve(request, served, client, visit)
        finally:
            client.close()

    async def _serve(
        self, request: web.BaseRequest, served: _Served, client: "_BackendClient", visit: Visit
    ) -> web.StreamResponse:
        if not _HOST.fullmatch(_host(request)):
            return _failed(visit, 400, "The Host header is not a host.")
        observed = Observed(self._exchange(request, served, client))
        exchange = observed.exchange
        try:
            await asyncio.wrap_future(served.sandboxes.serve(exchange))
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            visit.passed(served.judge.describe(observed, f"the component trapped: {error}"))
            return web.Response(status=500, text="The component trapped.\n")
        observed.backend, observed.failure = client.backend, client.failure
        if client.refused:
            busy = f"{MAX_BACKEND_REQUESTS} requests are already waiting for the backend {client.refused!r}"
            visit.passed(served.judge.describe(observed, busy))
            return web.Response(status=503, text=f"The embedded edge is busy: {busy}.\n")
        if exchange.handoff is None and exchange.tunnel is None and exchange.answer is None:
            visit.passed(served.judge.describe(observed, "the component gave no answer"))
            return web.Response(status=500, text="The component gave no answer.\n")
        visit.passed(served.judge.describe(observed))
        if denial := served.judge.debug_denial(observed):
            visit.notice(denial)
        if exchange.handoff is not None:
            return await self._hand_off(request, exchange.handoff, target_of(exchange.uri), exchange.headers)
        if exchange.tunnel is not None:
            backend = served.backends[exchange.tunnel]
            return await tunnel(request, exchange.tunnel, backend, target_of(exchange.uri), exchange.headers)
        answer = exchange.answer
        assert answer is not None
        if isinstance(answer.body, Answer):
            return await forward_answer(request, answer.status, answer.headers, answer.body)
        headers = [(name, value.decode("latin-1")) for name, value in answer.headers]
        return web.Response(status=answer.status, headers=headers, body=answer.body)

    async def _hand_off(self, request: web.BaseRequest, backend: str, target: str, headers: Headers) -> web.StreamResponse:
        if is_websocket(request):
            return await WebSocketProxy(self._proxy, backend, request, target, headers).serve()
        return await self._proxy.serve(request, backend, target, headers)

    def _exchange(self, request: web.BaseRequest, served: _Served, client: "_BackendClient") -> Exchange:
        loop = asyncio.get_running_loop()
        headers = [(name.decode("latin-1"), value) for name, value in request.raw_headers]
        if VISIT not in request:
            headers = [(name, value) for name, value in headers if name.lower() != VISIT_HEADER.lower()]

        def read(size: int) -> bytes:
            try:
                return asyncio.run_coroutine_threadsafe(request.content.read(size), loop).result()
            except Exception as error:  # whatever ends a body early
                raise HostError("http-incomplete") from error

        def log(endpoint: str, message: bytes) -> None:
            loop.call_soon_threadsafe(self._reporter.logged, endpoint, message.decode(errors="replace"))

        uri = f"http://{_host(request)}{_target(request)}"
        return Exchange(
            uri,
            headers,
            frozenset(served.backends),
            read,
            client_ip=request.remote,
            method=request.method,
            fetch=client.fetch,
            fetch_own=client.fetch_own,
            request_id=f"{next(self._request_ids):032x}",
            log=log,
            config_stores=served.stores.config,
            secret_stores=served.stores.secret,
            rate_limits=self._rate_limits,
        )


class _BackendClient:
    """Sends a client's request on to backends, from the component's thread.

    If a backend has no free slot of those in `served`, `refused` is its name. `backend` is the backend that was asked last, and
    `failure` says why it gave no answer.
    """

    def __init__(self, request: web.BaseRequest, served: _Served) -> None:
        self._served = served
        self.refused = self.backend = self.failure = ""
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._answer: Future[Answer] | None = None
        self._closed = False

    def fetch(self, backend: str, target: str, headers: Headers) -> Response:
        """Returns a backend's answer to the request, with this target and these headers. Raises HostError."""
        request = self._request
        body = request.content.iter_any() if request.body_exists else None
        return self._ask(backend, request.method, target, headers, body)

    def fetch_own(self, backend: str, own: OwnRequest) -> Response:
        """Returns a backend's answer to a request that the component has made itself. Raises HostError."""
        return self._ask(backend, own.method, target_of(own.uri), own.headers, whole(own.body))

    def _ask(self, backend: str, method: str, target: str, headers: Headers, body: AsyncIterator[bytes] | None) -> Response:
        self.backend = backend
        if self._closed:
            raise HostError("generic-error", detail="internal-error")
        if not self._served.slots[backend].acquire(blocking=False):
            self.refused = backend
            raise HostError("generic-error", detail="internal-error")
        try:
            return self._send(backend, method, target, headers, body)
        finally:
            self._served.slots[backend].release()

    def _send(self, backend: str, method: str, target: str, headers: Headers, body: AsyncIterator[bytes] | None) -> Response:
        sending = send_request(self._served.backends[backend], method, target, headers, body)
        self._answer = asyncio.run_coroutine_threadsafe(sending, self._loop)
        try:
            answer = self._answer.result()
        except Unreachable as error:
            self.failure = f"The backend {backend!r} gave no answer: {error}"
            raise HostError("generic-error", detail=error.detail) from error
        except CancelledError as error:  # the client has left
            raise HostError("generic-error", detail="internal-error") from error
        return Response(answer.status, answer.headers, answer)

    def close(self) -> None:
        """Ends the request to a backend, or the connection to it once it has answered."""
        self._closed = True
        if self._answer is not None and not self._answer.cancel() and not self._answer.exception():
            self._answer.result().close()


def _failed(visit: Visit, status: int, reason: str) -> web.Response:
    """Returns the answer to a request that the component does not get."""
    visit.fail(reason)
    return web.Response(status=status, text=f"{reason}\n")


def _host(request: web.BaseRequest) -> str:
    """Returns the host that a request is for: the Host header's, even if the request's target has another."""
    return request.headers.get("Host", request.host)


def _target(request: web.BaseRequest) -> str:
    """Returns a request's target in origin form, made of the absolute form if necessary (RFC 9112, 3.2.2)."""
    target = request.raw_path
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


@asynccontextmanager
async def serve(
    component: EmbeddedComponent,
    backends: Mapping[str, LocalBackend | None],
    loopback: str,
    port: int,
    publish_port: int,
    reporter: Reporter,
    stores: Stores = LOCAL_STORES,
    allowed: Collection[str] = (),
    judge: Judge | None = None,
    listen: str = ADDRESS,
    rate_limits: RateLimits | None = None,
) -> AsyncIterator[RunningEdge]:
    """Serves a component on the embedded edge as long as the context lasts.

    Args:
        component: the one that serves.
        backends: where each backend is, or None if the embedded origin takes its place. The URL of the loopback is set here.
        loopback: the name of the loopback backend, "" if there is none.
        port: the edge's port. If it is 0 or taken, the edge gets a free one.
        publish_port: the port of the publish endpoint, likewise.
        reporter: reports what happens.
        stores: the service's own, and the one that only local edges have.
        allowed: further names of this machine that a publish URL can have.
        judge: finds out which route a request has. With it, answers get headers that name it (`Visit.explanation`).
        listen: an address at which clients reach the edge and its publish endpoint, besides ADDRESS.
        rate_limits: counts uses of routes. If not given, it begins with none, and uses the time of the machine.
    """
    service = Service(component.handle, backends, loopback, stores, judge or NO_JUDGE)
    # Backends that are served no more stay in it, because a held connection may still have a link to one.
    addresses: dict[str, LocalBackend] = {}
    proxy = GripProxy(addresses, reporter)
    edge = EmbeddedEdge(service, proxy, reporter, rate_limits or RateLimits())
    try:
        async with http_servers() as start_server:
            listened = listened_at(listen)
            url = await start_server(edge.serve, port, listened)
            publisher = publisher_to_channels(proxy.channels, reporter)
            publish = await start_server(publish_handler(publisher, allowed, reporter), publish_port, listened)
            origin = await start_server(embedded_origin, 0)

            def replace(service: Service) -> None:
                located = _located(service, url, origin, publish)
                addresses.update(located)
                if service.judge.plan:
                    reporter.hide_secrets_of(service.judge.plan)
                edge.replace(service, located)

            replace(service)
            try:
                yield RunningEdge(url, publish + "/publish/", service, replace, proxy.channels)
            finally:
                reporter.close()
    finally:
        await proxy.close()
        edge.close()


def _located(service: Service, edge: str, origin: str, publish: str) -> dict[str, LocalBackend]:
    """Returns where each backend of a service is, given the URLs of the edge, the embedded origin and the publish endpoint."""
    located = locate(service.backends, origin, publish)
    if service.loopback:
        located[service.loopback] = LocalBackend(edge, located[service.loopback].host, is_edge=True)
    return located


async def embedded_origin(request: web.BaseRequest) -> web.StreamResponse:
    """Answers in place of a backend without a local URL, with a description of the request."""
    body = await request.content.read()
    lines = [f"{request.method} {request.raw_path}"]
    lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in request.raw_headers]
    text = "This is Fanroute's embedded origin, in place of your own. It received:\n\n" + "\n".join(lines)
    return web.Response(text=f"{text}\n\n({counted(len(body), 'byte')} of body)\n")


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class StartServer(Protocol):
    """Starts an HTTP server, and returns its URL."""

    async def __call__(self, handler: Handler, port: int, addresses: Sequence[str] = (ADDRESS,)) -> str: ...


@asynccontextmanager
async def http_servers() -> AsyncIterator[StartServer]:
    """Yields a function that starts an HTTP server and returns its URL. The servers end with the context.

    The function takes a handler, a port, and the addresses at which the server listens: ADDRESS, unless others are named. If the
    port is 0 or taken, the server gets a free one.
    """
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()

        def make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            return ReportedRequest(message, payload, protocol, writer, task, loop)

        async def start_server(handler: Handler, port: int, addresses: Sequence[str] = (ADDRESS,)) -> str:
            server = web.Server(
                handler,
                request_factory=make_request,
                handler_cancellation=True,
                auto_decompress=False,  # bodies are forwarded as they arrive
                max_line_size=MAX_LINE,
                max_field_size=MAX_LINE,
                logger=_LOGGER,
            )
            runner = web.ServerRunner(server, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            first, *others = addresses
            if others:
                [port] = free_ports(port, addresses=addresses)
            try:
                await web.TCPSite(runner, first, port).start()
            except OSError:
                await web.TCPSite(runner, first, 0).start()
            for address in others:
                await web.TCPSite(runner, address, runner.addresses[0][1]).start()
            return f"http://{ADDRESS}:{runner.addresses[0][1]}"

        yield start_server
