"""Makes the requests of held connections and reads their answers, for `fanroute listen` and the console's panes."""

import codecs
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote

import aiohttp

from fanroute_runtime.plan import TokenPlace

Pairs = Iterable[tuple[str, str]]

# How long a connection may take, in seconds.
CONNECT_TIMEOUT = 10.0
# The longest message that is read, in bytes.
MAX_MESSAGE = 16 << 20
# The shortest time from one long-poll to the next, in seconds, so that a server that answers at once is not flooded.
POLL_INTERVAL = 0.1


def with_defaults(headers: Pairs, defaults: Pairs) -> list[tuple[str, str]]:
    """Returns headers, after those of `defaults` that they do not have."""
    own = list(headers)
    names = {name.lower() for name, _ in own}
    return [*(pair for pair in defaults if pair[0].lower() not in names), *own]


def place_token(url: str, token: str, place: TokenPlace | None) -> tuple[str, list[tuple[str, str]]]:
    """Returns a URL or target with a token in its query, or the header that has the token instead.

    If `place` is None, that is Authorization.
    """
    if place and place.kind == "query":
        separator = "&" if "?" in url else "?"
        return f"{url}{separator}{quote(place.name, safe='')}={quote(token, safe='')}", []
    if place and place.kind == "cookie":
        return url, [("Cookie", f"{place.name}={token}")]
    return url, [("Authorization", f"Bearer {token}")]


async def read_parts(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Yields the parts of a stream as HTTP's chunks divide it. Fanout sends a message as one chunk."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    is_chunked = "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
    waiting = b""
    async for data, is_whole_chunk in answer.content.iter_chunks():
        waiting += data
        if is_whole_chunk or not is_chunked or len(waiting) > MAX_MESSAGE:
            text, waiting = decoder.decode(waiting), b""
            if text:
                yield text


async def read_body(answer: aiohttp.ClientResponse, limit: int = MAX_MESSAGE) -> bytes:
    """Returns the body of an answer, up to a number of bytes."""
    body = b""
    while len(body) < limit and (data := await answer.content.read(limit - len(body))):
        body += data
    return body
