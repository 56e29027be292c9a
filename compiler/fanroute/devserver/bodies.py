"""Reads a backend's answer whole, up to a limit."""

import httpx

# Longest bodies, in bytes, that are read whole. The first two limits are Pushpin's: for an answer with instructions, and for one
# with a WebSocket's events. Pushpin passes on the beginning of a stream, and a link's answer, as they come; here they have the
# third.
MAX_INSTRUCTED, MAX_EVENTS_ANSWERED, MAX_STREAMED = 100_000, 1_000_000, 16 << 20


class TooLong(Exception):
    """Reports that an answer has more bytes than are read."""


async def read_whole(answer: httpx.Response, most: int) -> httpx.Response:
    """Returns an answer with its body, and closes it. Raises TooLong and httpx.HTTPError."""
    body = bytearray()
    try:
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most:
                raise TooLong(f"has more than {most} bytes")
    finally:
        await answer.aclose()
    return httpx.Response(answer.status_code, headers=answer.headers, content=bytes(body))
