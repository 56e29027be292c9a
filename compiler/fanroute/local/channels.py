"""Publish and subscribe, within this process. Source: https://pushpin.org/docs/usage/#publishing"""

import asyncio
import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Largest body of a publish request, in bytes.
MAX_PUBLISH = 65_536
HTTP_STREAM, HTTP_RESPONSE, WS_MESSAGE = FORMATS = ("http-stream", "http-response", "ws-message")


class BadItem(ValueError):
    """What was published is not as it must be."""


@dataclass(frozen=True, slots=True)
class Message:
    """One published message in one format, for the connections that take it.

    `close` ends the connection. `status` and `headers` are an http-response's, `binary` and `code` a ws-message's.
    """

    format: str
    content: bytes = b""
    close: bool = False
    binary: bool = False
    code: int = 1000
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Queue = asyncio.Queue[Message]


class Channels:
    """Who is subscribed to what."""

    def __init__(self) -> None:
        self._subscribed: dict[str, set[Queue]] = defaultdict(set)

    @contextmanager
    def queue(self, names: list[str]) -> Iterator[Queue]:
        """A queue of the messages published on some channels, as long as the context lasts."""
        queue: Queue = asyncio.Queue()
        for name in names:
            self.subscribe(queue, name)
        try:
            yield queue
        finally:
            for name in list(self._subscribed):
                self.unsubscribe(queue, name)

    def subscribe(self, queue: Queue, channel: str) -> None:
        self._subscribed[channel].add(queue)

    def unsubscribe(self, queue: Queue, channel: str) -> None:
        self._subscribed[channel].discard(queue)
        if not self._subscribed[channel]:
            del self._subscribed[channel]

    def publish(self, channel: str, messages: list[Message]) -> int:
        """Give messages to a channel's subscribers, each of which takes its own format; how many there were."""
        queues = self._subscribed.get(channel, set())
        for queue in queues:
            for message in messages:
                queue.put_nowait(message)
        return len(queues)


def parse_publish(body: bytes) -> list[tuple[str, list[Message]]]:
    """A publish request's items: channel and messages of each. Raises BadItem."""
    try:
        items = json.loads(body)["items"]
        return [(_channel(item), [_message(name, value) for name, value in _formats(item).items()]) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadItem(f"not a publish request: {error!r}") from error


def _channel(item: dict[str, Any]) -> str:
    if not isinstance(item["channel"], str):
        raise BadItem("a channel is text")
    return item["channel"]


def _formats(item: dict[str, Any]) -> dict[str, Any]:
    formats = item.get("formats") or {name: item[name] for name in FORMATS if name in item}
    if not formats or not set(formats) <= set(FORMATS):
        raise BadItem(f"formats are {', '.join(FORMATS)}")
    return dict(formats)


def _message(format: str, value: dict[str, Any]) -> Message:
    binary = next((value[key] for key in ("content-bin", "body-bin") if key in value), None)
    text = next((value[key] for key in ("content", "body") if key in value), "")
    try:
        content = text.encode() if binary is None else base64.b64decode(binary, validate=True)
    except binascii.Error as error:
        raise BadItem(f"not base64: {binary!r}") from error
    headers = value.get("headers", {})
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Message(
        format=format,
        content=content,
        close=value.get("action") == "close",
        binary=binary is not None,
        code=int(value.get("code", 1000)) if format == WS_MESSAGE else 1000,
        status=int(value.get("code", 200)) if format == HTTP_RESPONSE else 200,
        headers=tuple((str(name), str(content)) for name, content in pairs),
    )
