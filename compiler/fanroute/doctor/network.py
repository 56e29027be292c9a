"""Asks servers for one answer each, within a time limit, and compares their clocks with this machine's."""

import time
from asyncio import timeout
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import h11

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.forwarding import Headers
from fanroute.devserver.upstream import Answer, Unreachable, send_request

# How long a server may take to answer, in seconds.
LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Represents an answer. The names of its headers are in lower case. `body` is empty if it was not asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Network:
    """Asks servers. `skews` gets the seconds by which each one's clock is ahead of this machine's, whose time `now` returns."""

    now: Callable[[], float] = time.time
    skews: list[float] = field(default_factory=list)

    async def ask(self, url: str, host: str, path: str, headers: Headers, limit: int = 0) -> Reply:
        """Sends a GET to a URL without a path, and returns the head of the answer. Raises Unreachable.

        After LIMIT seconds, its detail is "http-response-timeout". With a `limit`, in bytes, the reply has the beginning of the
        body, at least this long unless the body ends before.
        """
        head: Headers = [("Host", (host or urlsplit(url).netloc).encode()), ("User-Agent", b"fanroute-doctor"), *headers]
        try:
            async with timeout(LIMIT):
                answer = await send_request(LocalBackend(url), "GET", path, head, None)
                try:
                    body = await _beginning(answer, limit)
                finally:
                    answer.close()
        except TimeoutError:
            raise Unreachable("http-response-timeout") from None
        return Reply(answer.status, {name.lower(): value.decode("latin-1") for name, value in answer.headers}, body)

    def note_clock(self, headers: Mapping[str, str]) -> None:
        """Notes the time in an answer's Date. A cached answer is as old as its Age says (RFC 9110, 6.6.1; RFC 9111, 5.1)."""
        try:
            date, age = parsedate_to_datetime(headers["date"]).timestamp(), int(headers.get("age", "0"))
        except (KeyError, ValueError, OverflowError):
            return
        self.skews.append(date + age - self.now())


async def _beginning(answer: Answer, limit: int) -> bytes:
    """Returns the beginning of a body, of `limit` bytes or a bit more. Raises Unreachable if the body is cut."""
    body = b""
    if not limit:
        return body
    try:
        async for chunk in answer.chunks():
            body += chunk
            if len(body) >= limit:
                break
    except (OSError, h11.ProtocolError) as error:
        raise Unreachable("connection-terminated") from error
    return body
