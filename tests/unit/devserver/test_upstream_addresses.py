"""If a name has several addresses, the backend can be at any of them."""

import asyncio
import socket
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.grip_proxy import GripProxy
from fanroute.devserver.upstream import send_request
from fanroute.devserver.visits import Reporter
from fanroute.spec.types import LocalUrl, Url

BOTH = [(socket.AF_INET6, ("::1",)), (socket.AF_INET, ("127.0.0.1",))]


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("address", ["::1", "127.0.0.1"])
@pytest.mark.parametrize("order", [1, -1])
def test_localhost_is_each_of_its_addresses(monkeypatch: pytest.MonkeyPatch, address: str, order: int) -> None:
    """Whichever of them the server listens at, and whichever comes first; for a forward and for a handoff."""

    async def both(host: Any, port: Any, **hints: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (*at, int(port))) for family, at in BOTH[::order]]

    async def asked() -> tuple[int, int]:
        server = await asyncio.start_server(serve, address, 0)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        backend = LocalBackend(f"http://localhost:{server.sockets[0].getsockname()[1]}")
        forwarded = await send_request(backend, "GET", "/", [("Host", b"a")], None)
        forwarded.close()
        proxy = GripProxy({"origin": backend}, Reporter(print))
        handed_off = await proxy.send_request("origin", "GET", "/", [("Host", b"a")], None)
        await handed_off.aclose()
        await proxy.close()
        server.close()
        return forwarded.status, handed_off.status_code

    assert asyncio.run(asked()) == (200, 200)


@pytest.mark.parametrize("url", ["http://[::1]:3000", "https://[fe80::1]", "http://localhost:3000"])
def test_an_ipv6_address_is_taken_locally(url: str) -> None:
    assert TypeAdapter(LocalUrl).validate_python(url) == url


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://::1:3000", "http://[::g]", "http://[1.2.3.4]", "http://[::1]:0", "http://[]"]
)
def test_what_is_no_address_is_not(url: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LocalUrl).validate_python(url)


def test_in_production_a_backend_has_a_name() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Url).validate_python("http://[2001:db8::1]:3000")
