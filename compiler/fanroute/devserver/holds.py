"""Holds connections: appends published items to a stream, or waits with a response. Source: https://pushpin.org/docs/protocols/grip/"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urljoin

import httpx
from aiohttp import web

from fanroute.devserver.filters import BadContent
from fanroute.devserver.forwarding import MAX_STREAM_BODY, Headers
from fanroute.devserver.grip_headers import Hold, parse_hold
from fanroute.devserver.items import HTTP_RESPONSE, HTTP_STREAM, Item, Message
from fanroute.devserver.patching import apply_patch
from fanroute.devserver.pubsub import Subscriber
from fanroute.project.answers import read_whole

# Seconds to wait after each failure of a link. After the last one, the stream ends. They are Pushpin's, without its random part.
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 0.0)
# Sends a request for a link's target, with these Grip-Last headers.
Fetch = Callable[[str, Headers], Awaitable[httpx.Response]]


class HeldStream:
    """Holds a stream: appends published items to it, and fetches missed ones from its link.

    Args:
        response: the client's. Its headers are sent already.
        subscriber: has the subscriptions of the hold.
        hold: what the backend's answer says.
        target: path and query of the request; a link is relative to it.
        fetch: asks the backend for a link; raises httpx.HTTPError.
        sent: is called with the length of each published content that the client gets.
    """

    def __init__(
        self,
        response: web.StreamResponse,
        subscriber: Subscriber,
        hold: Hold,
        target: str,
        fetch: Fetch,
        sent: Callable[[int], None],
    ) -> None:
        self._response = response
        self._subscriber = subscriber
        self._hold = hold
        self._target = target
        self._fetch = fetch
        self._sent = sent
        self._keep_alive_due = self._link_due = 0.0

    async def run(self, initial: bytes) -> str:
        """Writes the initial content and all that follows, until the stream ends. Returns what ended it.

        Raises TooLong for a link's answer.
        """
        try:
            await self._write(self._subscriber.render_initial(initial))
            is_behind = self._subscriber.is_behind() or not self._hold.mode
            while not is_behind or await self._catch_up():
                is_behind = False
                if self._subscriber.last_id_headers() and not self._hold.link:
                    raise _Ended("it cannot find out if it has missed messages: it has ids, but no link")
                self._restart_timers()
                while not is_behind:
                    is_behind = await self._wait_for_next()
            how = "nothing holds it any longer"
        except _Ended as ended:
            how = str(ended)
        except BadContent:
            how = "a message without a value for its content filter"
        except httpx.HTTPError:
            how = "the answer of its link broke off"
        await self._response.write_eof()
        return how

    async def _wait_for_next(self) -> bool:
        """Waits for an item or a timer, and acts on it. Returns True if the link must be fetched. Raises _Ended."""
        due = min(self._keep_alive_due, self._link_due)
        try:
            async with asyncio.timeout_at(due if due < float("inf") else None):
                item = await self._subscriber.queue.get()
        except TimeoutError:
            if due == self._link_due:
                return True
            assert self._hold.keep_alive is not None  # its timer has run out
            await self._write(self._hold.keep_alive.content)
            self._restart_keep_alive_timer()
            return False
        return await self._deliver(item)

    async def _deliver(self, item: Item) -> bool:
        """Appends an item. Returns True if the link must be fetched. Raises _Ended."""
        message = item.formats.get(HTTP_STREAM)
        if message is None:
            return False
        if not self._subscriber.advance_to(item):
            return True
        content = self._subscriber.render(item, message)
        if content is None:
            return False
        if message.action == "close":
            raise _Ended("a close was published")
        if message.action == "hint":
            return bool(self._hold.link)
        await self._write(content)
        self._sent(len(content))
        self._restart_link_timer()
        if self._hold.keep_alive is not None and not self._hold.keep_alive.interval:
            self._restart_keep_alive_timer()
        return False

    async def _write(self, content: bytes) -> None:
        with self._subscriber.busy():
            await self._response.write(content)

    async def _catch_up(self) -> bool:
        """Appends the link's answer, and follows its instructions. Returns True if the stream is still held. Raises _Ended."""
        while self._hold.link:
            self._target = urljoin(self._target, self._hold.link)
            with self._subscriber.busy():
                answer = await self._fetch_link()
            await self._write(self._subscriber.render_initial(answer.content))
            self._hold = parse_hold(answer.headers) or Hold("")
            if self._hold.mode == "stream":
                self._subscriber.replace(self._hold.channels, self._hold.meta)
                self._drop_known_items()
                return True
        return False

    async def _fetch_link(self) -> httpx.Response:
        """Returns the link's whole answer, after a few more tries if it fails. Raises _Ended and TooLong."""
        for delay in RETRY_DELAYS:
            with suppress(httpx.HTTPError):
                answer = await self._fetch(self._target, self._subscriber.last_id_headers())
                try:
                    if answer.is_success:
                        return await read_whole(answer, MAX_STREAM_BODY)
                finally:
                    await answer.aclose()
            if delay:
                await asyncio.sleep(delay)
        raise _Ended("its link gives no answer")

    def _drop_known_items(self) -> None:
        """Drops the queued items that the link's answer already had: those before the one that follows the new hold."""
        queue, queued = self._subscriber.queue, []
        while not queue.empty():
            queued.append(queue.get_nowait())
        for item in queued:
            channel = self._subscriber.channels.get(item.channel)
            is_known = channel is None or (channel.prev_id is not None and channel.prev_id != item.prev_id)
            if not is_known or not queue.empty():
                queue.put_nowait(item)

    def _restart_timers(self) -> None:
        self._restart_keep_alive_timer()
        self._restart_link_timer()

    def _restart_keep_alive_timer(self) -> None:
        keep_alive = self._hold.keep_alive
        self._keep_alive_due = _now() + keep_alive.timeout if keep_alive else float("inf")

    def _restart_link_timer(self) -> None:
        self._link_due = _now() + self._hold.link_timeout if self._hold.link else float("inf")


class _Ended(Exception):
    """Ends a stream. Its text says why."""


async def hold_response(hold: Hold, subscriber: Subscriber, body: bytes) -> tuple[Message, bytes] | None:
    """Waits until something is published for a held response. Returns it with its content, or None after the timeout.

    Raises MissedItems if something was missed or is hinted at, and BadContent.

    Args:
        hold: what the backend's answer says.
        subscriber: has the subscriptions of the hold.
        body: that of the backend's answer, which a message can patch.
    """
    if subscriber.is_behind():
        raise MissedItems
    try:
        async with asyncio.timeout(hold.timeout):
            while True:
                item = await subscriber.queue.get()
                message = item.formats.get(HTTP_RESPONSE)
                if message is None:
                    continue
                if not subscriber.advance_to(item):
                    raise MissedItems
                if message.patch is not None:
                    message = replace(message, content=apply_patch(body, message.patch))
                content = subscriber.render(item, message)
                if content is not None and message.action == "hint":
                    raise MissedItems
                if content is not None and message.action == "send":
                    return message, content
    except TimeoutError:
        return None


class MissedItems(Exception):
    """Reports that a connection has missed items, so the backend must be asked again."""


def _now() -> float:
    return asyncio.get_running_loop().time()
