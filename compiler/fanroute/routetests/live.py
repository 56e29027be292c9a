"""Runs route tests on a local edge, over HTTP, with a recording server in place of every backend."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import inf

import httpx
from aiohttp import web

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.embedded import Handler, http_servers
from fanroute.host.exchange import target_of
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute.routetests.compare import differences, skip_reason
from fanroute.routetests.judge import Result, request_of, unmet_expectations
from fanroute.routetests.outcome import Outcome
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Answer

# How long the edge can take to answer, in seconds. Nothing is held, so it answers at once.
TIMEOUT = 15.0
# Headers that are set each time a request is sent.
SET_WHEN_SENT = ("host", "content-length", "transfer-encoding")


@dataclass(slots=True)
class Recorder:
    """Stands in for all backends: keeps the requests that they get, and answers them without holding a connection.

    Args:
        backends: where each backend is, by its name.
        requests: the requests since the last `take_requests`, each with the name of its backend.
    """

    backends: dict[str, LocalBackend] = field(default_factory=dict)
    requests: list[tuple[str, RequestData]] = field(default_factory=list)

    def take_requests(self) -> list[tuple[str, RequestData]]:
        """Returns the requests since the last call, in order, each with the name of its backend."""
        taken, self.requests = self.requests, []
        return taken

    def handler(self, name: str) -> Handler:
        """Returns the handler of a backend."""

        async def record(request: web.BaseRequest) -> web.StreamResponse:
            headers = tuple((key.decode("latin-1").lower(), value) for key, value in request.raw_headers)
            url = f"http://{request.host}{request.raw_path}"
            self.requests.append((name, RequestData(request.method, url, headers, await request.content.read())))
            return web.Response(text="Recorded\n")

        return record


@asynccontextmanager
async def record_backends(hosts: Mapping[str, str | None]) -> AsyncIterator[Recorder]:
    """Yields a Recorder that serves backends as long as the context lasts.

    `hosts` has the Host of requests to each backend (None: the client's), by the backend's name.
    """
    recorder = Recorder()
    async with http_servers() as start_server:
        for name, host in hosts.items():
            recorder.backends[name] = LocalBackend(await start_server(recorder.handler(name), 0), host)
        yield recorder


class LocalEdge:
    """Sends tests to a local edge.

    Args:
        url: where it listens.
        recorder: stands in for its backends.
        loopback: the name of the loopback backend, "" if there is none.
        token_key: the key of the tokens that it accepts.
    """

    def __init__(self, url: str, recorder: Recorder, loopback: str, token_key: str) -> None:
        self.token_key = token_key
        self._url = url
        self._recorder = recorder
        self._loopback = loopback
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Closes the connections to the edge."""
        await self._client.aclose()

    async def outcome(self, request: RequestData, route: int | None) -> Outcome:
        """Returns the outcome of a request that `route` takes. Raises httpx.HTTPError if the edge gives no answer.

        If the edge hands the request off to itself, the recorder gets it in place of Fanout. The request is then sent to the edge
        once more, as Fanout would send it.
        """
        self._recorder.take_requests()
        answer = await self._send(request)
        taken = self._recorder.take_requests()
        if not taken:
            return Outcome(route, "", (), answer)
        backend, forwarded = taken[0]
        if backend != self._loopback:
            return Outcome(route, backend, forwarded.headers, None)
        second = await self._send(forwarded)
        return Outcome(route, backend, forwarded.headers, None if self._recorder.take_requests() else second)

    async def _send(self, request: RequestData) -> Answer:
        return await send(self._client, self._url, request)


async def send(client: httpx.AsyncClient, url: str, request: RequestData, enough: float = inf) -> Answer:
    """Sends a request with its own Host and target to the server of a URL, and returns the answer.

    No more of the content is read when it has `enough` bytes. Raises httpx.HTTPError and TimeoutError if there is no answer.
    """
    authority, _, _ = split_uri(request.url)
    headers = [(name, value) for name, value in request.headers if name not in SET_WHEN_SENT]
    http_request = httpx.Request(
        request.verb,
        url,
        headers=[(b"host", authority.encode()), *((name.encode(), value) for name, value in headers)],
        content=request.content,
        # httpx would normalize the target; with the extension it does not.
        extensions={"target": target_of(request.url).encode()},
    )
    async with asyncio.timeout(TIMEOUT):
        response = await client.send(http_request, stream=True)
        content = b""
        try:
            if enough:
                async for chunk in response.aiter_raw():
                    content += chunk
                    if len(content) >= enough:
                        break
        finally:
            await response.aclose()
    response_headers = tuple((name.decode("latin-1").lower(), value) for name, value in response.headers.raw)
    return Answer(response.status_code, response_headers, content)


@asynccontextmanager
async def connect(url: str, recorder: Recorder, loopback: str, token_key: str) -> AsyncIterator[LocalEdge]:
    """Yields a LocalEdge, and closes it."""
    edge = LocalEdge(url, recorder, loopback, token_key)
    try:
        yield edge
    finally:
        await edge.close()


async def judge_live(result: Result, edge: LocalEdge, compiled: Compiled, tracer: Tracer) -> Result:
    """Runs a test on a local edge. Returns the result by what the edge did, and how that differs from the routes."""
    request = request_of(result.test, tracer, int(time.time()), edge.token_key)
    reason = skip_reason(result, request, tracer)
    if reason:
        return replace(result, skipped=reason)
    try:
        outcome = await edge.outcome(request, result.outcome.route)
    except (httpx.HTTPError, TimeoutError) as error:
        return replace(result, differences=(f"gives no answer: {error!r}",))
    different = tuple(differences(result.outcome, outcome, result.request.verb))
    unmet = tuple(unmet_expectations(result.test.expect, outcome, compiled))
    return replace(result, outcome=outcome, unmet=unmet, differences=different)
