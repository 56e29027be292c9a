"""The relay before Viceroy: bytes stay as they are, and a connection moves between two requests, but not while it is held."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import h11
import pytest

from fanroute.devserver.exchanges import Exchanges
from fanroute.devserver.relay import Relay, relaying

ADDRESS = "127.0.0.1"
TIMEOUT = 10  # seconds
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


class Seen:
    """Sees the messages of a connection."""

    def take(self, event: h11.Event) -> None:
        pass

    def end(self) -> None:
        pass


class Server:
    """Counts the connections that it has, and answers as its handler does."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.open = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            await self.handler(reader, writer)
        except OSError:
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def started(*handlers: Handler) -> AsyncIterator[list[Server]]:
    servers = [Server(handler) for handler in handlers]
    listening = [await asyncio.start_server(server.serve, ADDRESS, 0) for server in servers]
    for server, one in zip(servers, listening, strict=True):
        server.port = one.sockets[0].getsockname()[1]
    try:
        yield servers
    finally:
        for one in listening:
            one.close()


@asynccontextmanager
async def connected(port: int, **options: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(ADDRESS, port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def relayed(*handlers: Handler) -> AsyncIterator[tuple[Relay, int, list[Server]]]:
    """Yields a relay that leads to the first server, its port, and the servers."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
    async with asyncio.timeout(TIMEOUT), started(*handlers) as servers, relaying(ADDRESS, port, servers[0].port, Seen) as relay:
        yield relay, port, servers


def answering(answer: bytes) -> Handler:
    """Returns a server that gives this answer to each request without a body."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(answer)

    return handle


def body(text: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1000):
        writer.write(chunk)
        await writer.drain()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes, request: bytes = GET) -> None:
    """Sends a request, and asserts that this is the answer."""
    writer.write(request)
    assert await reader.readexactly(len(answer)) == answer


def test_a_server_is_not_left_before_another_takes_its_place() -> None:
    async def run() -> None:
        async with relayed(echo, echo) as (relay, _, servers):
            leaving = asyncio.create_task(relay.wait_until_left(servers[0].port))
            await asyncio.sleep(0.05)
            assert not leaving.done()
            relay.lead_to(servers[1].port)
            await leaving

    asyncio.run(run())


def test_what_follows_a_switch_is_not_kept() -> None:
    exchanges = Exchanges(Seen().take)
    exchanges.from_client(UPGRADE)
    exchanges.from_server(SWITCHED)
    for _ in range(3):
        exchanges.from_client(GET)
        exchanges.from_server(body(b""))
    kept = [side.trailing_data[0] for side in vars(exchanges).values() if isinstance(side, h11.Connection)]
    assert kept == [b"", b""]
    assert not exchanges.is_between


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "request_"),
    [
        (body(b"one"), GET),
        (b"HTTP/1.1 204 No Content\r\n\r\n", GET),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", GET.replace(b"GET", b"HEAD")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n", GET),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + body(b""), GET),
        (body(b"no switch"), UPGRADE),
    ],
)
def test_a_connection_moves_after_an_answer(answer: bytes, request_: bytes) -> None:
    async def run() -> None:
        async with (
            relayed(answering(answer), answering(body(b"two"))) as (relay, port, servers),
            connected(port) as (reader, writer),
        ):
            await ask(reader, writer, answer, request_)
            relay.lead_to(servers[1].port)
            await relay.wait_until_left(servers[0].port)
            await until(lambda: not servers[0].open)
            await ask(reader, writer, body(b"two"))

    asyncio.run(run())


@pytest.mark.parametrize("rest", [b"0\r\n\r\n", b"\r\n0\r\n\r\n"])
def test_a_held_answer_stays_to_its_end(rest: bytes) -> None:
    """Also if its content looks like the end of a chunked body."""
    held: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        held.append(writer)
        await reader.read()

    async def run() -> None:
        async with relayed(hold, answering(body(b"two"))) as (relay, port, servers), connected(port) as (reader, writer):
            await ask(reader, writer, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            relay.lead_to(servers[1].port)
            chunk = b"%x\r\n%s\r\n" % (len(rest), rest)
            for _ in range(2):
                held[0].write(chunk)
                assert await reader.readexactly(len(chunk)) == chunk
            leaving = asyncio.create_task(relay.wait_until_left(servers[0].port))
            await asyncio.sleep(0.1)
            assert servers[0].open == 1 and not leaving.done()
            held[0].write(b"0\r\n\r\n")
            assert await reader.readexactly(5) == b"0\r\n\r\n"
            await leaving
            await ask(reader, writer, body(b"two"))

    asyncio.run(run())


def test_a_switched_connection_stays() -> None:
    """Nothing in its frames counts as a request or an answer."""

    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCHED)
        await echo(reader, writer)

    async def run() -> None:
        async with relayed(switch, answering(body(b"two"))) as (relay, port, servers), connected(port) as (reader, writer):
            await ask(reader, writer, SWITCHED, UPGRADE)
            relay.lead_to(servers[1].port)
            for frame in (GET, body(b"one"), b"\x81\x85mask....."):
                await ask(reader, writer, frame, frame)
            assert servers[0].open == 1
            writer.close()
            await relay.wait_until_left(servers[0].port)
            await until(lambda: not servers[0].open)

    asyncio.run(run())


@pytest.mark.parametrize("sent", [b"\0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\n\r\n"])
def test_what_is_not_http_passes_and_stays(sent: bytes) -> None:
    async def run() -> None:
        async with relayed(echo, answering(body(b"two"))) as (relay, port, servers), connected(port) as (reader, writer):
            await ask(reader, writer, sent, sent)
            relay.lead_to(servers[1].port)
            await ask(reader, writer, sent, sent)
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("part", [GET[:10], GET * 2, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234"])
def test_a_request_that_has_begun_stays(part: bytes) -> None:
    """Its bytes are with the old server, so the rest has to go there too."""

    async def run() -> None:
        received = bytearray()

        async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while chunk := await reader.read(1000):
                received.extend(chunk)

        async with relayed(keep, echo) as (relay, port, servers), connected(port) as (_, writer):
            writer.write(part)
            await until(lambda: bytes(received) == part)
            relay.lead_to(servers[1].port)
            writer.write(b"rest")
            await until(lambda: bytes(received) == part + b"rest")
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("pause", [0.05, 0])
def test_a_pipelined_request_is_answered_before_the_connection_moves(pause: float) -> None:
    answers = [body(b"first"), body(b"second")]
    may_answer = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            await may_answer.wait()
            writer.write(answer)
            await asyncio.sleep(pause)
        await reader.read()

    async def run() -> None:
        async with relayed(slow, answering(body(b"two"))) as (relay, port, servers), connected(port) as (reader, writer):
            writer.write(GET * 2)
            await until(lambda: servers[0].open == 1)
            relay.lead_to(servers[1].port)
            may_answer.set()
            assert await reader.readexactly(len(b"".join(answers))) == b"".join(answers)
            await ask(reader, writer, body(b"two"))

    asyncio.run(run())


def test_each_direction_ends_by_itself() -> None:
    async def digest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hashlib.sha256(await reader.read()).digest())

    async def run() -> None:
        content = os.urandom(3_000_000)
        async with relayed(digest) as (_, port, _), connected(port) as (reader, writer):
            writer.write(content)
            writer.write_eof()
            assert await reader.read() == hashlib.sha256(content).digest()
            writer.close()

    asyncio.run(run())


def test_a_client_that_does_not_read_holds_the_server_back() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(bytes(65_536))
            await writer.drain()
            sent += 65_536

    async def run() -> None:
        async with relayed(flood) as (_, port, servers), connected(port, limit=1000) as (reader, writer):
            writer.write(GET)
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.3)
            assert sent < 40_000_000
            await reader.readexactly(1_000_000)
            await until(lambda: sent > before)
            writer.transport.abort()
            await until(lambda: not servers[0].open)

    asyncio.run(run())


def test_a_reset_is_passed_on() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async def run() -> None:
        async with relayed(reset) as (_, port, _), connected(port) as (reader, writer):
            writer.write(GET)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    asyncio.run(run())
