"""Tests on a local edge, over HTTP: what the component that ships does, with a recording server in place of every backend."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx

from fanroute.host.exchange import target_of
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.signing import grip_sig
from fanroute.plan.trace import Tracer
from fanroute.routetests.compare import differences, unasked
from fanroute.routetests.judge import Judged, unmet
from fanroute.routetests.outcome import Outcome
from fanroute.routetests.recorder import Recorder
from fanroute_runtime.exchange import Answer, Headers
from fanroute_runtime.match import split_uri

# How long the edge may take to answer, in seconds; nothing is held, so it has no reason to take any.
TIMEOUT = 15.0
# Headers that a request is given anew each time it is sent.
OF_THE_MESSAGE = ("host", "content-length", "transfer-encoding")


class LocalEdge:
    """A local edge that listens at `url`, with a recorder's backends; `loopback` is the name of the loopback among them."""

    def __init__(self, url: str, recorder: Recorder, loopback: str) -> None:
        self._url = url
        self._recorder = recorder
        self._loopback = loopback
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def outcome(self, asked: RequestData, route: int | None) -> Outcome:
        """What the edge makes of a request that `route` takes. Raises httpx.HTTPError where it gives no answer.

        A request that it hands off to itself comes to the recorder, and is asked again as Fanout has asked it.
        """
        self._recorder.taken()
        answer = await self._ask(asked)
        taken = self._recorder.taken()
        if not taken:
            return Outcome(route, "", (), answer)
        backend, request = taken[0]
        if backend != self._loopback:
            return Outcome(route, backend, request.headers, None)
        second = await self._ask(request)
        return Outcome(route, backend, request.headers, None if self._recorder.taken() else second)

    async def _ask(self, asked: RequestData) -> Answer:
        authority, _, _ = split_uri(asked.url)
        headers = [(name, value) for name, value in _signed_now(asked) if name not in OF_THE_MESSAGE]
        request = httpx.Request(
            asked.verb,
            self._url,
            headers=[(b"host", authority.encode()), *((name.encode(), value) for name, value in headers)],
            content=asked.content,
            # The target as the test has it.
            extensions={"target": target_of(asked.url).encode()},
        )
        async with asyncio.timeout(TIMEOUT):
            response = await self._client.send(request, stream=True)
            try:
                content = b"".join([part async for part in response.aiter_raw()])
            finally:
                await response.aclose()
        named = tuple((name.decode("latin-1").lower(), value) for name, value in response.headers.raw)
        return Answer(response.status_code, named, content)


def _signed_now(asked: RequestData) -> Headers:
    """A request's headers; a signature of the trace's time is one of now, for so goes the edge's clock."""
    traced = grip_sig(asked.time)
    return tuple((name, grip_sig(int(time.time())) if value == traced else value) for name, value in asked.headers)


@asynccontextmanager
async def asking(url: str, recorder: Recorder, loopback: str) -> AsyncIterator[LocalEdge]:
    """A LocalEdge as long as the context lasts."""
    edge = LocalEdge(url, recorder, loopback)
    try:
        yield edge
    finally:
        await edge.close()


async def seen(judged: Judged, edge: LocalEdge, compiled: Compiled, tracer: Tracer) -> Judged:
    """A test judged by what the edge does, beside what the routes say."""
    reason = unasked(judged, tracer)
    if reason:
        return replace(judged, skipped=reason)
    try:
        outcome = await edge.outcome(judged.asked, judged.outcome.route)
    except (httpx.HTTPError, TimeoutError) as error:
        return replace(judged, different=(f"gives no answer: {error!r}",))
    different = tuple(differences(judged.outcome, outcome, judged.asked.verb))
    return replace(judged, outcome=outcome, unmet=tuple(unmet(judged.test.expect, outcome, compiled)), different=different)
