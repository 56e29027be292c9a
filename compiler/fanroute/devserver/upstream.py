"""Sends a request to a backend, and reads the answer while the body is still being sent, which httpx cannot do."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import h11
from aiohttp import web

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.forwarding import ANSWER_TIMEOUT, CONNECT_TIMEOUT, Headers
from fanroute.devserver.items import malformed_part
from fanroute.plan.backend import BackendOptions

CHUNK = 65_536
# Longest head of an answer, in bytes.
MAX_HEAD = 262_144


class Unreachable(Exception):
    """Reports that there is no answer. `detail` names a case of the WIT's `send-error-detail`, and `reason` says more."""

    def __init__(self, detail: str, reason: str = "") -> None:
        super().__init__(f"{detail}: {reason}" if reason else detail)
        self.detail = detail


class Answer:
    """Represents a backend's answer. `chunks` reads its body, and `close` must be called in the end.

    After a 101, `reader` and `writer` are the connection to the backend, and `read_already` is what it has sent since.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, options: BackendOptions) -> None:
        self.reader = reader
        self.writer = writer
        self._options = options
        self.status = 0
        self.headers: Headers = []
        self.read_already = b""
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._sending: asyncio.Task[None]

    async def send_request(self, request: h11.Request, body: AsyncIterator[bytes] | None) -> None:
        """Sends a request, and reads the head of its answer. Raises Unreachable."""
        self._sending = asyncio.create_task(self._send(request, body))
        reading = asyncio.create_task(self._read_head())
        try:
            while not (await asyncio.wait({reading}, timeout=self._options.first_byte_timeout or ANSWER_TIMEOUT))[0]:
                if self._sending.done():
                    raise Unreachable("http-response-timeout")
            reading.result()
        except h11.ProtocolError as error:
            raise Unreachable("connection-terminated" if self.reader.at_eof() else "http-protocol-error") from error
        except OSError as error:
            raise Unreachable("connection-terminated") from error
        finally:
            reading.cancel()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yields the body. Raises h11.ProtocolError or OSError if it is cut, or pauses for too long."""
        while isinstance(event := await self._next_part(), h11.Data):
            yield bytes(event.data)

    def close(self) -> None:
        """Stops sending, and closes the connection."""
        self._sending.cancel()
        self.writer.transport.abort()

    async def _send(self, request: h11.Request, body: AsyncIterator[bytes] | None) -> None:
        self._write(request)
        try:
            async for chunk in body or _empty_body():
                self._write(h11.Data(data=chunk))
                # A backend can answer without reading the whole body.
                with suppress(OSError):
                    await self.writer.drain()
            self._write(h11.EndOfMessage())
        except Exception:
            # The client's body is cut, so the backend's must be cut too.
            self.writer.transport.abort()

    def _write(self, event: h11.Event) -> None:
        self.writer.write(self._connection.send(event) or b"")

    async def _read_head(self) -> None:
        while not isinstance(event := await self._next_event(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise Unreachable("connection-terminated")
            if event.status_code == 101:
                self.read_already = self._connection.trailing_data[0]
                break
        self.status = event.status_code
        self.headers = [(name.decode("latin-1"), value) for name, value in event.headers.raw_items()]
        # h11 lets control characters through, which aiohttp would not send to the client.
        texts = [(name, value.decode("latin-1")) for name, value in self.headers]
        if part := malformed_part(event.reason.decode("latin-1"), texts):
            raise Unreachable("http-protocol-error", f"{part} of its answer has a character that HTTP does not allow")

    async def _next_part(self) -> object:
        async with asyncio.timeout(self._options.between_bytes_timeout or None):
            return await self._next_event()

    async def _next_event(self) -> object:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            self._connection.receive_data(await self.reader.read(CHUNK))
        return event


async def whole(body: bytes) -> AsyncIterator[bytes]:
    """Yields a body that is known, for `send_request`."""
    yield body


async def send_request(
    backend: LocalBackend, method: str, target: str, headers: Headers, body: AsyncIterator[bytes] | None
) -> Answer:
    """Returns a backend's answer. Its body is not read yet. Raises Unreachable."""
    if backend.host is not None:
        headers = [("Host", backend.host.encode()), *((name, value) for name, value in headers if name.lower() != "host")]
    if body is not None and not any(name.lower() == "content-length" for name, _ in headers):
        headers = [*headers, ("Transfer-Encoding", b"chunked")]
    try:
        request = h11.Request(method=method, target=target.encode("latin-1", "surrogateescape"), headers=_encode(headers))
    except h11.ProtocolError as error:
        raise Unreachable("http-request-uri-invalid") from error
    answer = Answer(*await _connect(backend.url, backend.options.connect_timeout or CONNECT_TIMEOUT), backend.options)
    try:
        await answer.send_request(request, body)
    except BaseException:
        answer.close()
        raise
    return answer


async def _connect(url: str, seconds: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(url)
    tls = ssl.create_default_context() if address.scheme == "https" else None
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.open_connection(address.hostname, address.port or (443 if tls else 80), ssl=tls)
    except TimeoutError as error:
        raise Unreachable("connection-timeout") from error
    except socket.gaierror as error:
        raise Unreachable("dns-error") from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable("tls-certificate-error") from error
    except ssl.SSLError as error:
        raise Unreachable("tls-protocol-error") from error
    except OSError as error:
        raise Unreachable("connection-refused") from error


def _encode(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value) for name, value in headers]


async def _empty_body() -> AsyncIterator[bytes]:
    return
    yield b""


async def forward_answer(request: web.BaseRequest, status: int, headers: Headers, answer: Answer) -> web.StreamResponse:
    """Sends the body of an answer to the client as it arrives, with this status and these headers.

    If the backend's body is cut, the client's is cut too.
    """
    response = response_head(status, headers)
    await response.prepare(request)
    try:
        async for chunk in answer.chunks():
            await response.write(chunk)
    except (OSError, h11.ProtocolError):
        if request.transport is not None:
            request.transport.abort()
    else:
        await response.write_eof()
    return response


def response_head(status: int, headers: Headers) -> web.StreamResponse:
    """Returns a response that has headers, and no body yet."""
    response = web.StreamResponse(status=status)
    response.headers.extend([(name, value.decode("utf-8", "surrogateescape")) for name, value in headers])
    return response
