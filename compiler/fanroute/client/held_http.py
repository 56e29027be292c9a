"""Makes the requests of held connections and reads their answers, for `fanroute listen` and the console's panes."""

import codecs
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import aiohttp
from yarl import URL

from fanroute.plan.places import PROTOCOLS

Pairs = Iterable[tuple[str, str]]

# How long a connection may take, in seconds.
CONNECT_TIMEOUT = 10.0
# The longest message that is read, in bytes.
MAX_MESSAGE = 16 << 20
# The shortest time from one long-poll to the next, in seconds, so that a server that answers at once is not flooded.
POLL_INTERVAL = 0.1


class NoRequest(aiohttp.ClientError):
    """Reports that something cannot be requested: its URL or a header has what no request can have."""


def open_session(headers: Pairs = (), omitted: Iterable[str] = (), trust_env: bool = False) -> aiohttp.ClientSession:
    """Returns a session for connections that are held without a time limit.

    Args:
        headers: those of each request that does not have them itself.
        omitted: headers that aiohttp would add.
        trust_env: True if the proxies of the environment are used.
    """
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        headers=tuple(headers),
        skip_auto_headers=["Accept-Encoding", *omitted],
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=trust_env,
        trace_configs=[tracing],
    )


@asynccontextmanager
async def get(session: aiohttp.ClientSession, url: URL, headers: Pairs) -> AsyncIterator[aiohttp.ClientResponse]:
    """Yields the answer to a GET, also if it is a redirect. Raises aiohttp.ClientError."""
    with _what_cannot_be_sent():
        answer = await session.get(url, headers=tuple(headers), allow_redirects=False)
    async with answer:
        yield answer


@asynccontextmanager
async def open_websocket(
    session: aiohttp.ClientSession, url: URL, headers: Pairs, protocols: Sequence[str]
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Yields a WebSocket. Raises aiohttp.WSServerHandshakeError for any other answer than 101, and aiohttp.ClientError.

    A redirect is not followed: browsers do not, and it could lead the user's headers to any other server. Protocols that are
    among the headers are offered after the others, because aiohttp sends only those of its argument.
    """
    headers = list(headers)
    others = [pair for pair in headers if pair[0].lower() != PROTOCOLS.lower()]
    offered = [one.strip() for name, value in headers if name.lower() == PROTOCOLS.lower() for one in value.split(",")]
    with _what_cannot_be_sent():
        socket = await session.ws_connect(url, headers=tuple(others), protocols=[*protocols, *offered], max_msg_size=MAX_MESSAGE)
    async with socket:
        yield socket


async def _refuse_redirect(
    session: aiohttp.ClientSession, context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    """Ends a request before its redirect is followed. aiohttp's `ws_connect` has no argument for that."""
    answer = redirect.response
    answer.close()
    raise aiohttp.WSServerHandshakeError(
        answer.request_info, answer.history, status=answer.status, message="it is a redirect", headers=answer.headers
    )


@contextmanager
def _what_cannot_be_sent() -> Iterator[None]:
    """Raises NoRequest for the errors with which aiohttp, yarl and the resolver refuse a request before it is sent.

    They are of several kinds, such as UnicodeError for a name that DNS cannot have.
    """
    try:
        yield
    except aiohttp.InvalidURL:  # its text could have the password of a proxy
        raise NoRequest("its URL or the one of a proxy in the environment is not valid") from None
    except ValueError as error:
        raise NoRequest(str(error)) from None


def with_defaults(headers: Pairs, defaults: Pairs) -> list[tuple[str, str]]:
    """Returns headers, after those of `defaults` that they do not have."""
    own = list(headers)
    names = {name.lower() for name, _ in own}
    return [*(pair for pair in defaults if pair[0].lower() not in names), *own]


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
