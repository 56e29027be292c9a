"""Publish and subscribe, within this process."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from fanroute.devserver.filters import CONTENT_FILTERS, passes, rendered
from fanroute.devserver.grip_headers import Channel
from fanroute.devserver.items import Item, Message

# How many items wait for a busy connection, as in Pushpin: it drops further ones.
MAX_WAITING = 100
# How long a channel is followed after a long-poll, in seconds: Pushpin's `subscription_linger`.
LINGER = 60.0


class Channels:
    """Who is subscribed to what, and what was published last.

    A channel is followed while somebody is subscribed, and for some time after a long-poll, as its client mostly comes back.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._subscribed: dict[str, set[Subscriber]] = defaultdict(set)
        self._last_ids: dict[str, str | None] = {}
        self._followed_until: dict[str, float] = {}

    @contextmanager
    def subscriber(self, polls: bool = False, most_waiting: int = MAX_WAITING) -> Iterator["Subscriber"]:
        """Yield a new connection, perhaps a long-poll, that is subscribed to what it is told as long as the context lasts.

        While it is busy, at most `most_waiting` items are kept for it.
        """
        subscriber = Subscriber(self, polls, most_waiting)
        try:
            yield subscriber
        finally:
            subscriber.replace((), {})

    def add(self, subscriber: "Subscriber", channel: str) -> None:
        if not self._is_followed(channel):
            self.forget(channel)
        self._subscribed[channel].add(subscriber)
        self._log(f"subscribed to {channel}")

    def remove(self, subscriber: "Subscriber", channel: str) -> None:
        self._subscribed[channel].discard(subscriber)
        if not self._subscribed[channel]:
            del self._subscribed[channel]
        if subscriber.polls:
            self._followed_until[channel] = monotonic() + LINGER

    def publish(self, item: Item) -> int:
        """Give an item to a channel's subscribers, each of which takes its own format; returns how many have got it."""
        subscribers = self._subscribed.get(item.channel, set())
        if self._is_followed(item.channel):
            self._last_ids[item.channel] = item.id
        count = sum(subscriber.offer(item) for subscriber in subscribers)
        if count < len(subscribers):
            self._log(f"an item on {item.channel} is dropped for clients that read too slowly: {len(subscribers) - count}")
        return count

    def last_id(self, channel: str) -> str | None:
        """The id of what was published last while the channel was followed, None if that is not known."""
        return self._last_ids.get(channel)

    def forget(self, channel: str) -> None:
        """Forget what was published last: somebody asks for it, or it may not have been the last."""
        self._last_ids.pop(channel, None)

    def _is_followed(self, channel: str) -> bool:
        return channel in self._subscribed or monotonic() < self._followed_until.get(channel, 0.0)


class Subscriber:
    """A connection: its channels by name, its meta variables, and what is published for it."""

    def __init__(self, channels: Channels, polls: bool, most_waiting: int) -> None:
        self.polls = polls
        self.queue: asyncio.Queue[Item] = asyncio.Queue()
        self.channels: dict[str, Channel] = {}
        self.meta: dict[str, str] = {}
        self._all = channels
        self._most_waiting = most_waiting
        self._busy = 0

    def offer(self, item: Item) -> bool:
        """Queue an item; returns False if it is dropped, because the connection is busy and enough items wait for it."""
        if self._busy and self.queue.qsize() >= self._most_waiting:
            return False
        self.queue.put_nowait(item)
        return True

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Have the connection take no items as long as the context lasts, such as while its client does not read."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def subscribe(self, channel: Channel) -> None:
        self.channels[channel.name] = channel
        self._all.add(self, channel.name)

    def unsubscribe(self, name: str) -> None:
        if self.channels.pop(name, None) is not None:
            self._all.remove(self, name)

    def replace(self, channels: Iterable[Channel], meta: Mapping[str, str]) -> None:
        """Be subscribed to these channels, and no others."""
        wanted = {channel.name: channel for channel in channels}
        for channel in wanted.values():
            self.subscribe(channel)
        for name in set(self.channels) - set(wanted):
            self.unsubscribe(name)
        self.meta = dict(meta)

    def is_behind(self) -> bool:
        """Whether something has been published since what the connection knows; that is forgotten then."""
        behind = [
            channel.name
            for channel in self.channels.values()
            if channel.prev_id is not None and self._all.last_id(channel.name) not in (None, channel.prev_id)
        ]
        for name in behind:
            self._all.forget(name)
        return bool(behind)

    def follows(self, item: Item) -> bool:
        """Whether an item comes next; it is what the connection knows then."""
        channel = self.channels.get(item.channel)
        if channel is None or channel.prev_id is None:
            return True
        if channel.prev_id != item.prev_id:
            self._all.forget(item.channel)
            return False
        self.channels[item.channel] = replace(channel, prev_id=item.id)
        return True

    def last_ids(self) -> list[tuple[str, bytes]]:
        """What the connection knows, as Fanout tells it to a backend."""
        known = [channel for channel in self.channels.values() if channel.prev_id is not None]
        return [("Grip-Last", f"{channel.name}; last-id={channel.prev_id}".encode()) for channel in known]

    def content(self, item: Item, message: Message) -> bytes | None:
        """A message's content for this connection; None if it is not for it. Raises BadContent."""
        channel = self.channels.get(item.channel)
        if channel is None or not passes(channel.filters, self.meta, item.meta, self.channels):
            return None
        if message.filters is not None and message.filters != tuple(f for f in channel.filters if f in CONTENT_FILTERS):
            return None
        prev_ids = {channel.name: channel.prev_id for channel in self.channels.values()}
        return rendered(message.content, channel.filters, self.meta, prev_ids)

    def beginning(self, content: bytes) -> bytes:
        """What a backend has answered, for this connection: ids are built there too. Raises BadContent."""
        builds = any("build-id" in channel.filters for channel in self.channels.values())
        return rendered(content, ["build-id"] if builds else [], self.meta, {})
