"""Serves the client of a WebSocket: delivers published items, follows control messages, and keeps the connection alive.

Source: https://pushpin.org/docs/protocols/grip/ (control messages)
"""

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from fanroute.devserver.events import Sender
from fanroute.devserver.filters import BadContent
from fanroute.devserver.grip_headers import DEFAULT_KEEP_ALIVE, Channel
from fanroute.devserver.items import WS_MESSAGE
from fanroute.devserver.pubsub import Subscriber
from fanroute.devserver.pushpin_json import WrongType, content_bytes, integer, member, parse_json, strings
from fanroute.devserver.visits import Visit
from fanroute_runtime.grip.instructions import MAX_CHANNELS
from fanroute_runtime.grip.websocket import Event

# Longest content of a PING, PONG or CLOSE, including the close code (RFC 6455, 5.5).
MAX_CONTROL_FRAME = 125
# How errors name a control message.
_WHERE = "grip control object"


class SocketClient:
    """Represents the local edge's connection to the client of a WebSocket.

    Args:
        socket: the WebSocket.
        transport: its TCP connection.
        subscriber: the channels to which this client is subscribed, and the items that are queued for it.
        visit: reports the messages that the client gets.
    """

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, subscriber: Subscriber, visit: Visit
    ) -> None:
        self.socket = socket
        self._transport = transport
        self._subscriber = subscriber
        self._visit = visit
        self._keep_alive: tuple[float, Event] | None = None
        self._sent = asyncio.Event()
        # True once this side closes the connection; `closed` is set when that is done.
        self.closing = False
        self.closed = asyncio.Event()
        # True once the backend wants no more events of this client.
        self.detached = False

    async def send(self, event: Event, sender: Sender) -> None:
        """Sends a message, PING or PONG without changing its bytes."""
        self._sent.set()
        if event.type in ("PING", "PONG") and len(event.content) > MAX_CONTROL_FRAME:
            self.abort()
        else:
            with self._subscriber.busy():
                await self.socket.send_frame(event.content, WSMsgType[event.type])
            self._visit.message(sender, event.type, len(event.content))

    async def close(self, code: int, reason: bytes, how: str) -> None:
        """Closes the connection. Aborts it if the reason is too long for a CLOSE. `how` says who closes it."""
        self.closing = True
        self._visit.closed(how, code, reason.decode(errors="replace"))
        if len(reason) > MAX_CONTROL_FRAME - 2:
            self.abort()
        else:
            await self.socket.close(code=code, message=reason)
        self.closed.set()

    def abort(self) -> None:
        """Ends the connection without a CLOSE, as Pushpin does if it cannot send something."""
        if self._transport is not None:
            self._transport.abort()

    def follow_control(self, message: bytes) -> None:
        """Follows a control message. Ignores one that is malformed."""
        with suppress(ValueError):
            control = parse_json(message)
            if isinstance(control, dict):
                self._follow(control)

    def _follow(self, control: dict[str, Any]) -> None:
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
        """Sends published items and keep-alives until the client leaves."""
        await asyncio.gather(self._deliver_items(), self._send_keep_alives(), return_exceptions=True)

    async def _deliver_items(self) -> None:
        while True:
            item = await self._subscriber.queue.get()
            message = item.formats.get(WS_MESSAGE)
            if message is None:
                continue
            with suppress(BadContent):
                content = self._subscriber.render(item, message)
                if content is None:
                    continue
                if message.action == "close":
                    await self.close(message.code, message.reason.encode(), "a close was published")
                elif message.action == "send":
                    await self.send(Event(message.type, content), "publisher")

    async def _send_keep_alives(self) -> None:
        while True:
            self._sent.clear()
            keep_alive = self._keep_alive
            try:
                await asyncio.wait_for(self._sent.wait(), keep_alive[0] if keep_alive else None)
            except TimeoutError:
                assert keep_alive is not None  # without one there is no timeout
                await self.send(keep_alive[1], "publisher")


def _name(control: dict[str, Any], key: str) -> str:
    """Returns a name that a control message needs. Raises WrongType if it is missing, empty or not a string."""
    name: str = member(control, key, str, _WHERE, "")
    if not name:
        raise WrongType(f"{_WHERE} contains no '{key}'")
    return name


def _keep_alive(control: dict[str, Any]) -> tuple[float, Event] | None:
    """Returns a time in seconds, and the message to send if no other is sent for so long. Returns None to send no keep-alives."""
    type_ = member(control, "message-type", str, _WHERE, "text").upper()
    content = content_bytes(control, "content", _WHERE)
    if content is None or type_ not in ("TEXT", "BINARY", "PING", "PONG"):
        return None
    return integer(control, "timeout", _WHERE, 0) or DEFAULT_KEEP_ALIVE, Event(type_, content)
