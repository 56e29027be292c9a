"""Holds a connection of any kind, tells what arrives, and connects again as a browser's EventSource does.

Source: https://html.spec.whatwg.org/#server-sent-events (9.2.3, "Processing model")
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import aiohttp
from yarl import URL

from fanroute import __version__
from fanroute.client.event_stream import EventStream, EventTooLong
from fanroute.client.held_http import (
    CONNECT_TIMEOUT,
    POLL_INTERVAL,
    NoRequest,
    get,
    open_session,
    open_websocket,
    read_body,
    read_parts,
    with_defaults,
)
from fanroute.devserver.items import is_valid_header
from fanroute.plan.kinds import Kind

# How long a client waits before it connects again, in seconds, if the server has not said how long.
RETRY = 3.0
# The shortest and longest of these waits, whatever the server says.
MIN_RETRY, MAX_RETRY = 0.1, 3600.0
# The longest part of an error that is read, in bytes.
MAX_ERROR = 4096
_EVENTS, _LAST_ID = "text/event-stream", "Last-Event-ID"
# How aiohttp tells of a WebSocket that was closed without a code, or without a close frame (RFC 6455, 7.4.1).
_WITHOUT_CODE = (None, 1005, 1006)


class ListenFailed(Exception):
    """Reports that a server does not let us listen, or cannot be reached."""


@dataclass(frozen=True, slots=True)
class Target:
    """Says what to listen to.

    Args:
        url: the URL, with the scheme http, https, ws or wss.
        kind: the kind of connection. If it is None, the answer shows if it is a stream or a stream of events.
        headers: (name, value) pairs to send.
        protocols: the subprotocols to offer for a WebSocket.
        is_local: True if the server is on this machine, so that no proxy is used.
    """

    url: str
    kind: Kind | None = None
    headers: tuple[tuple[str, str], ...] = ()
    protocols: tuple[str, ...] = ()
    is_local: bool = True


@dataclass(frozen=True, slots=True)
class Received:
    """Represents something that arrived.

    Args:
        kind: the kind of the connection.
        data: the data of an event, a part of a stream, a message, or the body of an answer. Bytes if a message is binary.
        event: the type of an event, else "".
        id: the id that EventSource knows with an event, else "".
        status: the status of an answer to a long-poll, else None.
    """

    kind: Kind
    data: str | bytes
    event: str = ""
    id: str = ""
    status: int | None = None


Receive = Callable[[Received], None]
Say = Callable[[str], None]


async def listen(target: Target, receive: Receive, say: Say) -> None:
    """Holds a connection again and again. Returns only if the server wants no more of them. Raises ListenFailed.

    After the end of a connection, it connects again, as EventSource does: after the time that the server wants, and with the id
    of the last event. A long-poll asks again at once.

    Args:
        target: what to listen to.
        receive: is called with each thing that arrives. What it raises ends the connection.
        say: is called with a line when a connection begins or ends.
    """
    # A proxy that the environment names is not for this machine.
    async with open_session([("User-Agent", f"fanroute/{__version__}")], trust_env=not target.is_local) as session:
        with suppress(_NoMore):
            await _Listener(target, session, receive, say).run()


class _NoMore(Exception):
    """Reports that the server wants no further connection."""


class _Listener:
    def __init__(self, target: Target, session: aiohttp.ClientSession, receive: Receive, say: Say) -> None:
        self._target = target
        self._session = session
        self._receive = receive
        self._say = say
        # Sent as it is written.
        self._url = URL(target.url, encoded=True)
        # The id of the last event takes the place of the user's.
        last_ids = [pair for pair in target.headers if pair[0].lower() == _LAST_ID.lower()]
        self._headers = [pair for pair in target.headers if pair not in last_ids]
        self._events = EventStream(last_ids[0][1] if last_ids else "")
        self._has_connected = False
        # Why the connection is lost; "" if it is not.
        self._lost_by = ""

    async def run(self) -> None:
        hold = {"websocket": self._hold_websocket, "long_poll": self._poll}.get(self._target.kind or "", self._hold_stream)
        while True:
            why = "The connection has ended"
            try:
                await hold()
            except aiohttp.ClientError as error:
                if not self._has_connected:
                    raise ListenFailed(_failure(error)) from None
                why = f"The connection has broken ({_reason(error)})"
            except EventTooLong as error:
                raise ListenFailed(str(error)) from None
            wait = RETRY if self._events.retry is None else min(max(self._events.retry, MIN_RETRY), MAX_RETRY)
            if why != self._lost_by:  # a server that stays away is told of once
                without = "" if self._can_send_id() else ", without the last id, which has a control character"
                self._say(f"{why}: connecting again in {wait:g} s{without}")
            self._lost_by = why
            await asyncio.sleep(wait)

    async def _hold_stream(self) -> None:
        kind = self._target.kind
        headers = {"Accept": _EVENTS} if kind == "sse" else {}
        async with self._get(headers) as answer:
            if kind != "stream" and answer.status == 204:
                self._say("The server answers 204, which means that no client should connect again")
                raise _NoMore
            if answer.status != 200:
                raise await _refusal(answer)
            type_ = answer.headers.get("Content-Type", "")
            is_events = type_.partition(";")[0].strip().lower() == _EVENTS
            if kind == "sse" and not is_events:
                raise ListenFailed(f"the answer has the Content-Type {type_!a} and not {_EVENTS}; --stream shows it")
            if is_events and kind != "stream":
                await self._receive_events(answer)
            else:
                await self._receive_parts(answer)

    async def _receive_events(self, answer: aiohttp.ClientResponse) -> None:
        self._connected("sse")
        self._events.restart()
        async for chunk in answer.content.iter_any():
            for event in self._events.feed(chunk):
                self._receive(Received("sse", event.data, event.type, event.last_id))

    async def _receive_parts(self, answer: aiohttp.ClientResponse) -> None:
        self._connected("stream")
        async for text in read_parts(answer):
            self._receive(Received("stream", text))

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            earliest = loop.time() + POLL_INTERVAL
            async with self._get({}) as answer:
                if not 200 <= answer.status < 300:
                    raise await _refusal(answer)
                self._connected("long_poll")
                body = await read_body(answer)
            self._receive(Received("long_poll", body.decode(errors="replace"), status=answer.status))
            await asyncio.sleep(earliest - loop.time())

    async def _hold_websocket(self) -> None:
        target = self._target
        try:
            async with open_websocket(self._session, self._url, target.headers, target.protocols) as socket:
                self._connected("websocket")
                async for message in socket:
                    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        self._receive(Received("websocket", message.data))
                if socket.close_code not in _WITHOUT_CODE:
                    self._say(f"The server has closed the WebSocket with {socket.close_code}")
        except aiohttp.WSServerHandshakeError as error:
            if 300 <= error.status < 400:
                raise _redirection(error.status, error.headers or {}) from None
            raise ListenFailed(f"the server answers {error.status} and opens no WebSocket{_advice(error.status)}") from None

    def _get(self, headers: dict[str, str]) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Requests the URL with the target's headers, and with those of `headers` that it does not have."""
        if self._events.last_id and self._can_send_id():
            headers = {**headers, _LAST_ID: self._events.last_id}
        return get(self._session, self._url, with_defaults(self._headers, headers.items()))

    def _can_send_id(self) -> bool:
        return is_valid_header(_LAST_ID, self._events.last_id)

    def _connected(self, kind: Kind) -> None:
        if not self._has_connected or self._lost_by:
            self._say(f"Connected ({kind.replace('_', '-')})")
        self._has_connected, self._lost_by = True, ""


async def _refusal(answer: aiohttp.ClientResponse) -> ListenFailed:
    """Returns the error for an answer that holds no connection."""
    if 300 <= answer.status < 400:
        return _redirection(answer.status, answer.headers)
    text = b""
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(CONNECT_TIMEOUT):
            text = await read_body(answer, MAX_ERROR)
    line = next(iter(text.decode(errors="replace").strip().splitlines()), "")
    return ListenFailed(f"the server answers {answer.status}{f': {line}' if line else ''}{_advice(answer.status)}")


def _redirection(status: int, headers: Mapping[str, str]) -> ListenFailed:
    return ListenFailed(f"the server redirects ({status}) to {headers.get('Location', '')!a}: listen to that URL")


def _failure(error: aiohttp.ClientError) -> str:
    """Says why there was no connection at all."""
    match error:
        case NoRequest():
            return f"the request cannot be sent: {error}"
        case aiohttp.ClientResponseError():
            return f"the server's answer cannot be read: {_reason(error)}"
        case _:
            return f"the server cannot be reached: {_reason(error)}"


def _reason(error: aiohttp.ClientError) -> str:
    """Returns the first line of an error. A further one could have bytes of an answer."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return next(iter(text.splitlines()), "").rstrip(":") or type(error).__name__


def _advice(status: int) -> str:
    return " (--token sends a token)" if status == 401 else ""
