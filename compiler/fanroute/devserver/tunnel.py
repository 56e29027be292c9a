"""Carries a tunnel: joins a client's connection to a backend's, byte by byte."""

import asyncio

from aiohttp import web
from aiohttp.streams import StreamReader

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.forwarding import Headers, bad_gateway
from fanroute.devserver.upstream import CHUNK, Answer, Unreachable, forward_answer, response_head, send_request
from fanroute.devserver.visits import CLIENT_LEFT, visit_of


async def tunnel(request: web.BaseRequest, name: str, backend: LocalBackend, target: str, headers: Headers) -> web.StreamResponse:
    """Asks a backend to switch protocols, and carries the connection to its end. Forwards the answer if it does not switch."""
    try:
        answer = await send_request(backend, request.method, target, headers, None)
    except Unreachable as error:
        failure = bad_gateway(name, error)
        visit_of(request).fail((failure.text or "").strip())
        return failure
    try:
        if answer.status != 101:
            return await forward_answer(request, answer.status, answer.headers, answer)
        return await _join(request, answer)
    finally:
        answer.close()


async def _join(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = response_head(answer.status, answer.headers)
    response.force_close()
    visit = visit_of(request)
    visit.opening("tunnel")
    await response.prepare(request)
    visit.opened()
    client = StreamReader(request.protocol, CHUNK)
    request.protocol.set_parser(_ByteParser(client))  # type: ignore[arg-type]

    async def up() -> None:
        async for chunk in client.iter_any():
            answer.writer.write(chunk)
            await answer.writer.drain()

    async def down() -> None:
        chunk = answer.read_already or await answer.reader.read(CHUNK)
        while chunk:
            await response.write(chunk)
            chunk = await answer.reader.read(CHUNK)

    # If one side ends, the other ends too.
    tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        visit.closed(CLIENT_LEFT if tasks[0].done() else "the backend")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return response


class _ByteParser:
    """Takes the bytes of a client as they are. It has the methods of aiohttp's parsers that its protocol calls."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._reader.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        self._reader.feed_eof()
