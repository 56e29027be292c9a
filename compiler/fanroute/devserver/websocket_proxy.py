"""Carries a client's WebSocket to a backend as WebSocket-over-HTTP.

Source: https://pushpin.org/docs/protocols/websocket-over-http/
"""

import asyncio
import logging
import re
import uuid
from contextlib import suppress
from itertools import takewhile

import httpx
from aiohttp import WSCloseCode, WSMsgType, web

from fanroute.devserver.forwarding import MAX_EVENTS_BODY, Headers, bad_gateway, client_headers
from fanroute.devserver.grip_proxy import GripProxy
from fanroute.devserver.socket_client import SocketClient
from fanroute.devserver.visits import CLIENT_LEFT, visit_of
from fanroute.project.answers import TooLong, read_whole
from fanroute_runtime.grip.websocket import (
    MAX_CONTROL,
    MAX_MESSAGE,
    MESSAGE_PREFIX,
    MIN_KEEP_ALIVE_INTERVAL,
    Event,
    MalformedEvents,
    decode,
    encode,
)
from fanroute_runtime.http.media_types import WEBSOCKET_EVENTS

_PREFIX = re.compile(r'message-prefix="?([^";]*)"?')
# Headers of the client's handshake that a backend does not get.
_NOT_FORWARDED = (
    "content-length",
    "content-type",
    "accept",
    "sec-websocket-key",
    "sec-websocket-extensions",
    "sec-websocket-version",
)
# Headers of the answer to OPEN that the client does not get: they are about its content, or the handshake sets them.
_NOT_RETURNED = ("content-length", "content-type", "sec-websocket-protocol", "sec-websocket-extensions")
_SET_META = b"set-meta-"


def is_websocket(request: web.BaseRequest) -> bool:
    """Returns True if a request asks for a WebSocket (RFC 6455, 4.1)."""
    return any(value.lower() == "websocket" for value in request.headers.getall("Upgrade", []))


# It would print the protocols that a client offers if none of them is chosen. One of them can be a token.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)


class _Closed(Exception):
    """Ends a connection."""


class _WebSocket(web.WebSocketResponse):
    """Aborts the connection at a message that is too long, as Pushpin does. aiohttp would send a CLOSE."""

    def __init__(self, transport: asyncio.Transport | None, protocols: list[str]) -> None:
        # A byte more than MAX_MESSAGE still passes, as in Pushpin 1.41. aiohttp refuses a message that has its limit.
        super().__init__(protocols=protocols, autoping=False, autoclose=False, compress=False, max_msg_size=MAX_MESSAGE + 2)
        self._transport = transport

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes | None = None, drain: bool = True) -> bool:
        # Only aiohttp itself calls this with the code and no message.
        if code == WSCloseCode.MESSAGE_TOO_BIG and message is None and self._transport is not None:
            self._transport.abort()
        return await super().close(code=code, message=message or b"", drain=drain)


class WebSocketProxy:
    """Carries one WebSocket. `serve` runs it from the handshake to its end.

    Args:
        proxy: asks the backend.
        backend: its name.
        request: the client's handshake.
        target: path and query of the requests to the backend.
        headers: their headers, as the component handed the request off.
    """

    def __init__(self, proxy: GripProxy, backend: str, request: web.BaseRequest, target: str, headers: Headers) -> None:
        self._proxy = proxy
        self._backend = backend
        self._request = request
        self._visit = visit_of(request)
        self._target = target
        self._headers: Headers = [(k, v) for k, v in headers if k.lower() not in _NOT_FORWARDED]
        self._headers += [
            ("Connection-Id", uuid.uuid4().hex.encode()),
            ("Content-Type", WEBSOCKET_EVENTS.encode()),
            ("Accept", WEBSOCKET_EVENTS.encode()),
        ]
        # The beginning of messages for the client; None if the backend does not use GRIP.
        self._prefix: bytes | None = None
        # The meta variables that the backend has set, as headers of each request.
        self._meta: dict[str, bytes] = {}
        # After how many seconds without an event the backend gets an empty request; None for never.
        self._interval: int | None = None
        # Who closes the connection.
        self._closer = "the backend"

    async def serve(self) -> web.StreamResponse:
        """Returns the answer to the handshake after the connection has ended."""
        try:
            answer = await self._post([Event("OPEN")], [("Sec-WebSocket-Extensions", b"grip")])
            events = _decode_events(answer)
        except (httpx.HTTPError, MalformedEvents) as error:
            failure = bad_gateway(self._backend, error)
            self._visit.fail((failure.text or "").strip())
            return failure
        if not events or events[0].type != "OPEN":
            # The backend does not accept the WebSocket, so the client gets its answer.
            headers = client_headers(answer, without=["content-length"])
            status = 502 if answer.status_code == 200 else answer.status_code
            return web.Response(status=status, headers=headers, body=answer.content)
        self._prefix = _message_prefix(answer.headers.get("sec-websocket-extensions", ""))
        protocol = answer.headers.get("sec-websocket-protocol")
        socket = _WebSocket(self._request.transport, [protocol] if protocol else [])
        private = [name for name in answer.headers if name.encode().startswith(_SET_META)]
        socket.headers.extend(client_headers(answer, without=[*_NOT_RETURNED, "keep-alive-interval", *private]))
        # As in Pushpin, no item waits for a client that does not read.
        with self._proxy.channels.subscriber(max_waiting=0, request=self._request) as subscriber:
            client = SocketClient(socket, self._request.transport, subscriber, self._visit)
            # The channels are known before the answer is reported.
            controls = list(takewhile(self._is_control, events[1:]))
            for control in controls:
                _follow(client, control)
            self._visit.opening("websocket", tuple(subscriber.channels))
            await socket.prepare(self._request)
            self._visit.opened()
            subscriber.watch = self._visit.subscribed
            delivery = asyncio.create_task(client.deliver())
            try:
                await self._carry_events(client, events[1 + len(controls) :])
            except _Closed:
                pass
            except (httpx.HTTPError, MalformedEvents) as error:
                self._visit.closed(f"the backend gave no answer that can be used: {error!r}")
                client.abort()
            except (ConnectionResetError, asyncio.CancelledError) as reason:
                # The client left without a CLOSE (aiohttp can cancel this task then). The backend gets a DISCONNECT.
                self._proxy.run_in_background(self._disconnect())
                if isinstance(reason, asyncio.CancelledError):
                    raise
            finally:
                self._visit.closed(CLIENT_LEFT)
                delivery.cancel()
        return socket

    async def _carry_events(self, client: SocketClient, events: list[Event]) -> None:
        """Carries events both ways until the connection ends.

        Raises _Closed after a CLOSE or the backend's DISCONNECT, and ConnectionResetError if the client leaves.
        """
        await self._handle(client, events)
        while not client.detached:
            try:
                event = await asyncio.wait_for(_receive(client.socket), self._interval)
            except TimeoutError:
                await self._handle(client, await self._send([]))
                continue
            if event is None and client.closing:
                await self._send([Event("CLOSE")])
                await client.closed.wait()
                raise _Closed
            if event is None:
                raise ConnectionResetError
            self._receive(event)
            await self._handle(client, await self._send([event]))
        await self._send([Event("CLOSE")])
        while (event := await _receive(client.socket)) is not None and event.type != "CLOSE":
            self._receive(event)
        if event is not None:
            await client.close(*_code_and_reason(event.content), "the client")
        raise _Closed

    def _receive(self, event: Event) -> None:
        """Reports an event of the client."""
        self._visit.message("client", event.type, len(event.content))
        if event.type == "CLOSE":
            self._closer = "the client"

    async def _disconnect(self) -> None:
        with suppress(httpx.HTTPError, MalformedEvents):
            await self._send([Event("DISCONNECT")])

    async def _send(self, events: list[Event]) -> list[Event]:
        """Sends events to the backend, and returns its own. Raises MalformedEvents if its answer has none."""
        replies = _decode_events(await self._post(events, []))
        if replies is None:
            raise MalformedEvents("the backend's answer is not WebSocket-over-HTTP")
        return replies

    async def _post(self, events: list[Event], headers: Headers) -> httpx.Response:
        body = encode(events)
        sent = [*self._headers, *self._meta.items(), *headers, ("Content-Length", str(len(body)).encode())]
        try:
            answer = await read_whole(
                await self._proxy.send_request(self._backend, "POST", self._target, sent, body, visit=self._visit),
                MAX_EVENTS_BODY,
            )
        except TooLong as error:
            self._visit.notice(f"the answer of {self._backend} {error}")
            raise MalformedEvents(str(error)) from error
        for name, value in answer.headers.raw:
            if name.lower().startswith(_SET_META):
                self._meta["Meta-" + name[len(_SET_META) :].decode("latin-1")] = value
        self._meta = {name: value for name, value in self._meta.items() if value}
        if "keep-alive-interval" in answer.headers:
            self._interval = _interval(answer)
        return answer

    async def _handle(self, client: SocketClient, events: list[Event]) -> None:
        """Carries out the backend's events. Raises _Closed after a CLOSE or DISCONNECT."""
        for event in events:
            match event.type:
                case "TEXT" | "BINARY":
                    await self._send_message(client, event)
                case "PING" | "PONG":
                    await client.send(event, "backend")
                case "CLOSE":
                    code, reason = _code_and_reason(event.content)
                    if not _is_valid_close_code(code):
                        self._visit.notice(
                            f"{self._backend} sent CLOSE with the code {code}, which is a protocol error for clients"
                        )
                    await client.close(code, reason, self._closer)
                    raise _Closed
                case "DISCONNECT":
                    self._visit.closed("the backend, without a CLOSE")
                    client.abort()
                    raise _Closed

    async def _send_message(self, client: SocketClient, event: Event) -> None:
        """Sends a message to the client, or follows it if it is a control message."""
        content = event.content
        if self._is_control(event):
            _follow(client, event)
            return
        if self._prefix is not None:
            if not content.startswith(self._prefix):
                return
            content = content[len(self._prefix) :]
        await client.send(Event(event.type, content), "backend")

    def _is_control(self, event: Event) -> bool:
        return self._prefix is not None and event.type == "TEXT" and event.content.startswith(b"c:")


def _follow(client: SocketClient, control: Event) -> None:
    """Follows a control message, unless it is too long."""
    if len(control.content) <= MAX_CONTROL:
        client.follow_control(control.content[2:])


def _decode_events(answer: httpx.Response) -> list[Event] | None:
    """Returns the events in an answer, or None if it is not WebSocket-over-HTTP. Raises MalformedEvents."""
    if answer.status_code != 200 or answer.headers.get("content-type") != WEBSOCKET_EVENTS:
        return None
    return decode(answer.content)


def _code_and_reason(content: bytes) -> tuple[int, bytes]:
    """Returns the code and reason of a CLOSE as Pushpin reads them: any code, and 1000 if there is none."""
    if len(content) < 2:
        return WSCloseCode.OK, b""
    return int.from_bytes(content[:2], "big"), content[2:].decode(errors="replace").encode()


def _is_valid_close_code(code: int) -> bool:
    """Returns True for a code that an endpoint may send (RFC 6455, 7.4, and IANA's registry)."""
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


def _interval(answer: httpx.Response) -> int | None:
    """Returns an answer's Keep-Alive-Interval in seconds, but at least MIN_KEEP_ALIVE_INTERVAL; None if it has none."""
    value = answer.headers.get("keep-alive-interval", "")
    return max(int(value), MIN_KEEP_ALIVE_INTERVAL) if value.isdecimal() and int(value) else None


def _message_prefix(extensions: str) -> bytes | None:
    """Returns the prefix of messages for the client, or None if the extension `grip` is not used."""
    if not extensions.strip().startswith("grip"):
        return None
    prefix = _PREFIX.search(extensions)
    return prefix.group(1).encode() if prefix else MESSAGE_PREFIX


async def _receive(socket: web.WebSocketResponse) -> Event | None:
    """Returns the client's next event, or None after the end of the connection."""
    message = await socket.receive()
    match message.type:
        case WSMsgType.TEXT:
            return Event("TEXT", message.data.encode())
        case WSMsgType.BINARY:
            return Event("BINARY", message.data)
        case WSMsgType.PING:
            return Event("PING", bytes(message.data))
        case WSMsgType.PONG:
            return Event("PONG", bytes(message.data))
        case WSMsgType.CLOSE:
            reason = (message.extra or "").encode()
            return Event("CLOSE", message.data.to_bytes(2, "big") + reason if message.data else b"")
        case _:
            return None
