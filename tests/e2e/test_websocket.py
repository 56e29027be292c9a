"""WebSockets: the echo through Fanout, and WebSocket-over-HTTP without it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fanroute_runtime.grip.websocket import MAX_MESSAGE
from tests.conftest import GRIP_SIG, OWN_HOST
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

EVENTS = "application/websocket-events"
SUBSCRIBE = b'c:{"type":"subscribe","channel":"test"}'


def from_fanout(edge: Edge) -> dict[str, str]:
    """Returns the headers of Fanout's requests for an open WebSocket."""
    return {"Grip-Sig": GRIP_SIG, "Content-Type": EVENTS, **dict(edge.pin("/test/websocket", OWN_HOST, websocket=True))}


@contextmanager
def opened(edge: Edge, path: str = "/test/websocket", host: str = OWN_HOST) -> Iterator[ClientConnection]:
    with (
        socket.create_connection(("127.0.0.1", edge.port)) as tcp,
        connect(f"ws://{host}{path}", sock=tcp, open_timeout=ANSWER_TIMEOUT, proxy=None, max_size=None) as client,
    ):
        yield client


def published(edge: Edge, clients: list[ClientConnection], message: str | bytes) -> list[Any]:
    """Returns what each client gets of a message that is published again until it arrives."""
    got: list[Any] = [None] * len(clients)
    content = {"content": message} if isinstance(message, str) else {"content-bin": "AAEC"}
    while None in got:
        edge.publish("test", ws_message=content)
        for index, client in enumerate(clients):
            try:
                got[index] = client.recv(timeout=0.3)
            except TimeoutError:
                continue
    return got


@pytest.mark.parametrize("message", ["hello", "", "ünï ✓", b"\x00\xff\r\nTEXT 2", b"", "m:x", "x" * 8000, b"\x80" * 8000])
def test_messages_come_back(edge: Edge, message: str | bytes) -> None:
    with opened(edge) as client:
        client.send(message)
        assert client.recv(timeout=ANSWER_TIMEOUT) == message


@pytest.mark.parametrize("size", [60_000, MAX_MESSAGE])
def test_large_messages_come_back(edge: Edge, size: int) -> None:
    """docs/differences.md: on Viceroy with Pushpin 1.36, an echo of 60 KB stalls with every app."""
    if edge.has_old_pushpin:
        body = b"TEXT %x\r\n%s\r\n" % (size, b"x" * size)
        answer = edge.request("POST", "/test/websocket", headers=from_fanout(edge), content=body)
        assert answer.content == b"TEXT %x\r\nm:%s\r\n" % (size + 2, b"x" * size)
        return
    with opened(edge) as client:
        client.send("x" * size)
        assert client.recv(timeout=ANSWER_TIMEOUT) == "x" * size


def test_many_messages_come_back_in_order(edge: Edge) -> None:
    with opened(edge) as client:
        for number in range(20):
            client.send(str(number))
        assert [client.recv(timeout=ANSWER_TIMEOUT) for _ in range(20)] == [str(number) for number in range(20)]


def test_what_is_published_arrives(edge: Edge) -> None:
    with opened(edge) as one, opened(edge) as two:
        assert published(edge, [one, two], "hello") == ["hello"] * 2
    with opened(edge) as client:
        assert published(edge, [client], b"\x00\x01\x02") == [b"\x00\x01\x02"]


def test_a_client_cannot_subscribe_itself(edge: Edge) -> None:
    """A bug of Fastly's starter kits: with an empty prefix, the echo turns this into a control message."""
    with opened(edge) as client:
        attempts = ['c:{"type":"subscribe","channel":"x"}', 'm:c:{"type":"subscribe","channel":"x"}']
        for attempt in attempts:
            client.send(attempt)
            assert client.recv(timeout=ANSWER_TIMEOUT) == attempt
        for _ in range(3):
            edge.publish("x", ws_message={"content": "not for you"})
        with pytest.raises(TimeoutError):
            client.recv(timeout=1)


def test_a_ping_is_answered(edge: Edge) -> None:
    with opened(edge) as client:
        for payload in (b"", b"payload"):
            assert client.ping(payload or None).wait(ANSWER_TIMEOUT)
        client.send("still there")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "still there"


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going"), (4001, "bye ✓")])
def test_a_close_is_returned_with_its_code(edge: Edge, code: int, reason: str) -> None:
    with opened(edge) as client:
        client.close(code, reason)
        assert client.close_code == code


def test_a_publisher_can_close(edge: Edge) -> None:
    with opened(edge) as client:
        published(edge, [client], "ready")
        edge.publish("test", ws_message={"action": "close", "code": 4002})
        with pytest.raises(ConnectionClosed):
            while client.recv(timeout=ANSWER_TIMEOUT) == "ready":
                pass
        assert client.close_code == 4002


@pytest.mark.parametrize("path", ["/test/other", "/test/websocket/more"])
def test_other_paths_take_no_websocket(edge: Edge, path: str) -> None:
    with pytest.raises(InvalidStatus) as raised, opened(edge, path):
        pass
    assert raised.value.response.status_code == 404


def test_a_held_endpoint_takes_no_websocket(edge: Edge) -> None:
    with pytest.raises(InvalidStatus), opened(edge, "/test/stream"):
        pass


def test_a_plain_get_is_refused(edge: Edge) -> None:
    """At once, and also with Fanout's signature."""
    for headers in ({}, {"Grip-Sig": GRIP_SIG}):
        answer = edge.request("GET", "/test/websocket", headers=headers)
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
        assert answer.text == "This route accepts only WebSockets.\n"


@pytest.mark.parametrize(
    ("events", "replies"),
    [
        (b"OPEN\r\n", b"OPEN\r\nTEXT %x\r\n%s\r\n" % (len(SUBSCRIBE), SUBSCRIBE)),
        (b"TEXT 5\r\nhello\r\n", b"TEXT 7\r\nm:hello\r\n"),
        (b"TEXT 0\r\n\r\n", b"TEXT 2\r\nm:\r\n"),
        (b"BINARY 3\r\n\x00\r\n\r\n", b"BINARY 5\r\nm:\x00\r\n\r\n"),
        (b"TEXT 1\r\na\r\nBINARY 1\r\nb\r\n", b"TEXT 3\r\nm:a\r\nBINARY 3\r\nm:b\r\n"),
        (b"PING\r\n", b"PONG\r\n"),
        (b"PING 2\r\nhi\r\n", b"PONG 2\r\nhi\r\n"),
        (b"PONG\r\n", b""),
        (b"CLOSE\r\n", b"CLOSE\r\n"),
        (b"CLOSE 2\r\n\x03\xe8\r\n", b"CLOSE 2\r\n\x03\xe8\r\n"),
        (b"CLOSE 5\r\n\x0f\xa1bye\r\n", b"CLOSE 5\r\n\x0f\xa1bye\r\n"),
        (b"DISCONNECT\r\n", b""),
        (b"TEXT 1\r\na\r\nDISCONNECT\r\n", b"TEXT 3\r\nm:a\r\n"),
        (b"", b""),
    ],
)
@pytest.mark.parametrize("content_type", [EVENTS, "Application/WebSocket-Events; x=y"])
def test_events_are_answered(edge: Edge, events: bytes, replies: bytes, content_type: str) -> None:
    """The second pass, with a request like Fanout's."""
    headers = from_fanout(edge) | {"Content-Type": content_type}
    answer = edge.request("POST", "/test/websocket", headers=headers, content=events)
    assert (answer.status_code, answer.content) == (200, replies)
    assert answer.headers["content-type"] == EVENTS
    extension = 'grip; message-prefix="m:"' if events.startswith(b"OPEN") else None
    assert answer.headers.get("sec-websocket-extensions") == extension


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n",
        b"OPEN",
        b"OPEN\r",
        b"OPEN\n",
        b"TEXT",
        b"TEXT 5\r\nhell",
        b"TEXT 5\r\nhello",
        b"TEXT 5\r\nhello\r",
        b"TEXT 4\r\nhello\r\n",
        b"TEXT 6\r\nhello\r\n",
        b"TEXT g\r\nhello\r\n",
        b"TEXT 0x5\r\nhello\r\n",
        b"TEXT -5\r\nhello\r\n",
        b"TEXT +5\r\nhello\r\n",
        b"TEXT  5\r\nhello\r\n",
        b"TEXT \r\nhello\r\n",
        b"TEXT ffffffff\r\nhello\r\n",
        b"TEXT ffffffffffffffffffffffff\r\nhello\r\n",
        b"HELLO\r\n",
        b"text 5\r\nhello\r\n",
        b"OPEN\r\nHELLO\r\n",
        b"TEXT 1\r\na\r\nOPEN\r\n",
        b"TEXT 1\r\na\r\nTEXT 9\r\nb\r\n",
        b"CLOSE 1\r\n\x03\r\n",
        b"CLOSE 3\r\n\x03\xe8\xff\r\n",
        b"\xff\xfe\x00",
    ],
)
def test_malformed_events_are_refused(edge: Edge, body: bytes) -> None:
    answer = edge.request("POST", "/test/websocket", headers=from_fanout(edge), content=body)
    assert answer.status_code == 400
    assert answer.text.startswith("Malformed websocket-over-HTTP body")


def test_too_many_bytes_are_refused(edge: Edge) -> None:
    body = b"TEXT %x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))
    assert edge.request("POST", "/test/websocket", headers=from_fanout(edge), content=body).status_code == 413


@pytest.mark.parametrize("content_type", [EVENTS, "application/WEBSOCKET-events;charset=utf-8"])
@pytest.mark.parametrize(("host", "path"), [(OWN_HOST, "/test/websocket"), (OWN_HOST, "/test/other"), ("www.example.com", "/")])
def test_only_fanout_may_send_events(edge: Edge, content_type: str, host: str, path: str) -> None:
    answer = edge.request("POST", path, host, headers={"Content-Type": content_type}, content=b"OPEN\r\n")
    assert answer.status_code == 403
