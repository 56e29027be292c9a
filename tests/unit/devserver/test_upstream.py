"""How the embedded edge's requests to backends fail, by the names that the WIT has for failures."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from fanroute.devserver import upstream
from fanroute.devserver.config import LocalBackend
from fanroute.devserver.upstream import Unreachable, send_request
from fanroute.plan.backend import BackendOptions

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def detail(serve: Serve, target: str = "/", body: AsyncIterator[bytes] | None = None) -> str:
    """Returns the name of the failure if a backend does this with a connection, or "" if it answers."""
    served = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()
        served.set()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            answer = await send_request(LocalBackend(f"http://127.0.0.1:{port}"), "POST", target, [("Host", b"a")], body)
        except Unreachable as error:
            failure = error.detail
        else:
            failure = ""
            answer.close()
        if failure != "http-request-uri-invalid":  # without a connection
            await served.wait()
        return failure


def sends(data: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)

    return serve


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ""),
        (b"", "connection-terminated"),
        (b"HTTP/1.1 200 OK\r\nX: ", "connection-terminated"),
    ],
)
def test_what_is_no_answer(data: bytes, told: str) -> None:
    assert asyncio.run(detail(sends(data))) == told


@pytest.mark.parametrize("data", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * upstream.MAX_HEAD])
def test_what_is_no_http(data: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()

    assert asyncio.run(detail(serve)) == "http-protocol-error"


def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "ANSWER_TIMEOUT", 0.01)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    assert asyncio.run(detail(silent)) == "http-response-timeout"


def test_a_backend_has_time_outs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[float | None] = []
    real = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", lambda given: seconds.append(given) or real(given))

    async def asking() -> None:
        ended = asyncio.Event()

        async def pausing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
            ended.set()

        server = await asyncio.start_server(pausing, "127.0.0.1", 0)
        async with server:
            options = BackendOptions(connect_timeout=7, first_byte_timeout=8, between_bytes_timeout=1)
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            answer = await send_request(LocalBackend(url, options=options), "GET", "/", [("Host", b"a")], None)
            got = []
            with pytest.raises(OSError):
                async for chunk in answer.chunks():
                    got.append(chunk)
            assert got == [b"a"]
            answer.close()
            await ended.wait()

    asyncio.run(asking())
    assert seconds == [7, 1, 1]


def test_a_cut_body_is_cut() -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"one"
        raise ConnectionResetError

    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())

    assert asyncio.run(detail(serve, body=cut())) == "connection-terminated"
    assert b"0\r\n\r\n" not in b"".join(got)


def test_no_request_that_is_none() -> None:
    assert asyncio.run(detail(sends(b""), target="/a b")) == "http-request-uri-invalid"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(), "connection-refused"),
        (TimeoutError(), "connection-timeout"),
        (socket.gaierror(), "dns-error"),
        (ssl.SSLCertVerificationError(), "tls-certificate-error"),
        (ssl.SSLError(), "tls-protocol-error"),
    ],
)
def test_no_connection(monkeypatch: pytest.MonkeyPatch, error: OSError, told: str) -> None:
    async def open_connection(*arguments: Any, **options: Any) -> Any:
        raise error

    async def asking() -> None:
        await send_request(LocalBackend("https://a.example.com"), "GET", "/", [("Host", b"a")], None)

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    with pytest.raises(Unreachable, match=told):
        asyncio.run(asking())
