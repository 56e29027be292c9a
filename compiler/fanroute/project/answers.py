"""Reads the answers of servers whole, within limits of size and time."""

from asyncio import timeout

import httpx


class TooLong(Exception):
    """Reports that an answer's body is longer than its limit."""


async def ask(client: httpx.AsyncClient, request: httpx.Request, seconds: float, limit: int) -> httpx.Response:
    """Returns a server's answer. Its body is as it was sent, also if it is compressed.

    The time limit is for all of it. httpx's own limits begin again with every byte.

    Raises TimeoutError, TooLong if the body has more than `limit` bytes, httpx.HTTPError, and ValueError if a request cannot be
    sent.
    """
    async with timeout(seconds):
        answer = await client.send(request, stream=True)
        answer.headers.pop("Content-Encoding", None)  # httpx would decompress the body, which could then be of any size
        return await read_whole(answer, limit)


async def read_whole(answer: httpx.Response, limit: int) -> httpx.Response:
    """Returns an answer with its body, and closes the connection to the server.

    Raises TooLong if the body has more than `limit` bytes, and httpx.HTTPError if it is cut.
    """
    body = bytearray()
    try:
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise TooLong(f"has more than {limit} bytes")
    finally:
        await answer.aclose()
    return httpx.Response(answer.status_code, headers=answer.headers, content=bytes(body))
