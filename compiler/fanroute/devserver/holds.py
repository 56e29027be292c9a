"""Held connections: a stream that grows, and a response that waits. Source: https://pushpin.org/docs/protocols/grip/"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urljoin

import httpx
from aiohttp import web

from fanroute.devserver.bodies import MAX_STREAMED, read_whole
from fanroute.devserver.filters import BadContent
from fanroute.devserver.grip_headers import Hold, parse_hold
from fanroute.devserver.items import HTTP_RESPONSE, HTTP_STREAM, Item, Message
from fanroute.devserver.patching import patched
from fanroute.devserver.pubsub import Subscriber

Headers = list[tuple[str, bytes]]
# Seconds to wait each time that a link has failed, until it is given up: Pushpin's, without what it adds by chance.
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 0.0)
# Asks a link's target, with headers of Fanout's.
Fetch = Callable[[str, Headers], Awaitable[httpx.Response]]


class Stream:
    """A held stream: what is published is appended to it, and what was missed is asked for at its link.

    Args:
        response: the client's, its headers sent.
        subscriber: the connection's subscriptions, as the hold has them.
        hold: what the backend's answer says.
        target: path and query of the request, from which a link goes on.
        fetch: asks the backend for a link; raises httpx.HTTPError.
    """

    def __init__(self, response: web.StreamResponse, subscriber: Subscriber, hold: Hold, target: str, fetch: Fetch) -> None:
        self._response = response
        self._subscriber = subscriber
        self._hold = hold
        self._target = target
        self._fetch = fetch
        self._keep_alive_due = self._link_due = 0.0

    async def run(self, beginning: bytes) -> None:
        """Write the beginning and all that follows, until somebody ends it. Raises TooLong for a link's answer."""
        try:
            await self._write(self._subscriber.beginning(beginning))
            behind = self._subscriber.is_behind() or not self._hold.mode
            while not behind or await self._catch_up():
                behind = False
                if self._subscriber.last_ids() and not self._hold.link:
                    raise _Ended
                self._wind_up()
                while not behind:
                    behind = await self._next()
        except (_Ended, BadContent, httpx.HTTPError):
            pass
        await self._response.write_eof()

    async def _next(self) -> bool:
        """Do what is next: a message, or what a time has come for; whether the connection is behind. Raises _Ended."""
        due = min(self._keep_alive_due, self._link_due)
        try:
            async with asyncio.timeout_at(due if due < float("inf") else None):
                item = await self._subscriber.queue.get()
        except TimeoutError:
            if due == self._link_due:
                return True
            assert self._hold.keep_alive is not None  # it is due
            await self._write(self._hold.keep_alive.content)
            self._wind_up_keep_alive()
            return False
        return await self._take(item)

    async def _take(self, item: Item) -> bool:
        message = item.formats.get(HTTP_STREAM)
        if message is None:
            return False
        if not self._subscriber.follows(item):
            return True
        content = self._subscriber.content(item, message)
        if content is None:
            return False
        if message.action == "close":
            raise _Ended
        if message.action == "hint":
            return bool(self._hold.link)
        await self._write(content)
        self._wind_up_link()
        if self._hold.keep_alive is not None and not self._hold.keep_alive.interval:
            self._wind_up_keep_alive()
        return False

    async def _write(self, content: bytes) -> None:
        with self._subscriber.busy():
            await self._response.write(content)

    async def _catch_up(self) -> bool:
        """Append what the link answers, and be held as it says; whether the stream goes on."""
        while self._hold.link:
            self._target = urljoin(self._target, self._hold.link)
            with self._subscriber.busy():
                answer = await self._missed()
            await self._write(self._subscriber.beginning(answer.content))
            self._hold = parse_hold(answer.headers) or Hold("")
            if self._hold.mode == "stream":
                self._subscriber.replace(self._hold.channels, self._hold.meta)
                self._drop_what_is_known()
                return True
        return False

    async def _missed(self) -> httpx.Response:
        """Returns the link's answer, whole. A link that fails is asked again some times. Raises _Ended and TooLong."""
        for delay in RETRY_DELAYS:
            with suppress(httpx.HTTPError):
                answer = await self._fetch(self._target, self._subscriber.last_ids())
                try:
                    if answer.is_success:
                        return await read_whole(answer, MAX_STREAMED)
                finally:
                    await answer.aclose()
            if delay:
                await asyncio.sleep(delay)
        raise _Ended

    def _drop_what_is_known(self) -> None:
        """Drop what was published meanwhile, up to what follows the hold."""
        queue, waiting = self._subscriber.queue, []
        while not queue.empty():
            waiting.append(queue.get_nowait())
        for item in waiting:
            channel = self._subscriber.channels.get(item.channel)
            known = channel is None or (channel.prev_id is not None and channel.prev_id != item.prev_id)
            if not known or not queue.empty():
                queue.put_nowait(item)

    def _wind_up(self) -> None:
        self._wind_up_keep_alive()
        self._wind_up_link()

    def _wind_up_keep_alive(self) -> None:
        keep_alive = self._hold.keep_alive
        self._keep_alive_due = _now() + keep_alive.timeout if keep_alive else float("inf")

    def _wind_up_link(self) -> None:
        self._link_due = _now() + self._hold.link_timeout if self._hold.link else float("inf")


class _Ended(Exception):
    """The stream is over."""


async def held_response(hold: Hold, subscriber: Subscriber, body: bytes) -> tuple[Message, bytes] | None:
    """Returns what is published for a held response, and its content for this connection; None after the time-out.

    `body` is the held answer's, which a message may patch.

    Raises Behind where something has been missed or is hinted at, and BadContent.
    """
    if subscriber.is_behind():
        raise Behind
    try:
        async with asyncio.timeout(hold.timeout):
            while True:
                item = await subscriber.queue.get()
                message = item.formats.get(HTTP_RESPONSE)
                if message is None:
                    continue
                if not subscriber.follows(item):
                    raise Behind
                if message.patch is not None:
                    message = replace(message, content=patched(body, message.patch))
                content = subscriber.content(item, message)
                if content is not None and message.action == "hint":
                    raise Behind
                if content is not None and message.action == "send":
                    return message, content
    except TimeoutError:
        return None


class Behind(Exception):
    """The backend has to be asked again."""


def _now() -> float:
    return asyncio.get_running_loop().time()
