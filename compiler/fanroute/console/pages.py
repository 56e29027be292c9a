"""Keeps the pages of the console that are open, and sends them events (https://html.spec.whatwg.org/#server-sent-events)."""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fanroute.console.connecting import Connection

# How much waits for a page that does not read, in bytes. With more, its connection ends, and its browser connects again.
MAX_WAITING = 32 << 20


class Page:
    """Represents a page that is open in a browser. `id` tells it from all others, and `panes` are its connections by name.

    Args:
        abort: ends the page's connection at once, also if it does not read.
    """

    def __init__(self, abort: Callable[[], None]) -> None:
        self.id = secrets.token_hex(8)
        self.panes: dict[str, Connection] = {}
        self._abort = abort
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting = 0

    def send(self, kind: str, data: Any) -> None:
        """Sends an event of this type. `data` becomes JSON."""
        event = event_bytes(kind, data)
        self._waiting += len(event)
        if self._waiting > MAX_WAITING:
            self._abort()
        else:
            self._queue.put_nowait(event)

    async def next_event(self) -> bytes:
        """Returns the next event as the page gets it."""
        event = await self._queue.get()
        self._waiting -= len(event)
        return event

    def open_pane(self, name: str, connection: Connection) -> None:
        """Starts a connection, in place of an earlier one of the same pane."""
        self.close_pane(name)
        self.panes[name] = connection
        connection.start()

    def close_pane(self, name: str) -> None:
        """Ends a pane's connection, if it has one."""
        if (connection := self.panes.pop(name, None)) is not None:
            connection.close()


class Pages:
    """Holds all open pages."""

    def __init__(self) -> None:
        self._open: dict[str, Page] = {}

    def __bool__(self) -> bool:
        """Returns True if a page is open."""
        return bool(self._open)

    @contextmanager
    def opened(self, abort: Callable[[], None]) -> Iterator[Page]:
        """Yields a new page, which `abort` ends. In the end, its connections end too."""
        page = Page(abort)
        self._open[page.id] = page
        try:
            yield page
        finally:
            del self._open[page.id]
            for name in list(page.panes):
                page.close_pane(name)

    def find(self, id: str) -> Page | None:
        """Returns the open page with an id, or None."""
        return self._open.get(id)

    def send(self, kind: str, data: Any) -> None:
        """Sends an event to all pages."""
        for page in list(self._open.values()):
            page.send(kind, data)


def event_bytes(kind: str, data: Any) -> bytes:
    """Returns a server-sent event. JSON in ASCII has no line ends, so it is one line of data."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
