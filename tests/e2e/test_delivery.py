"""Published items reach every kind of connection, whatever happened on the channel before.

Each round publishes one item, in some rounds about a second after the channel's first subscription. By default, Pushpin then asks
the edge again for each long-poll that it holds, and drops what is published meanwhile.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from fanroute.devserver.viceroy import LOSES_MESSAGES
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

CONTENT, ASK = "data: hello\n\n", "ask\n"
# The time between subscription and publishing, in seconds: in the first round and in the last.
EARLIEST, LATEST = 0.6, 1.4
# How many rounds run at once.
AT_ONCE = 10

Received = Callable[[], Awaitable[Any]]


class Channel:
    """Represents the connections of one client to a channel that one round uses."""

    def __init__(self, edge: Edge, name: str, subscriptions: Counter[str]) -> None:
        self.name = name
        self._edge = edge
        self._subscriptions = subscriptions
        self._expected = 0
        # Only one connection, so that long-polls follow each other on it.
        limits = httpx.Limits(max_connections=1)
        self.client = httpx.AsyncClient(base_url=edge.url, timeout=2 * ANSWER_TIMEOUT, limits=limits, trust_env=False)
        self._publisher = httpx.AsyncClient(trust_env=False)

    async def close(self) -> None:
        await self.client.aclose()
        await self._publisher.aclose()

    @asynccontextmanager
    async def held(self, kind: str, query: str = "") -> AsyncIterator[Received]:
        """Yields a function that waits for the next thing that a connection on the channel receives."""
        target = f"/{kind}/{self.name}{query}"
        if kind == "socket":
            url = self._edge.url.replace("http", "ws", 1) + target
            async with connect(url, proxy=None, open_timeout=ANSWER_TIMEOUT, ping_interval=None) as socket:
                await self._subscribed()
                yield socket.recv
        elif kind in ("stream", "sse"):
            async with self.client.stream("GET", target) as answer:
                await self._subscribed()
                yield answer.aiter_text().__anext__
        else:
            poll = asyncio.create_task(self.client.get(target))
            await self._subscribed()
            yield lambda: _text(poll)

    async def publish(self, **item: str) -> None:
        """Publishes an item for every kind of connection."""
        formats = {"http-stream": {"content": CONTENT}, "http-response": {"body": CONTENT}, "ws-message": {"content": CONTENT}}
        named = {name.replace("_", "-"): value for name, value in item.items()}
        published = {"items": [{"channel": self.name, "formats": formats} | named]}
        (await self._publisher.post(self._edge.publish_url, json=published)).raise_for_status()

    async def _subscribed(self) -> None:
        """Waits until the log has one more subscription."""
        self._expected += 1
        while self._subscriptions[self.name] < self._expected:
            await asyncio.sleep(0.02)


async def _text(poll: asyncio.Task[httpx.Response]) -> str:
    return (await poll).text


async def _follow(edge: Edge, subscriptions: Counter[str]) -> None:
    """Counts the subscriptions to each channel in the log. A poll that is asked again is counted with `retry` at the end."""
    while True:
        told = Counter(re.findall(r"subscribe.*[ =](\S+)$", edge.full_log(), re.MULTILINE))
        subscriptions.update(told - subscriptions)
        await asyncio.sleep(0.05)


def rounds(edge: Edge, name: str, count: int, round_: Callable[[Channel, float], Coroutine[Any, Any, Any]]) -> Counter[Any]:
    """Returns how often each outcome occurs in some rounds, each with its own channel and time to publish. Some run at once."""

    async def run(number: int, subscriptions: Counter[str], free: asyncio.Semaphore) -> Any:
        async with free:
            channel = Channel(edge, f"{name}-{number}", subscriptions)
            try:
                return await round_(channel, EARLIEST + (LATEST - EARLIEST) * number / count)
            finally:
                await channel.close()

    async def run_all() -> Counter[Any]:
        subscriptions: Counter[str] = Counter()
        following = asyncio.create_task(_follow(edge, subscriptions))
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.timeout(90):
            outcomes = await asyncio.gather(*(run(number, subscriptions, free) for number in range(count)))
        following.cancel()
        return Counter(outcomes)

    return asyncio.run(run_all())


async def unless_lost(message: Awaitable[Any]) -> Any:
    """Returns what is received, or "lost"."""
    try:
        return await asyncio.wait_for(message, ANSWER_TIMEOUT)
    except TimeoutError:
        return "lost"


def needs_a_new_pushpin(edge: Edge) -> None:
    """docs/differences.md: an old one asks again, loses what is published meanwhile, and can crash."""
    if LOSES_MESSAGES in edge.full_log():
        pytest.skip(f"this Pushpin {LOSES_MESSAGES}")


@pytest.mark.parametrize(
    ("before", "kind", "count"),
    [
        (["stream", "sse"], "poll", 50),
        ([], "poll", 20),
        (["poll"], "poll", 20),
        (["socket"], "poll", 20),
        (["poll"], "stream", 20),
        (["poll", "stream"], "socket", 20),
        (["socket", "poll"], "sse", 20),
    ],
)
def test_nothing_is_lost(channels_edge: Edge, before: list[str], kind: str, count: int) -> None:
    """Each connection exists before the item is published, and its client closes it."""
    if "poll" in [*before, kind]:
        needs_a_new_pushpin(channels_edge)

    async def one(channel: Channel, moment: float) -> Any:
        for other in before:
            async with channel.held(other) as received:
                await channel.publish()
                assert await received() == CONTENT
        async with channel.held(kind) as received:
            await asyncio.sleep(moment)
            await channel.publish()
            return await unless_lost(received())

    name = "-".join([*before, kind])
    assert rounds(channels_edge, name, count, one) == {CONTENT: count}


def test_a_client_with_ids_misses_nothing(channels_edge: Edge) -> None:
    """A client that does not receive an item learns that it must ask for it, in the time that a message takes."""
    needs_a_new_pushpin(channels_edge)

    async def one(channel: Channel, moment: float) -> str:
        published: asyncio.Task[None] | None = None
        while True:
            async with channel.held("reliable-poll", "?after=1") as received:
                published = published or asyncio.create_task(later(channel, moment))
                answer = await unless_lost(received())
            if answer != ASK:
                return str(answer)
            if published.done():
                return "asked for"

    async def later(channel: Channel, moment: float) -> None:
        await asyncio.sleep(moment)
        await channel.publish(id="2", prev_id="1")

    assert rounds(channels_edge, "ids", 20, one).keys() <= {CONTENT, "asked for"}


def test_what_comes_between_two_polls_is_noticed(channels_edge: Edge) -> None:
    async def one(channel: Channel, moment: float) -> tuple[str, str]:
        async with channel.held("reliable-poll", "?after=1") as received:
            await channel.publish(id="2", prev_id="1")
            first = await unless_lost(received())
        await channel.publish(id="3", prev_id="2")
        second = await unless_lost(channel.client.get(f"/reliable-poll/{channel.name}?after=2"))
        return first, second if isinstance(second, str) else second.text

    assert rounds(channels_edge, "between", 1, one) == {(CONTENT, ASK): 1}
