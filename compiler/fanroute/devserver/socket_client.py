"""A WebSocket's client, as Fanout has it: its subscriptions, and what keeps it alive.

Source: https://pushpin.org/docs/protocols/grip/ (control messages)
"""

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from fanroute.devserver.filters import BadContent
from fanroute.devserver.grip_headers import DEFAULT_KEEP_ALIVE, Channel
from fanroute.devserver.items import WS_MESSAGE, content_of
from fanroute.devserver.pubsub import Subscriber
from fanroute.devserver.pushpin_json import WrongType, integer, member, parse, strings
from fanroute_runtime.grip import MAX_CHANNELS
from fanroute_runtime.websocket import Event

# Longest content of a PING, PONG or CLOSE, its code included (RFC 6455, 5.5).
MAX_CONTROL_FRAME = 125
# How errors name a control message.
_WHERE = "grip control object"


class Client:
    """The client's side of a connection, with its subscriptions and what keeps it alive."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, subscriber: Subscriber) -> None:
        self.socket = socket
        self._transport = transport
        self._subscriber = subscriber
        self._keep_alive: tuple[float, Event] | None = None
        self._sent = asyncio.Event()
        # Whether this side closes the connection, and when it has done so.
        self.closing = False
        self.closed = asyncio.Event()
        # Whether the backend wants no more of the client's events.
        self.detached = False

    async def send(self, event: Event) -> None:
        """Send a message, PING or PONG, its bytes as they are."""
        self._sent.set()
        if event.type in ("PING", "PONG") and len(event.content) > MAX_CONTROL_FRAME:
            self.abort()
        else:
            with self._subscriber.busy():
                await self.socket.send_frame(event.content, WSMsgType[event.type])

    async def close(self, code: int, reason: bytes) -> None:
        """Close the connection, with a code and a reason as they are."""
        self.closing = True
        if len(reason) > MAX_CONTROL_FRAME - 2:
            self.abort()
        else:
            await self.socket.close(code=code, message=reason)
        self.closed.set()

    def abort(self) -> None:
        """End the connection without a word, as Pushpin does where it cannot send what it must."""
        if self._transport is not None:
            self._transport.abort()

    def control(self, message: bytes) -> None:
        """Do what a control message says; nothing, where it makes no sense."""
        with suppress(ValueError):
            control = parse(message)
            if isinstance(control, dict):
                self._do(control)

    def _do(self, control: dict[str, Any]) -> None:
        match control.get("type"):
            case "subscribe" if len(self._subscriber.channels) < MAX_CHANNELS:
                filters = strings(control, "filters", _WHERE) or ()
                self._subscriber.subscribe(Channel(_name(control, "channel"), filters))
            case "unsubscribe":
                self._subscriber.unsubscribe(_name(control, "channel"))
            case "set-meta":
                name, value = _name(control, "name"), member(control, "value", str, _WHERE)
                if value is None:
                    self._subscriber.meta.pop(name, None)
                else:
                    self._subscriber.meta[name] = value
            case "detach":
                self.detached = True
            case "keep-alive":
                self._keep_alive = _keep_alive(control)
                self._sent.set()

    async def deliver(self) -> None:
        """Send what is published, and what keeps the connection alive, as long as the client is there."""
        await asyncio.gather(self._deliver_published(), self._stay_alive(), return_exceptions=True)

    async def _deliver_published(self) -> None:
        while True:
            item = await self._subscriber.queue.get()
            message = item.formats.get(WS_MESSAGE)
            if message is None:
                continue
            with suppress(BadContent):
                content = self._subscriber.content(item, message)
                if content is None:
                    continue
                if message.action == "close":
                    await self.close(message.code, message.reason.encode())
                elif message.action == "send":
                    await self.send(Event(message.type, content))

    async def _stay_alive(self) -> None:
        while True:
            self._sent.clear()
            keep_alive = self._keep_alive
            try:
                await asyncio.wait_for(self._sent.wait(), keep_alive[0] if keep_alive else None)
            except TimeoutError:
                assert keep_alive is not None  # without one there is no time-out
                await self.send(keep_alive[1])


def _name(control: dict[str, Any], key: str) -> str:
    """Returns a name that a control message needs. Raises WrongType if it is no text, or an empty one."""
    name: str = member(control, key, str, _WHERE, "")
    if not name:
        raise WrongType(f"{_WHERE} contains no '{key}'")
    return name


def _keep_alive(control: dict[str, Any]) -> tuple[float, Event] | None:
    """What a control message has sent after some time; None where it ends that."""
    type_ = member(control, "message-type", str, _WHERE, "text").upper()
    content = content_of(control, "content", _WHERE)
    if content is None or type_ not in ("TEXT", "BINARY", "PING", "PONG"):
        return None
    return integer(control, "timeout", _WHERE, 0) or DEFAULT_KEEP_ALIVE, Event(type_, content)
