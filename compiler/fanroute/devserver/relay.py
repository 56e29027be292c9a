"""Leads TCP connections to a server that can be replaced while they are open.

The bytes stay as they are. A connection moves to the new server when it is between two requests. One that is held, as for events
or a WebSocket, stays with its server.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import h11

from fanroute.devserver.exchanges import Exchanges

CHUNK = 65_536
# With this option, a socket that is closed is reset: the other side can tell that from an end.
_RESET = struct.pack("ii", 1, 0)


class Observer(Protocol):
    """Sees the messages of a connection. It must raise nothing."""

    def take(self, event: h11.Event) -> None:
        """Takes a message, or a part of one."""

    def end(self) -> None:
        """Is called when the connection has ended."""


class Relay:
    """Leads connections to a port of an address.

    Args:
        address: where all servers listen.
        target: the port of the first server.
        observer: returns what sees the messages of a new connection.
    """

    def __init__(self, address: str, target: int, observer: Callable[[], Observer]) -> None:
        self.address = address
        self.observer = observer
        self.target = target
        self._connections: dict[_Connection, asyncio.Task[None] | None] = {}
        self._changed = asyncio.Event()

    def lead_to(self, target: int) -> None:
        """Leads to the server on another port from now on."""
        self.target = target
        for connection in self._connections:
            connection.leave_if_possible()
        self.changed()

    async def wait_until_left(self, target: int) -> None:
        """Waits until the relay leads elsewhere, and until no connection leads to this server any more."""
        while self.target == target or any(one.target == target for one in self._connections):
            self._changed.clear()
            await self._changed.wait()

    def changed(self) -> None:
        """Notes that a connection leads elsewhere."""
        self._changed.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a client's connection to its end."""
        connection = _Connection(self, reader, writer)
        self._connections[connection] = asyncio.current_task()
        try:
            with suppress(asyncio.CancelledError):  # the relay ends
                await connection.serve()
        finally:
            del self._connections[connection]
            self.changed()

    async def close(self) -> None:
        """Ends all connections."""
        tasks = [task for task in self._connections.values() if task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class _Connection:
    """Represents a client's connection. `target` is the port of its server, 0 if it has none at the moment."""

    def __init__(self, relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.target = 0
        self._relay = relay
        self._reader, self._writer = reader, writer
        self._server: asyncio.StreamWriter | None = None
        self._answering: asyncio.Task[None] | None = None
        self._observer = relay.observer()
        self._exchanges = Exchanges(self._observer.take)

    async def serve(self) -> None:
        """Passes on what the client sends, until it ends. Then waits for the end of the answer."""
        try:
            while chunk := await self._reader.read(CHUNK):
                self._exchanges.from_client(chunk)
                server = self._server or await self._connect()
                server.write(chunk)
                await server.drain()
            if self._server and self._answering:
                self._server.write_eof()
                await self._answering
        except OSError:
            self._abort()
        except asyncio.CancelledError:
            self._abort()
            raise
        finally:
            self._leave()
            self._writer.close()
            self._observer.end()
            if self._answering:
                self._answering.cancel()

    def leave_if_possible(self) -> None:
        """Leaves a server to which the relay does not lead any more, if the connection is between two requests."""
        if self.target not in (0, self._relay.target) and self._exchanges.is_between:
            self._leave()

    async def _connect(self) -> asyncio.StreamWriter:
        self.target = self._relay.target
        reader, self._server = await asyncio.open_connection(self._relay.address, self.target)
        self._answering = asyncio.create_task(self._answer(reader, self._server))
        return self._server

    async def _answer(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Passes on what a server sends, until it ends or is left."""
        try:
            while chunk := await reader.read(CHUNK):
                self._exchanges.from_server(chunk)
                self._writer.write(chunk)
                await self._writer.drain()
                self.leave_if_possible()
            if self._server is server:
                self._writer.write_eof()
        except OSError:
            self._abort()

    def _leave(self) -> None:
        if self._server:
            self._server.close()
        self._server, self.target = None, 0
        self._relay.changed()

    def _abort(self) -> None:
        """Resets both connections, because one of them was reset."""
        for writer in filter(None, (self._server, self._writer)):
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


@asynccontextmanager
async def relaying(
    address: str, port: int, target: int, observer: Callable[[], Observer], listened: Sequence[str] = ()
) -> AsyncIterator[Relay]:
    """Runs a relay on a port as long as the context lasts. It leads to `target`, a port of an address.

    It listens there too, or at the addresses `listened`.
    """
    relay = Relay(address, target, observer)
    server = await asyncio.start_server(relay.serve, listened or address, port, limit=CHUNK)
    try:
        yield relay
    finally:
        server.close()
        await relay.close()
