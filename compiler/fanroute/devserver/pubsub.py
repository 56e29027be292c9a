"""Delivers published items to the subscribers in this process."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING

from fanroute.devserver.filters import filter_content, passes_filters
from fanroute.devserver.grip_headers import Channel
from fanroute.devserver.items import Item, Message
from fanroute.plan.filters import CONTENT_FILTERS

if TYPE_CHECKING:
    from aiohttp import web

# How many items wait for a busy connection. As in Pushpin, further ones are dropped.
MAX_WAITING = 100
# How long a channel is followed after a long-poll, in seconds: Pushpin's `subscription_linger`.
LINGER = 60.0


class Channels:
    """Knows who is subscribed to which channel, and the id of the last item on it.

    A channel is followed as long as somebody is subscribed to it, and for some time after a long-poll, because its client
    usually comes back. Only while a channel is followed, the id of its last item is kept.

    Args:
        notice: takes a text for items that are dropped.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._subscribers: dict[str, set[Subscriber]] = defaultdict(set)
        self._last_ids: dict[str, str | None] = {}
        self._followed_until: dict[str, float] = {}
        self._numbers = itertools.count(1)

    @contextmanager
    def subscriber(
        self, is_long_poll: bool = False, max_waiting: int = MAX_WAITING, request: "web.BaseRequest | None" = None
    ) -> Iterator["Subscriber"]:
        """Yields a new connection without subscriptions. All that it gets end with the context.

        While the connection is busy, at most `max_waiting` items wait for it. `request` is the client's.
        """
        subscriber = Subscriber(self, is_long_poll, max_waiting, next(self._numbers), request)
        try:
            yield subscriber
        finally:
            subscriber.replace((), {})

    def add(self, subscriber: "Subscriber", channel: str) -> None:
        """Subscribes a connection to a channel."""
        if not self._is_followed(channel):
            self.forget_last_id(channel)
        self._subscribers[channel].add(subscriber)

    def remove(self, subscriber: "Subscriber", channel: str) -> None:
        """Unsubscribes a connection from a channel."""
        self._subscribers[channel].discard(subscriber)
        if not self._subscribers[channel]:
            del self._subscribers[channel]
        if subscriber.is_long_poll:
            self._followed_until[channel] = monotonic() + LINGER

    def publish(self, item: Item) -> int:
        """Queues an item for all subscribers of its channel, whatever formats it has. Returns how many got it."""
        subscribers = self._subscribers.get(item.channel, set())
        if self._is_followed(item.channel):
            self._last_ids[item.channel] = item.id
        count = sum(subscriber.offer(item) for subscriber in subscribers)
        if count < len(subscribers):
            self._notice(f"an item on {item.channel} is dropped for clients that read too slowly: {len(subscribers) - count}")
        return count

    def subscribers(self) -> list["Subscriber"]:
        """Returns the connections that are subscribed to a channel, the oldest first."""
        return sorted({one for of_channel in self._subscribers.values() for one in of_channel}, key=lambda one: one.number)

    def last_id(self, channel: str) -> str | None:
        """Returns the id of the last item that was published while the channel was followed, or None if it is not known."""
        return self._last_ids.get(channel)

    def forget_last_id(self, channel: str) -> None:
        """Forgets the id of the last item: a connection fetches what it has missed, or the item may not be the last."""
        self._last_ids.pop(channel, None)

    def _is_followed(self, channel: str) -> bool:
        return channel in self._subscribers or monotonic() < self._followed_until.get(channel, 0.0)


class Subscriber:
    """Represents a connection: its subscriptions by channel, its meta variables, and the items that are queued for it.

    Attributes:
        number: tells it from all others, and grows.
        request: the client's request, or None if it is not known.
        since: when it began, in seconds since 1970.
        last: when it got the last message, and its content; None before that.
    """

    def __init__(
        self,
        channels: Channels,
        is_long_poll: bool,
        max_waiting: int,
        number: int = 0,
        request: "web.BaseRequest | None" = None,
    ) -> None:
        self.number = number
        self.request = request
        self.since = time()
        self.last: tuple[float, bytes] | None = None
        self.is_long_poll = is_long_poll
        self.queue: asyncio.Queue[Item] = asyncio.Queue()
        self.channels: dict[str, Channel] = {}
        self.meta: dict[str, str] = {}
        self._all = channels
        self._max_waiting = max_waiting
        self._busy = 0
        # Is called with a channel, and True if the connection is subscribed to it from now on, or False if no longer.
        self.watch: Callable[[str, bool], None] = lambda channel, is_subscribed: None

    def offer(self, item: Item) -> bool:
        """Queues an item. Returns False if it is dropped, because the connection is busy and enough items wait for it."""
        if self._busy and self.queue.qsize() >= self._max_waiting:
            return False
        self.queue.put_nowait(item)
        return True

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Marks the connection as busy as long as the context lasts, such as while its client does not read."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def subscribe(self, channel: Channel) -> None:
        """Adds a subscription, or replaces the one to the same channel."""
        is_new = channel.name not in self.channels
        self.channels[channel.name] = channel
        self._all.add(self, channel.name)
        if is_new:
            self.watch(channel.name, True)

    def unsubscribe(self, name: str) -> None:
        """Removes the subscription to a channel, if there is one."""
        if self.channels.pop(name, None) is not None:
            self._all.remove(self, name)
            self.watch(name, False)

    def replace(self, channels: Iterable[Channel], meta: Mapping[str, str]) -> None:
        """Replaces all subscriptions and meta variables."""
        wanted = {channel.name: channel for channel in channels}
        for channel in wanted.values():
            self.subscribe(channel)
        for name in set(self.channels) - set(wanted):
            self.unsubscribe(name)
        self.meta = dict(meta)

    def is_behind(self) -> bool:
        """Returns True if items were published after those that the connection knows. Forgets their ids then."""
        behind = [
            channel.name
            for channel in self.channels.values()
            if channel.prev_id is not None and self._all.last_id(channel.name) not in (None, channel.prev_id)
        ]
        for name in behind:
            self._all.forget_last_id(name)
        return bool(behind)

    def advance_to(self, item: Item) -> bool:
        """Makes an item the last one that the connection knows. Returns False if items before it were missed."""
        channel = self.channels.get(item.channel)
        if channel is None or channel.prev_id is None:
            return True
        if channel.prev_id != item.prev_id:
            self._all.forget_last_id(item.channel)
            return False
        self.channels[item.channel] = replace(channel, prev_id=item.id)
        return True

    def last_id_headers(self) -> list[tuple[str, bytes]]:
        """Returns the Grip-Last headers: for each channel, the id of the last item that the connection knows."""
        known = [channel for channel in self.channels.values() if channel.prev_id is not None]
        return [("Grip-Last", f"{channel.name}; last-id={channel.prev_id}".encode()) for channel in known]

    def render(self, item: Item, message: Message) -> bytes | None:
        """Returns a message's content for this connection, or None if the filters keep it back. Raises BadContent."""
        channel = self.channels.get(item.channel)
        if channel is None or not passes_filters(channel.filters, self.meta, item.meta, self.channels):
            return None
        if message.filters is not None and message.filters != tuple(f for f in channel.filters if f in CONTENT_FILTERS):
            return None
        prev_ids = {channel.name: channel.prev_id for channel in self.channels.values()}
        content = filter_content(message.content, channel.filters, self.meta, prev_ids)
        if content is not None:
            self.last = time(), content
        return content

    def render_initial(self, content: bytes) -> bytes:
        """Applies `build-id` to a backend's answer, if a subscription has this filter. Raises BadContent."""
        builds_id = any("build-id" in channel.filters for channel in self.channels.values())
        return filter_content(content, ["build-id"] if builds_id else [], self.meta, {})
