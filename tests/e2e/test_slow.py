"""A connection whose client does not read: a limited number of items waits for it, and others on its channel miss nothing."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from websockets.sync.client import connect

from fanroute.devserver.pubsub import MAX_WAITING
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, wait_until
from tests.e2e.origin import Origin

# 24 MB together: more than MAX_WAITING items plus the buffers of a connection.
COUNT, SIZE = 800, 30_000
LAST = "last"
# A socket option: level, name and value.
Option = tuple[int, int, int]
# For a client that does not read: with a small window, its items stay in the edge.
SMALL: Option = (socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)

# Waits for the next published item, and returns its content.
Received = Callable[[], str]


def test_a_client_that_does_not_read_its_stream(channels_edge: Edge) -> None:
    with streamed(channels_edge, "/stream/lines") as quick, streamed(channels_edge, "/stream/lines", SMALL) as slow:
        publish_all(channels_edge, "lines", quick)
        numbers = rest(channels_edge, "lines", slow)
    assert numbers == list(range(len(numbers)))
    assert MAX_WAITING < len(numbers) < COUNT


def test_a_client_that_does_not_read_its_websocket(channels_edge: Edge) -> None:
    """No message waits for it, except in the buffers of its connection."""
    with opened(channels_edge, "/socket/frames") as quick, opened(channels_edge, "/socket/frames", SMALL) as slow:
        publish_all(channels_edge, "frames", quick)
        numbers = rest(channels_edge, "frames", slow)
    assert numbers == sorted(numbers)
    assert 0 < len(numbers) < COUNT


def test_a_stream_whose_link_is_slow(edge: Edge, origin: Origin) -> None:
    with streamed(edge, "/origin/slow-link", Host="www.example.com") as received:
        assert received() == "first"
        wait_until(lambda: origin.waiting() == 1)
        for number in range(2 * MAX_WAITING):
            publish(edge, "slow-link", str(number))
        edge.request("GET", "/forward/go", "www.example.com")
        assert received() == "linked"
        assert rest(edge, "slow-link", received) == list(range(MAX_WAITING))


@contextmanager
def streamed(edge: Edge, path: str, *options: Option, **headers: str) -> Iterator[Received]:
    """Yields a held stream, which is only read when a line is wanted."""
    with (
        httpx.Client(base_url=edge.url, timeout=ANSWER_TIMEOUT, transport=httpx.HTTPTransport(socket_options=options)) as client,
        client.stream("GET", path, headers=headers) as answer,
    ):
        yield answer.iter_lines().__next__


@contextmanager
def opened(edge: Edge, path: str, *options: Option) -> Iterator[Received]:
    """Yields a WebSocket, of which little is read before a message is wanted."""
    with socket.socket() as connection:
        for option in options:
            connection.setsockopt(*option)
        connection.connect(("127.0.0.1", edge.port))
        url = edge.url.replace("http", "ws", 1) + path
        with connect(url, sock=connection, proxy=None, ping_interval=None, max_queue=1) as client:
            yield lambda: str(client.recv(ANSWER_TIMEOUT))


def publish(edge: Edge, channel: str, content: str) -> None:
    edge.publish(channel, http_stream={"content": f"{content}\n"}, ws_message={"content": content})


def publish_all(edge: Edge, channel: str, quick: Received) -> None:
    """Publishes COUNT numbered items, each after another client has got the one before."""
    for number in range(COUNT):
        publish(edge, channel, f"{number} {'x' * SIZE}")
        assert quick().startswith(f"{number} ")


def rest(edge: Edge, channel: str, received: Received) -> list[int]:
    """Returns the numbers of the items that a client still gets before one that is published now."""
    numbers, stop = [], threading.Event()

    def publish_last() -> None:
        while not stop.wait(0.2):
            publish(edge, channel, LAST)

    publishing = threading.Thread(target=publish_last)
    publishing.start()
    try:
        while (content := received()) != LAST:
            numbers.append(int(content.split()[0]))
    finally:
        stop.set()
        publishing.join()
    return numbers
