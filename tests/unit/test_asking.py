"""Requests that wait for a backend in the embedded edge: there are only so many, and a further one is told so."""

import asyncio
from typing import Any

import httpx
import pytest

from fanroute.local import Backend, server
from fanroute.local.exchange import Exchange, HostError, Response


class Forwarding:
    """What stands for a component: it forwards what is for /backend, and answers the rest."""

    def handle(self, exchange: Exchange) -> bool:
        if exchange.uri.endswith("/backend"):
            try:
                exchange.answer = exchange.ask("origin", "/", [("Host", b"a")])
            except HostError:
                exchange.answer = Response(502, [], b"the component's own")
        else:
            exchange.answer = Response(200, [], b"at once")
        exchange.settle()
        return True


def test_a_request_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_ASKING", 3)
    lines: list[str] = []

    async def asked() -> tuple[list[tuple[int, str]], tuple[int, str], list[int]]:
        waiting, go = asyncio.Semaphore(0), asyncio.Event()

        async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            waiting.release()
            await go.wait()
            writer.write(b"HTTP/1.1 201 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()

        origin = await asyncio.start_server(backend, "127.0.0.1", 0)
        where: dict[str, Backend | None] = {"origin": Backend(f"http://127.0.0.1:{origin.sockets[0].getsockname()[1]}")}
        component: Any = Forwarding()
        async with (
            server.listening(component, where, "", 0, 0, lines.append) as urls,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            held = [asyncio.create_task(client.get(f"{urls.edge}/backend")) for _ in range(3)]
            for _ in held:
                await waiting.acquire()
            refused = [await client.get(f"{urls.edge}/backend") for _ in range(2)]
            other = await client.get(f"{urls.edge}/other")
            go.set()
            answers = [(await task).status_code for task in held]
            answers.append((await client.get(f"{urls.edge}/backend")).status_code)
        origin.close()
        return [(answer.status_code, answer.text) for answer in refused], (other.status_code, other.text), answers

    refused, other, answers = asyncio.run(asked())
    assert refused == [(503, "The embedded edge has 3 requests that wait for backends already.\n")] * 2
    assert other == (200, "at once")
    assert answers == [201] * 4
    assert sum(line.endswith("→ 503: 3 requests wait for backends already") for line in lines) == 2
