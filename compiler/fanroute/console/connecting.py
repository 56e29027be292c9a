"""Connects to the edge for a pane of the console, and reports what arrives.

A page of the console's port is foreign to the edge, so its browser would not let it set a Host, an Origin or other headers.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Any

import aiohttp
from yarl import URL

from fanroute.client.event_stream import EventStream, EventTooLong
from fanroute.client.held_http import (
    POLL_INTERVAL,
    get,
    open_session,
    open_websocket,
    read_body,
    read_parts,
    with_defaults,
)
from fanroute.console.bodies import WantedConnection
from fanroute.devserver.refusals import hint_for
from fanroute.devserver.visits import REASON_HEADER
from fanroute.plan.places import place_token
from fanroute_runtime.plan.auth import TokenPlace

# The longest message that is shown, in characters.
MAX_SHOWN = 20_000

# Takes a report: a mapping whose `type` is `open`, `message` or `end`.
Report = Callable[[dict[str, Any]], None]
# Says why a connection has ended, with the status of an answer that holds none.
End = tuple[str, int | None]


class Connection:
    """Represents a pane's connection.

    Args:
        edge: the URL of the edge.
        wanted: what to connect to.
        place: where the edge expects the token.
        report: takes what happens.
    """

    def __init__(self, edge: str, wanted: WantedConnection, place: TokenPlace, report: Report) -> None:
        self._wanted = wanted
        self._report = report
        self._task: asyncio.Task[None] | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        target, headers = with_token(wanted, place)
        # The target is sent as it is.
        self._url = URL(edge + target, encoded=True)
        self._headers = [*headers, *([("Host", wanted.host)] if wanted.host else [])]

    def start(self) -> None:
        """Connects. Its end is reported, unless it is closed here."""
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Ends the connection."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        hold = {"websocket": self._hold_websocket, "long_poll": self._poll}.get(self._wanted.kind, self._hold_stream)
        async with open_session(omitted=["User-Agent"]) as session:
            try:
                self._end(*await hold(session))
            except aiohttp.WSServerHandshakeError as error:
                self._end(_refusal(error.status, error.headers or {}), error.status)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                self._end(f"The connection broke: {error or type(error).__name__}")

    async def send(self, text: str) -> bool:
        """Sends a text on the WebSocket. Returns False if there is none, or if it is closed."""
        if self._socket is None or self._socket.closed:
            return False
        await self._socket.send_str(text)
        return True

    async def _hold_stream(self, session: aiohttp.ClientSession) -> End:
        async with self._get(session) as answer:
            if answer.status != 200:
                return await self._report_answer(answer)
            self._opened(answer)
            if self._wanted.kind == "sse":
                await self._read_events(answer)
            else:
                async for text in read_parts(answer):
                    self._message(text)
        return "The edge ended the answer", None

    async def _read_events(self, answer: aiohttp.ClientResponse) -> None:
        events = EventStream()
        try:
            async for chunk in answer.content.iter_any():
                for event in events.feed(chunk):
                    self._message(event.data, event=event.type, id=event.last_id)
        except EventTooLong as error:
            self._message(f"({error})")

    async def _poll(self, session: aiohttp.ClientSession) -> End:
        self._report({"type": "waiting"})
        while True:
            earliest = monotonic() + POLL_INTERVAL
            async with self._get(session) as answer:
                if not 200 <= answer.status < 300:
                    return await self._report_answer(answer)
                self._opened(answer)
                self._message((await read_body(answer)).decode(errors="replace"), status=answer.status)
            await asyncio.sleep(earliest - monotonic())

    async def _hold_websocket(self, session: aiohttp.ClientSession) -> End:
        async with open_websocket(session, self._url, self._headers, self._wanted.protocols) as socket:
            self._socket = socket
            self._report({"type": "open", "status": 101, "protocol": socket.protocol})
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._message(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    self._message(message.data.hex(" "), is_binary=True)
            return f"The WebSocket was closed, code {socket.close_code}", None

    def _get(self, session: aiohttp.ClientSession) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        accept = [("Accept", "text/event-stream")] if self._wanted.kind == "sse" else []
        return get(session, self._url, with_defaults(self._headers, accept))

    def _opened(self, answer: aiohttp.ClientResponse) -> None:
        self._report({"type": "open", "status": answer.status, "headers": list(answer.headers.items())})

    def _message(self, text: str, **further: Any) -> None:
        shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text):,} characters)"
        self._report({"type": "message", "text": shown, **further})

    async def _report_answer(self, answer: aiohttp.ClientResponse) -> End:
        """Reports an answer that holds no connection."""
        self._opened(answer)
        text = (await read_body(answer)).decode(errors="replace")
        if text.strip() != answer.headers.get(REASON_HEADER):
            self._message(text, status=answer.status)
        return _refusal(answer.status, answer.headers), answer.status

    def _end(self, why: str, status: int | None = None) -> None:
        self._report({"type": "end", "text": why, "status": status})


def _refusal(status: int, headers: Mapping[str, str]) -> str:
    """Says that an answer holds no connection, and why, if the edge says so."""
    reason = headers.get(REASON_HEADER, "")
    hint = hint_for(reason)
    why = f": {reason}" if reason else ""
    return f"The edge answered {status}{why}{f' ({hint})' if hint else ''}"


def with_token(wanted: WantedConnection, place: TokenPlace) -> tuple[str, list[tuple[str, str]]]:
    """Returns the target and the headers with the token, if there is one."""
    if not wanted.token:
        return wanted.target, list(wanted.headers)
    target, headers = place_token(wanted.target, wanted.token, place)
    return target, [*wanted.headers, *headers]
