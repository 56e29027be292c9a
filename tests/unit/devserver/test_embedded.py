"""Requests that wait for a backend in the embedded edge: only so many can, and a further one gets a 503 that says so."""

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from fanroute.devserver import embedded, sandboxes
from fanroute.devserver.config import LocalBackend, Stores
from fanroute.devserver.embedded import Service
from fanroute.devserver.events import Answered, Event
from fanroute.devserver.visits import Reporter
from fanroute.host.exchange import Exchange, HostError, Response


class Forwarding:
    """Stands in for a component: forwards /forward/NAME and hands off /handoff/NAME to a backend, and answers the rest."""

    def handle(self, exchange: Exchange) -> bool:
        *_, action, name = exchange.uri.split("/")
        if action == "forward":
            try:
                exchange.answer = exchange.fetch(name, "/", [("Host", b"a")])
            except HostError:
                exchange.answer = Response(502, [], b"the component's own")
        elif action == "handoff":
            exchange.handoff = name
        else:
            exchange.answer = Response(200, [], b"at once")
        exchange.settle()
        return True


class Hung:
    """Runs an edge with a backend `hung`, which answers after `go`, and a backend `ok`, which answers at once."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._waiting, self._go = asyncio.Semaphore(0), asyncio.Event()
        self._tasks: list[asyncio.Task[httpx.Response]] = []

    async def __aenter__(self) -> "Hung":
        self._stack = AsyncExitStack()
        hung, ok = [
            await self._stack.enter_async_context(await asyncio.start_server(answer, "127.0.0.1", 0))
            for answer in (self._hang, self._answer)
        ]
        where: dict[str, LocalBackend | None] = {
            name: LocalBackend(f"http://127.0.0.1:{origin.sockets[0].getsockname()[1]}")
            for name, origin in (("hung", hung), ("ok", ok))
        }
        component: Any = Forwarding()
        self.running = await self._stack.enter_async_context(
            embedded.serve(component, where, "", 0, 0, Reporter(self.events.append))
        )
        self._client = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=self.running.edge, trust_env=False, timeout=20)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def get(self, path: str) -> tuple[int, str]:
        answer = await self._client.get(path)
        return answer.status_code, answer.text

    async def hang(self, path: str, times: int) -> None:
        """Sends requests, and returns when they all wait for their backend."""
        self._tasks += [asyncio.create_task(self._client.get(path)) for _ in range(times)]
        for _ in range(times):
            await self._waiting.acquire()

    async def go(self) -> list[int]:
        """Lets the backend answer. Returns the statuses of all requests that waited."""
        self._go.set()
        return [(await task).status_code for task in self._tasks]

    async def _hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self._waiting.release()
        await self._go.wait()
        await self._answered(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await self._answered(writer)

    async def _answered(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


ALREADY = "3 requests are already waiting for the backend 'hung'"


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAX_BACKEND_REQUESTS", 3)


def test_a_request_too_many_is_told_so() -> None:
    async def asked() -> None:
        async with Hung() as edge:
            await edge.hang("/forward/hung", 3)
            for _ in range(2):
                assert await edge.get("/forward/hung") == (503, f"The embedded edge is busy: {ALREADY}.\n")
            assert await edge.get("/other") == (200, "at once")
            assert await edge.go() == [201] * 3
            assert await edge.get("/forward/hung") == (201, "")
        refused = [event for event in edge.events if isinstance(event, Answered) and event.status == 503]
        assert [event.reason for event in refused] == [ALREADY] * 2

    asyncio.run(asked())


def test_a_backend_that_hangs_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the only sandboxes left are those for requests that wait."""
    monkeypatch.setattr(sandboxes, "MAX_SANDBOXES", 1)

    async def asked() -> None:
        async with Hung() as edge:
            await edge.hang("/forward/hung", 3)
            assert (await edge.get("/forward/hung"))[0] == 503
            assert [await edge.get("/forward/ok") for _ in range(5)] == [(201, "")] * 5
            assert await edge.go() == [201] * 3

    asyncio.run(asked())


def test_a_handoff_that_waits_takes_no_place() -> None:
    """It does not wait in a thread."""

    async def asked() -> None:
        async with Hung() as edge:
            await edge.hang("/handoff/hung", 20)
            assert await edge.get("/forward/ok") == (201, "")
            await edge.hang("/forward/hung", 3)
            await edge.hang("/handoff/hung", 1)
            assert await edge.go() == [201] * 24

    asyncio.run(asked())


class Named:
    """Stands in for a component: answers with its name, or with what a backend and a store have."""

    def __init__(self, name: str) -> None:
        self._name = name

    def handle(self, exchange: Exchange) -> bool:
        if exchange.uri.endswith("/backend"):
            exchange.answer = exchange.fetch("backend", "/", [("Host", b"a")])
        else:
            stored = exchange.config_stores["store"]["name"] if "store" in exchange.config_stores else ""
            exchange.answer = Response(200, [], f"{self._name} {stored}".encode())
        exchange.settle()
        return True


def test_what_is_served_can_be_replaced() -> None:
    """Requests that wait for a backend are finished with what was served when they came."""

    async def asked() -> None:
        async with Hung() as edge:
            await edge.hang("/forward/hung", 2)
            named: Any = Named("new")
            edge.running.replace(Service(named.handle, {"backend": None}, "", Stores({"store": {"name": "stored"}})))
            assert await edge.get("/other") == (200, "new stored")
            assert "embedded origin" in (await edge.get("/backend"))[1]
            edge.running.replace(Service(named.handle, {"backend": LocalBackend(edge.running.edge)}, "", Stores()))
            assert await edge.get("/backend") == (200, "new ")
            assert await edge.go() == [201] * 2

    asyncio.run(asked())


def test_a_request_is_handed_off_to_a_backend_that_is_served_no_more() -> None:
    """Its component has decided so before."""

    async def asked() -> None:
        came, may_decide = threading.Event(), threading.Event()

        def decide_late(exchange: Exchange) -> bool:
            came.set()
            may_decide.wait()
            exchange.handoff = "ok"
            exchange.settle()
            return True

        async with Hung() as edge:
            ok = edge.running.first.backends["ok"]
            edge.running.replace(Service(decide_late, {"ok": ok}, ""))
            late = asyncio.create_task(edge.get("/late"))
            await asyncio.to_thread(came.wait)
            edge.running.replace(Service(Named("new").handle, {}, ""))
            may_decide.set()
            assert await late == (201, "")

    asyncio.run(asked())


MALFORMED = [(b"X-E: \x1b[31m\r\n", "the header 'X-E'"), (b"X-E: \x7f\r\n", "the header 'X-E'"), (None, "the reason phrase")]


@pytest.mark.parametrize("action", ["forward", "handoff"])
@pytest.mark.parametrize(("header", "part"), MALFORMED)
def test_a_head_that_no_client_can_get_is_told(
    action: str, header: bytes | None, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Tests that the event has the status that the client gets, and says which part of the backend's answer is wrong."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 %s\r\n%sContent-Length: 2\r\n\r\nhi" % (b"\x1b[2J" if header is None else b"OK", header or b"")
        )
        writer.close()

    async def check() -> None:
        events: list[Event] = []
        component: Any = Forwarding()
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as origin:
            backends = {"odd": LocalBackend(f"http://127.0.0.1:{origin.sockets[0].getsockname()[1]}")}
            serving = embedded.serve(component, backends, "", 0, 0, Reporter(events.append))
            async with serving as running, httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(f"{running.edge}/{action}/odd")).status_code == 502
        (told,) = [event for event in events if isinstance(event, Answered)]
        assert told.status == 502
        assert "The backend 'odd' gave no answer: " in told.reason and part.lower() in told.reason.lower()

    asyncio.run(check())
    assert caplog.records == []
