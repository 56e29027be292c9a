"""Listens to what Pushpin tells of itself: who is subscribed to each channel, and who got what was published.

Pushpin counts connections, and names none. Source: https://pushpin.org/docs/advanced/ (stats), and src/core/statsmanager.cpp.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import zmq.asyncio

# How Pushpin calls a way of holding a connection, by the format of the items that such a connection gets.
_MODES = {"http-stream": "stream", "http-response": "response", "ws-message": "ws"}


@dataclass(slots=True)
class Subscribers:
    """Counts the connections that are held on a channel in one way.

    Args:
        channel: the channel.
        mode: `stream` (also for server-sent events), `response` (a long-poll) or `ws`.
        count: how many there are. For about a minute, Pushpin still counts a long-poll that has ended.
        expires: when they count no more unless Pushpin names them again, in seconds of the clock.
        last: when the last item was published to them, and how many got it; None if there was none.
    """

    channel: str
    mode: str
    count: int
    expires: float
    last: tuple[float, int] | None = None


class PushpinStats:
    """Knows what Pushpin has told.

    Args:
        clock: returns the time, in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._subscribers: dict[tuple[str, str], Subscribers] = {}

    def subscribers(self) -> list[Subscribers]:
        """Returns the subscribers of all channels, by channel and mode."""
        now = self._clock()
        return [one for _, one in sorted(self._subscribers.items()) if one.expires > now]

    def take(self, message: bytes) -> None:
        """Takes a message of Pushpin's: a type, and after ` J` an object. Does nothing with one that it does not know."""
        kind, separator, text = message.partition(b" J")
        if not separator or kind not in (b"sub", b"message"):
            return
        with suppress(ValueError, KeyError, TypeError):  # another version may tell it in another way
            told = json.loads(text)
            if kind == b"sub":
                self._take_subscription(told)
            else:
                self._take_delivery(told)

    def _take_subscription(self, told: dict[str, Any]) -> None:
        key = told["channel"], told["mode"]
        if told.get("unavailable"):
            self._subscribers.pop(key, None)
            return
        # An older Pushpin says only that there are some.
        count, expires = int(told.get("subscribers", 1)), self._clock() + float(told["ttl"])
        last = self._subscribers[key].last if key in self._subscribers else None
        self._subscribers[key] = Subscribers(*key, count, expires, last)

    def _take_delivery(self, told: dict[str, Any]) -> None:
        found = self._subscribers.get((told["channel"], _MODES[told["transport"]]))
        if found:
            found.last = self._clock(), int(told["count"])


@asynccontextmanager
async def listening(spec: str) -> AsyncIterator[PushpinStats]:
    """Listens at the `stats_spec` of a Pushpin with `stats_format=json` as long as the context lasts."""
    stats = PushpinStats()
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.subscribe(b"")
    socket.connect(spec)

    async def listen() -> None:
        while True:
            stats.take(await socket.recv())

    task = asyncio.create_task(listen())
    try:
        yield stats
    finally:
        task.cancel()
        await asyncio.wait([task])
        socket.close()
        context.term()
