"""Stands in for Fanout: a small GRIP proxy, which asks backends and holds connections as their answers say.

For development only. Sources: https://pushpin.org/docs/protocols/grip/ and Pushpin's behaviour.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from aiohttp import StreamReader, web

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.filters import BadContent
from fanroute.devserver.forwarding import (
    ANSWER_TIMEOUT,
    CONNECT_TIMEOUT,
    MAX_INSTRUCTIONS_BODY,
    MAX_STREAM_BODY,
    Headers,
    bad_gateway,
    client_headers,
    end_to_end,
)
from fanroute.devserver.grip_headers import Hold, parse_hold
from fanroute.devserver.holds import HeldStream, MissedItems, hold_response
from fanroute.devserver.instructions import BadInstructions, Instructions, has_instructions, read_instructions
from fanroute.devserver.items import HTTP_RESPONSE, HTTP_STREAM, hidden_headers, malformed_part, sendable_headers, sendable_reason
from fanroute.devserver.pubsub import Channels, Subscriber
from fanroute.devserver.visits import CLIENT_LEFT, VISIT_HEADER, Reporter, Visit, visit_of
from fanroute.plan.signing import grip_sig
from fanroute.project.answers import TooLong, read_whole

CONTENT_ENCODING = "content-encoding"
# Pushpin's body for a 502, when it does not accept a backend's answer.
REFUSED = "Error while proxying to origin.\n"
# The value of Grip-Feature: what backends can use.
FEATURES = b"status, link:next, filter:skip-self, filter:skip-users, filter:require-sub, filter:build-id, filter:var-subst"


class GripProxy:
    """Asks backends for requests that were handed off, and holds the clients' connections.

    Args:
        backends: where each backend is. The mapping can be filled later.
        reporter: reports items that are dropped.
    """

    def __init__(self, backends: Mapping[str, LocalBackend], reporter: Reporter) -> None:
        self.channels = Channels(reporter.notice)
        self._backends = backends
        self._background: set[asyncio.Task[None]] = set()
        timeout = httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)

    async def close(self) -> None:
        """Cancels what runs in the background, and closes the connections to backends."""
        for task in self._background:
            task.cancel()
        await self._client.aclose()

    def run_in_background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine that no request waits for."""
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def send_request(
        self,
        name: str,
        method: str,
        target: str,
        headers: Headers,
        body: AsyncIterator[bytes] | bytes | None,
        last_id_headers: Headers | None = None,
        visit: Visit | None = None,
    ) -> httpx.Response:
        """Returns a backend's answer. Its body is not read yet. Raises httpx.HTTPError.

        As in Pushpin, both bodies are forwarded as they arrive, but the headers that say how they are encoded are not.

        Args:
            name: the backend.
            method: the request's method.
            target: its path and query, as the client wrote them.
            headers: its headers; the ones that Fanout sets itself are left out or replaced.
            body: its body.
            last_id_headers: the Grip-Last headers of a connection that has missed items.
            visit: the client's request for which this one is sent.
        """
        backend = self._backends[name]
        sent = [(key, value) for key, value in end_to_end(headers) if not _is_set_by_fanout(key.lower())]
        if backend.host is not None:
            sent = [(key, value) for key, value in sent if key.lower() != "host"] + [("Host", backend.host.encode())]
        sent += [("Grip-Sig", grip_sig(int(time.time()))), ("Grip-Feature", FEATURES), *(last_id_headers or [])]
        if visit is not None and backend.is_edge:
            sent.append((VISIT_HEADER, visit.token.encode()))
        # httpx would normalize the target; with the extension it does not.
        extensions = {"target": target.encode("latin-1", "surrogateescape")}
        pairs = [(key.encode(), value) for key, value in sent]
        request = httpx.Request(method, backend.url, headers=pairs, content=body, extensions=extensions)
        answer = await self._client.send(request, stream=True)
        if part := malformed_part(answer.reason_phrase, answer.headers.multi_items()):
            await answer.aclose()
            raise httpx.RemoteProtocolError(f"{part} has a character that HTTP does not allow")
        answer.headers.pop(CONTENT_ENCODING, None)  # so that httpx does not decode the body
        return answer

    async def serve(self, request: web.BaseRequest, name: str, target: str, headers: Headers) -> web.StreamResponse:
        """Serves a request that was handed off, and holds its connection if the backend's answer says so.

        Args:
            request: the client's; its method and body are sent on.
            name: the backend.
            target: path and query, as the client wrote them.
            headers: the request's, as the component handed it off.
        """
        visit = visit_of(request)
        sent: list[bytes] = []
        body: AsyncIterator[bytes] | bytes | None = _record_body(request.content, sent) if request.body_exists else None
        last_id_headers: Headers = []
        while True:
            try:
                answer = await self.send_request(name, request.method, target, headers, body, last_id_headers, visit)
            except httpx.HTTPError as error:
                return _failed(visit, bad_gateway(name, error))
            try:
                if not has_instructions(answer.headers, answer.headers.get("content-type", "")):
                    return await _forward_answer(request, answer)
                instructions = await _read_instructions(answer)
                hold = instructions.hold
                if hold is None:
                    return _plain_response(instructions)
                with self.channels.subscriber(hold.mode == "response", request=request) as subscriber:
                    subscriber.replace(hold.channels, hold.meta)
                    if hold.mode != "response":
                        return await self._hold_stream(request, name, target, instructions, hold, subscriber)
                    try:
                        return await _hold_response(visit, instructions, hold, subscriber)
                    except MissedItems:
                        body, last_id_headers = b"".join(sent) or None, subscriber.last_id_headers()
            except httpx.HTTPError as error:
                return _failed(visit, bad_gateway(name, error))
            except BadInstructions as error:
                return _failed(
                    visit, web.Response(status=502, text=REFUSED), f"the answer of {name} has bad instructions: {error}"
                )
            except TooLong as error:
                return _failed(visit, web.Response(status=502, text=REFUSED), f"the answer of {name} {error}")
            finally:
                await answer.aclose()

    async def _hold_stream(
        self, request: web.BaseRequest, name: str, target: str, instructions: Instructions, hold: Hold, subscriber: Subscriber
    ) -> web.StreamResponse:
        visit = visit_of(request)

        async def fetch(link: str, last_id_headers: Headers) -> httpx.Response:
            # Of the client's headers, Pushpin sends only the Host to a link.
            host = [("Host", request.host.encode())]
            return await self.send_request(name, "GET", link, host, None, last_id_headers, visit)

        def sent(size: int) -> None:
            visit.message("publisher", HTTP_STREAM, size)

        response = web.StreamResponse(status=instructions.status, reason=instructions.reason, headers=instructions.headers)
        visit.opening("stream", tuple(subscriber.channels))
        await response.prepare(request)
        with _watched(visit, subscriber):
            try:
                how = await HeldStream(response, subscriber, hold, target, fetch, sent).run(instructions.body)
            except TooLong as error:
                how = f"the answer of {name} {error}"
                await response.write_eof()
            visit.closed(how)
        return response


@contextmanager
def _watched(visit: Visit, subscriber: Subscriber) -> Iterator[None]:
    """Reports that a connection is open, and until the context ends, its messages and subscriptions."""
    visit.opened()
    subscriber.watch = visit.subscribed
    try:
        yield
    finally:
        visit.closed(CLIENT_LEFT)


def _failed(visit: Visit, answer: web.Response, reason: str = "") -> web.Response:
    """Returns the answer to a request that failed, after its visit has got the reason: by default, the answer's text."""
    visit.fail(reason or (answer.text or "").strip())
    return answer


def _is_set_by_fanout(name: str) -> bool:
    """Returns True for a header, named in lower case, that a request to a backend does not take over from the client."""
    return name in (CONTENT_ENCODING, "accept-encoding") or name.startswith("grip-")


async def _forward_answer(request: web.BaseRequest, answer: httpx.Response) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status_code, reason=answer.reason_phrase, headers=client_headers(answer))
    await response.prepare(request)
    try:
        async for chunk in answer.aiter_raw():
            await response.write(chunk)
    except httpx.HTTPError:
        # The backend's answer is cut, so the client's must be cut too.
        if request.transport is not None:
            request.transport.abort()
    else:
        await response.write_eof()
    return response


async def _read_instructions(answer: httpx.Response) -> Instructions:
    """Reads an answer that has instructions. Raises BadInstructions, TooLong and httpx.HTTPError."""
    hold = parse_hold(answer.headers)
    # For `build-id`, Pushpin needs the whole body before it sends any of it.
    builds_id = hold is not None and any("build-id" in channel.filters for channel in hold.channels)
    is_streamed = hold is not None and hold.mode != "response" and not builds_id
    body = (await read_whole(answer, MAX_STREAM_BODY if is_streamed else MAX_INSTRUCTIONS_BODY)).content
    headers = client_headers(answer, without=["content-length"])
    return read_instructions(answer.status_code, answer.reason_phrase, answer.headers, tuple(headers), body)


def _plain_response(instructions: Instructions) -> web.Response:
    return web.Response(
        status=instructions.status, reason=instructions.reason, headers=instructions.headers, body=instructions.body
    )


async def _hold_response(visit: Visit, instructions: Instructions, hold: Hold, subscriber: Subscriber) -> web.StreamResponse:
    """Returns what is published before the timeout, with the headers of the backend's answer; after it, that answer itself.

    Raises MissedItems.
    """
    visit.opening("long-poll", tuple(subscriber.channels))
    with _watched(visit, subscriber):
        try:
            published = await hold_response(hold, subscriber, instructions.body)
        except BadContent as error:
            visit.closed("a message without a value for its content filter")
            return _failed(visit, web.Response(status=502, text=f"{error}\n"))
        except MissedItems:
            visit.closed("the client has missed messages, so the backend is asked again")
            raise
        if published is None:
            visit.closed("nothing was published in time")
            return _plain_response(instructions)
        message, content = published
        visit.message("publisher", HTTP_RESPONSE, len(content))
        visit.closed("a message was published")
    own_headers = sendable_headers(message.headers)
    replaced = {name.lower() for name, _ in own_headers}
    headers = [*((name, value) for name, value in instructions.headers if name.lower() not in replaced), *own_headers]
    hidden = {name.lower() for name in hidden_headers(message.headers)}
    headers = [(name, value) for name, value in headers if name.lower() not in hidden]
    return web.Response(status=message.status, reason=sendable_reason(message), headers=headers, body=content)


async def _record_body(content: StreamReader, sent: list[bytes]) -> AsyncIterator[bytes]:
    """Yields a request's body, and keeps it in case the request must be sent again."""
    async for chunk in content.iter_any():
        sent.append(chunk)
        yield chunk
