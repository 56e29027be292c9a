"""A client's connection joined to a backend's, byte by byte."""

import asyncio

import h11
from aiohttp import web
from aiohttp.streams import StreamReader

from fanroute.devserver.config import Backend
from fanroute.devserver.grip_proxy import unreachable
from fanroute.devserver.holds import Headers
from fanroute.devserver.upstream import CHUNK, Answer, Unreachable, ask


async def tunnel(request: web.BaseRequest, name: str, backend: Backend, target: str, headers: Headers) -> web.StreamResponse:
    """Ask a backend for a WebSocket, and carry it to its end; its answer where it gives none."""
    try:
        answer = await ask(backend, request.method, target, headers, None)
    except Unreachable as error:
        return unreachable(name, error)
    try:
        if answer.status != 101:
            return await pass_on(request, answer.status, answer.headers, answer)
        return await _join(request, answer)
    finally:
        answer.close()


async def pass_on(request: web.BaseRequest, status: int, headers: Headers, answer: Answer) -> web.StreamResponse:
    """Give a backend's answer to the client as it comes, with some headers; where it is cut, so is the client's."""
    response = _response(status, headers)
    await response.prepare(request)
    try:
        async for chunk in answer.chunks():
            await response.write(chunk)
    except (OSError, h11.ProtocolError):
        if request.transport is not None:
            request.transport.abort()
    else:
        await response.write_eof()
    return response


async def _join(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = _response(answer.status, answer.headers)
    response.force_close()
    await response.prepare(request)
    client = StreamReader(request.protocol, CHUNK)
    request.protocol.set_parser(_Bytes(client))  # type: ignore[arg-type]

    async def up() -> None:
        async for chunk in client.iter_any():
            answer.writer.write(chunk)
            await answer.writer.drain()

    async def down() -> None:
        chunk = answer.read_already or await answer.reader.read(CHUNK)
        while chunk:
            await response.write(chunk)
            chunk = await answer.reader.read(CHUNK)

    # Where one side ends, so does the other.
    tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return response


def _response(status: int, headers: Headers) -> web.StreamResponse:
    response = web.StreamResponse(status=status)
    response.headers.extend([(name, value.decode("utf-8", "surrogateescape")) for name, value in headers])
    return response


class _Bytes:
    """What comes from the client, as it is: the part of aiohttp's parsers that its protocol calls."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._reader.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        self._reader.feed_eof()
