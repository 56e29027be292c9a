"""Publish and subscribe, within this process. Source: https://pushpin.org/docs/usage/#publishing"""

import asyncio
import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fanroute.local.filters import passes, rendered
from fanroute.local.grip import Channel

# Largest body of a publish request, in bytes.
MAX_PUBLISH = 65_536
HTTP_STREAM, HTTP_RESPONSE, WS_MESSAGE = FORMATS = ("http-stream", "http-response", "ws-message")
ACTIONS = ("send", "close", "hint")


class BadItem(ValueError):
    """What was published is not as it must be."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published in one format, for the connections that take it.

    The action `close` ends the connection, `hint` says that there is something to ask for. `status` and `headers` are an
    http-response's, `binary` and `code` a ws-message's.
    """

    content: bytes = b""
    action: str = "send"
    binary: bool = False
    code: int = 1000
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What is published at once on a channel: a message by format, its id and its predecessor's, and variables for filters."""

    channel: str
    formats: Mapping[str, Message]
    id: str | None = None
    prev_id: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


class Channels:
    """Who is subscribed to what, and what was published last."""

    def __init__(self) -> None:
        self._subscribed: dict[str, set[Subscriber]] = defaultdict(set)
        self._last_ids: dict[str, str | None] = {}

    @contextmanager
    def subscriber(self) -> Iterator["Subscriber"]:
        """A new connection, subscribed to what it is told as long as the context lasts."""
        subscriber = Subscriber(self)
        try:
            yield subscriber
        finally:
            subscriber.replace((), {})

    def add(self, subscriber: "Subscriber", channel: str) -> None:
        self._subscribed[channel].add(subscriber)

    def remove(self, subscriber: "Subscriber", channel: str) -> None:
        self._subscribed[channel].discard(subscriber)
        if not self._subscribed[channel]:
            del self._subscribed[channel]
            self._last_ids.pop(channel, None)

    def publish(self, item: Item) -> int:
        """Give an item to a channel's subscribers, each of which takes its own format; how many there were."""
        subscribers = self._subscribed.get(item.channel, set())
        if subscribers:
            self._last_ids[item.channel] = item.id
        for subscriber in subscribers:
            subscriber.queue.put_nowait(item)
        return len(subscribers)

    def last_id(self, channel: str) -> str | None:
        """The id of what was published last while somebody was subscribed, None if that is not known."""
        return self._last_ids.get(channel)

    def forget(self, channel: str) -> None:
        """Forget what was published last: somebody asks for it."""
        self._last_ids.pop(channel, None)


class Subscriber:
    """A connection: its channels by name, its meta variables, and what is published for it."""

    def __init__(self, channels: Channels) -> None:
        self.queue: asyncio.Queue[Item] = asyncio.Queue()
        self.channels: dict[str, Channel] = {}
        self.meta: dict[str, str] = {}
        self._all = channels

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
        prev_ids = {channel.name: channel.prev_id for channel in self.channels.values()}
        return rendered(message.content, channel.filters, self.meta, prev_ids)

    def beginning(self, content: bytes) -> bytes:
        """What a backend has answered, for this connection: ids are built there too. Raises BadContent."""
        builds = any("build-id" in channel.filters for channel in self.channels.values())
        return rendered(content, ["build-id"] if builds else [], self.meta, {})


def parse_publish(body: bytes) -> list[Item]:
    """A publish request's items. Raises BadItem."""
    try:
        return [_item(item) for item in json.loads(body)["items"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadItem(f"not a publish request: {error!r}") from error


def _item(item: dict[str, Any]) -> Item:
    formats = {name: _message(name, value) for name, value in _formats(item).items()}
    id_, prev_id = (None if item.get(key) is None else _text(item, key) for key in ("id", "prev-id"))
    meta = item.get("meta") or {}
    return Item(_text(item, "channel"), formats, id_, prev_id, {name: _text(meta, name) for name in meta})


def _text(mapping: dict[str, Any], key: str) -> str:
    value = mapping[key]
    if not isinstance(value, str):
        raise BadItem(f"'{key}' is text")
    return value


def _formats(item: dict[str, Any]) -> dict[str, Any]:
    formats = item.get("formats") or {name: item[name] for name in FORMATS if name in item}
    if not formats or not set(formats) <= set(FORMATS):
        raise BadItem(f"formats are {', '.join(FORMATS)}")
    return dict(formats)


def _message(format: str, value: dict[str, Any]) -> Message:
    binary = next((value[key] for key in ("content-bin", "body-bin") if key in value), None)
    text = next((value[key] for key in ("content", "body") if key in value), "")
    action = value.get("action", "send")
    if action not in ACTIONS:
        raise BadItem(f"actions are {', '.join(ACTIONS)}")
    try:
        content = text.encode() if binary is None else base64.b64decode(binary, validate=True)
    except binascii.Error as error:
        raise BadItem(f"not base64: {binary!r}") from error
    headers = value.get("headers", {})
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Message(
        content=content,
        action=action,
        binary=binary is not None,
        code=int(value.get("code", 1000)) if format == WS_MESSAGE else 1000,
        status=int(value.get("code", 200)) if format == HTTP_RESPONSE else 200,
        headers=tuple((str(name), str(content)) for name, content in pairs),
    )
