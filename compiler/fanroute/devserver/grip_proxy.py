"""A small GRIP proxy in Fanout's place: asks backends, and holds connections as their answers say.

For development only. Sources: https://pushpin.org/docs/protocols/grip/ and RFC 9110, 7.6.1 (hop-by-hop headers).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from typing import Any

import httpx
from aiohttp import StreamReader, web

from fanroute.devserver.bodies import MAX_INSTRUCTED, MAX_STREAMED, TooLong, read_whole
from fanroute.devserver.config import Backend
from fanroute.devserver.filters import BadContent
from fanroute.devserver.grip_headers import Hold, parse_hold
from fanroute.devserver.holds import Behind, Headers, Stream, held_response
from fanroute.devserver.instructions import BadInstructions, Instructed, has_instructions, read_instructions
from fanroute.devserver.items import hidden_headers, sendable_headers, sendable_reason
from fanroute.devserver.pubsub import Channels, Subscriber
from fanroute.plan.signing import grip_sig
from fanroute_runtime.headers import of_one_connection

Log = Callable[[str], None]

CONNECT_TIMEOUT, ANSWER_TIMEOUT = 5.0, 60.0  # seconds
CONTENT_ENCODING = "content-encoding"
# Pushpin's words for an answer that it does not take.
REFUSED = "Error while proxying to origin.\n"
# What an origin is told that this proxy knows.
FEATURES = b"status, link:next, filter:skip-self, filter:skip-users, filter:require-sub, filter:build-id, filter:var-subst"


class Fanout:
    """The proxy and its channels."""

    def __init__(self, backends: Mapping[str, Backend], log: Log) -> None:
        self.channels = Channels(log)
        self._backends = backends
        self._log = log
        self._later: set[asyncio.Task[None]] = set()
        timeout = httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)

    async def close(self) -> None:
        for task in self._later:
            task.cancel()
        await self._client.aclose()

    def tell(self, line: str) -> None:
        """Log a line."""
        self._log(line)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def ask(
        self,
        name: str,
        method: str,
        target: str,
        headers: Headers,
        body: AsyncIterator[bytes] | bytes | None,
        last_ids: Headers | None = None,
    ) -> httpx.Response:
        """A backend's answer, its body not yet read; `last_ids` is what the connection knows. Raises httpx.HTTPError.

        As with Pushpin, bodies go on as they come, both ways, without the headers that say how they are encoded.
        """
        backend = self._backends[name]
        sent = [(key, value) for key, value in end_to_end(headers) if not _is_fanouts(key.lower())]
        if backend.host is not None:
            sent = [(key, value) for key, value in sent if key.lower() != "host"] + [("Host", backend.host.encode())]
        sent += [("Grip-Sig", grip_sig(int(time.time()))), ("Grip-Feature", FEATURES), *(last_ids or [])]
        # The extension keeps the target as the client wrote it.
        extensions = {"target": target.encode("latin-1", "surrogateescape")}
        pairs = [(key.encode(), value) for key, value in sent]
        request = httpx.Request(method, backend.url, headers=pairs, content=body, extensions=extensions)
        answer = await self._client.send(request, stream=True)
        answer.headers.pop(CONTENT_ENCODING, None)  # so httpx does not decode it either
        return answer

    async def serve(self, request: web.BaseRequest, name: str, target: str, headers: Headers) -> web.StreamResponse:
        """Serve a handed-off request from a backend, holding the connection if its answer says so.

        `target` is the path and query as the client wrote them, `headers` are the request's as handed off.
        """
        sent: list[bytes] = []
        body: AsyncIterator[bytes] | bytes | None = _kept(request.content, sent) if request.body_exists else None
        last_ids: Headers = []
        while True:
            try:
                answer = await self.ask(name, request.method, target, headers, body, last_ids)
            except httpx.HTTPError as error:
                return unreachable(name, error)
            try:
                if not has_instructions(answer.headers, answer.headers.get("content-type", "")):
                    return await _pass_on(request, answer)
                said = await _said(answer)
                hold = said.hold
                if hold is None:
                    return web.Response(status=said.status, reason=said.reason, headers=said.headers, body=said.body)
                with self.channels.subscriber(polls=hold.mode == "response") as subscriber:
                    subscriber.replace(hold.channels, hold.meta)
                    if hold.mode != "response":
                        return await self._stream(request, name, target, said, hold, subscriber)
                    try:
                        return await _response(said, hold, subscriber)
                    except Behind:
                        body, last_ids = b"".join(sent) or None, subscriber.last_ids()
            except httpx.HTTPError as error:
                return unreachable(name, error)
            except BadInstructions as error:
                self._log(f"the answer of {name} has bad instructions: {error}")
                return web.Response(status=502, text=REFUSED)
            except TooLong as error:
                self._log(f"the answer of {name} {error}")
                return web.Response(status=502, text=REFUSED)
            finally:
                await answer.aclose()

    async def _stream(
        self, request: web.BaseRequest, name: str, target: str, said: Instructed, hold: Hold, subscriber: Subscriber
    ) -> web.StreamResponse:
        """Hold a stream. Its links are asked without the client's headers, all but the Host."""

        async def fetch(link: str, last_ids: Headers) -> httpx.Response:
            return await self.ask(name, "GET", link, [("Host", request.host.encode())], None, last_ids)

        response = web.StreamResponse(status=said.status, reason=said.reason, headers=said.headers)
        await response.prepare(request)
        try:
            await Stream(response, subscriber, hold, target, fetch).run(said.body)
        except TooLong as error:
            self._log(f"the answer of {name} {error}")
            await response.write_eof()
        return response


def _is_fanouts(name: str) -> bool:
    """Returns True for a header, named in lower case, that a client must not set on a request that is handed off."""
    return name in (CONTENT_ENCODING, "accept-encoding") or name.startswith("grip-")


def end_to_end(headers: Headers) -> Headers:
    """Headers without those that concern one connection only."""
    connection = [value for name, value in headers if name.lower() == "connection"]
    gone = set(of_one_connection((name.lower() for name, _ in headers), connection))
    return [(name, value) for name, value in headers if name.lower() not in gone]


def client_headers(answer: httpx.Response, without: Iterable[str] = ()) -> list[tuple[str, str]]:
    """An answer's headers for the client: no GRIP instructions, nothing hop-by-hop."""
    raw = end_to_end([(key.decode("latin-1"), value) for key, value in answer.headers.raw])
    return [
        (key, value.decode("utf-8", "surrogateescape"))
        for key, value in raw
        if not key.lower().startswith("grip-") and key.lower() not in without
    ]


def unreachable(name: str, error: Exception) -> web.Response:
    return web.Response(status=502, text=f"The backend {name!r} gave no answer: {error!r}\n")


async def _pass_on(request: web.BaseRequest, answer: httpx.Response) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status_code, reason=answer.reason_phrase, headers=client_headers(answer))
    await response.prepare(request)
    try:
        async for chunk in answer.aiter_raw():
            await response.write(chunk)
    except httpx.HTTPError:
        # The backend's answer was cut; so must be the client's.
        if request.transport is not None:
            request.transport.abort()
    else:
        await response.write_eof()
    return response


async def _said(answer: httpx.Response) -> Instructed:
    """Returns what an answer says to Fanout. Raises BadInstructions, TooLong and httpx.HTTPError."""
    hold = parse_hold(answer.headers)
    # Pushpin inserts the id that `build-id` asks for into a body that it has whole.
    builds_id = hold is not None and any("build-id" in channel.filters for channel in hold.channels)
    streamed = hold is not None and hold.mode != "response" and not builds_id
    body = (await read_whole(answer, MAX_STREAMED if streamed else MAX_INSTRUCTED)).content
    headers = client_headers(answer, without=["content-length"])
    return read_instructions(answer.status_code, answer.reason_phrase, answer.headers, tuple(headers), body)


async def _response(said: Instructed, hold: Hold, subscriber: Subscriber) -> web.StreamResponse:
    """The backend's own answer after the time-out; before it, what is published, on top of that answer's headers.

    Raises Behind.
    """
    try:
        published = await held_response(hold, subscriber, said.body)
    except BadContent as error:
        return web.Response(status=502, text=f"{error}\n")
    if published is None:
        return web.Response(status=said.status, reason=said.reason, headers=said.headers, body=said.body)
    message, content = published
    given = sendable_headers(message.headers)
    replaced = {name.lower() for name, _ in given}
    headers = [*((name, value) for name, value in said.headers if name.lower() not in replaced), *given]
    hidden = {name.lower() for name in hidden_headers(message.headers)}
    headers = [(name, value) for name, value in headers if name.lower() not in hidden]
    return web.Response(status=message.status, reason=sendable_reason(message), headers=headers, body=content)


async def _kept(content: StreamReader, sent: list[bytes]) -> AsyncIterator[bytes]:
    """A request's body, kept for when the request has to be sent again."""
    async for chunk in content.iter_any():
        sent.append(chunk)
        yield chunk
