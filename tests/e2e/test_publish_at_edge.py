"""Routes with `publish`, with real clients on both edges: who may publish, in which formats, and what nobody can inject."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from httpx_sse import EventSource, ServerSentEvent
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, edge_of, open_websocket, wait_until
from tests.support.counts import COUNTS
from tests.support.tokens import SECRET, by_pyjwt

MANIFEST = f"""\
manifest_version = 3
[[local_server.secret_stores.login]]
key = "key"
data = {json.dumps(SECRET.decode())}
"""
publish_edge = edge_of("publish", {"fastly.toml": MANIFEST.encode()})

TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}


def token(**claims: Any) -> str:
    return by_pyjwt({"sub": "ann", "aud": "chat", "exp": int(time.time()) + 600, **claims}, "HS256").decode()


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**claims)}"}


@contextmanager
def events(edge: Edge, room: str) -> Iterator[Iterator[ServerSentEvent]]:
    """Yields the server-sent events of a room, read by a library."""
    with edge.client.stream("GET", f"/open/{room}/events") as answer:
        assert answer.status_code == 200
        wait_until(lambda: is_subscribed(edge, f"open-{room}"))
        yield EventSource(answer).iter_sse()


def is_subscribed(edge: Edge, channel: str) -> bool:
    """Returns True if the edge has logged a subscription. Viceroy's edge logs none, so time has to pass there."""
    if edge.name == "viceroy":
        time.sleep(0.5)
        return True
    return any(f"subscribed to {channel}" in line for line in edge.output)


@contextmanager
def socket(edge: Edge, path: str, **options: Any) -> Iterator[ClientConnection]:
    """Yields a WebSocket that is open and subscribed."""
    with open_websocket(edge, path, **options) as client:
        time.sleep(0.3)
        yield client


# What clients send to look like something else: framing of each format, control messages, filters, escapes.
HOSTILE = [
    "two\nlines",
    "a\r\n\r\ndata: b\r\nevent: admin\r\n\r\n",
    "\n\nevent: admin\ndata: forged\n\n",
    "a\rid: 7\rretry: 1\r\r",
    ": a comment\n:\n\n",
    "data: data: x",
    'c:{"type":"subscribe","channel":"other"}',
    'm:c:{"type":"detach"}',
    "TEXT 5\r\nhello\r\nCLOSE\r\n",
    '"},"channel":"other","x":{"',
    '{"items":[{"channel":"other","formats":{}}]}',
    "%(user)s %s %% %I %",
    "\u2028\u2029\u0085\x0b\x0c\x1c",
    "a\0b",
    "\ufeffmark",
    "\\u0000 \\n \\",
    "héllo ✓ 😀",
    " spaces at the ends ",
    "",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_arrives_as_it_is(publish_edge: Edge, text: str) -> None:
    """It is the same for each kind of reader, whoever sends it. It does not end its event, or begin another message."""
    room = f"text-{HOSTILE.index(text)}"
    lines = "\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    with (
        events(publish_edge, room) as found,
        socket(publish_edge, f"/open/{room}/socket") as reader,
        ThreadPoolExecutor() as pool,
    ):
        poll = pool.submit(publish_edge.client.get, f"/open/{room}/poll")
        time.sleep(0.5)
        answer = publish_edge.client.post(f"/open/{room}/messages", content=text.encode(), headers=TEXT)
        assert answer.status_code == 202, answer.text
        first = next(found)
        assert (first.event, first.data, first.id) == ("said", lines, answer.json()["id"])
        assert reader.recv(ANSWER_TIMEOUT) == text
        polled = poll.result()
        assert (polled.status_code, polled.text) == (200, text)
        assert polled.headers["content-type"] == "text/plain; charset=utf-8"
        assert polled.headers["cache-control"] == "no-store"
        # From a WebSocket, with another message behind it, which arrives as the next one.
        reader.send(text)
        assert reader.recv(ANSWER_TIMEOUT) == text
        reader.send("the next")
        assert reader.recv(ANSWER_TIMEOUT) == "the next"
        assert [(event.event, event.data) for event in (next(found), next(found))] == [
            ("message", lines),
            ("message", "the next"),
        ]
    COUNTS["hostile texts, published through the edge and read by four clients"] += 1


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_of_a_stream_is_one_message(publish_edge: Edge, text: str) -> None:
    room = f"lines-{HOSTILE.index(text)}"
    with publish_edge.client.stream("GET", f"/lines/{room}") as stream:
        wait_until(lambda: is_subscribed(publish_edge, f"lines-{room}"))
        for content, headers in ((text, TEXT), (json.dumps({"a": text}, indent=1), JSON)):
            answer = publish_edge.client.post(f"/lines/{room}", content=content.encode(), headers=headers)
            assert answer.status_code == 202, answer.text
        lines = stream.iter_lines()
        first, second = (json.loads(next(lines)) for _ in range(2))
    assert first.keys() == {"body", "room", "at", "id"}
    assert (first["body"], first["room"], second["body"], second["id"]) == (text, room, {"a": text}, answer.json()["id"])
    assert abs(first["at"] / 1000 - time.time()) < 600


def test_a_client_sets_no_header_and_no_instruction(publish_edge: Edge) -> None:
    """Headers that look like GRIP are neither in the answer nor in what is published."""
    headers = [
        *TEXT.items(),
        ("Grip-Hold", "stream"),
        ("Grip-Channel", "other"),
        ("Fastly-Key", "mine"),
        ("X-Accel-Redirect", "/a"),
        ("Connection-Id", "mine"),
        ("Meta-User", "mine"),
    ]
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(publish_edge.client.get, "/open/headers/poll")
        time.sleep(0.5)
        answer = publish_edge.client.post("/open/headers/messages", content=b"hi", headers=headers)
        for each in (answer, poll.result()):
            assert not [name for name in each.headers if name.lower().startswith(("grip-", "fastly-key", "x-accel", "meta-"))]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "headers", "status", "reason"),
    [
        (b"a", {"Content-Type": "image/png"}, 415, "The Content-Type must be application/json or text/plain, in UTF-8 and"),
        (b"a", {"Content-Type": "text/plain; charset=latin-1"}, 415, "The Content-Type must be"),
        (b"a", {"Content-Type": "text/plain, application/json"}, 415, "The Content-Type must be"),
        (b"a", {"Content-Type": "text/plain; charset=utf-8; charset=latin-1"}, 415, "The Content-Type must be"),
        (b"a", TEXT | {"Content-Encoding": "gzip"}, 415, "The Content-Type must be"),
        (b"a", {}, 415, "The Content-Type must be"),
        (b"\xff", TEXT, 400, "The message is not UTF-8."),
        (b"{", JSON, 400, "The message is not JSON."),
        (b"", JSON, 400, "The message is not JSON."),
        (b"[NaN]", JSON, 400, "The message is not JSON."),
        (b"[" * 10_000, JSON, 400, "The message nests deeper than"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, JSON, 400, "The message nests deeper than"),
        (b"1" * 10_000, JSON, 400, "The message is not JSON."),
        (b"\xef\xbb\xbf{}", JSON, 400, "The message is not JSON."),
        (b"a" * 16_385, TEXT, 413, "The body is too long."),
        (b"\x01" * 16_000, TEXT, 413, "The message is too long to be published."),
        (b"a", TEXT | {"Origin": "https://evil.example"}, 403, "Pages of this origin must not publish here."),
        (b"a", TEXT | {"Origin": "null"}, 403, "Pages of this origin must not publish here."),
    ],
)
def test_what_is_refused(publish_edge: Edge, content: bytes, headers: dict[str, str], status: int, reason: str) -> None:
    answer = publish_edge.client.post("/open/refused/messages", content=content, headers=headers)
    assert (answer.status_code, answer.text.startswith(reason)) == (status, True), answer.text


def test_a_page_of_the_service_may_publish(publish_edge: Edge) -> None:
    for type_ in ("text/plain", "Text/Plain ; charset=UTF-8", 'application/json; charset="utf-8"'):
        own = {"Origin": publish_edge.url, "Content-Type": type_}
        assert publish_edge.client.post("/open/own/messages", content=b"1", headers=own).status_code == 202


def test_the_longest_messages(publish_edge: Edge) -> None:
    """16 KiB is published in all formats, and the JSON around them still fits into what the publish endpoint takes."""
    with socket(publish_edge, "/open/long/socket") as reader:
        for text in ("a" * 16_384, "é" * 8192, '"' * 8192):
            answer = publish_edge.client.post("/open/long/messages", content=text.encode(), headers=TEXT)
            assert (answer.status_code, reader.recv(ANSWER_TIMEOUT) == text) == (202, True)


def test_an_id_of_the_client(publish_edge: Edge) -> None:
    with events(publish_edge, "ids") as found:
        answer = publish_edge.client.put("/ids/ids", content=b"a", headers=TEXT | {"X-Id": "mine-1"})
        assert answer.json() == {"id": "mine-1"} and next(found).id == "mine-1"
        for bad in ("a,b", "a" * 257, "a;b"):
            answer = publish_edge.client.put("/ids/ids", content=b"a", headers=TEXT | {"X-Id": bad})
            assert answer.status_code == 400 and answer.text.startswith("The request gives no valid id"), answer.text


def test_who_may_write(publish_edge: Edge) -> None:
    """Everybody of the room reads. Only those whose token lists the channel write, as themselves."""
    writer = bearer(sub="ann", rooms=["blue"], may_read=["room-blue"], may_write=["room-blue"])
    reader = bearer(sub="bob", rooms=["blue"], may_read=["room-blue"], may_write=["room-red"])
    with (
        socket(publish_edge, "/rooms/blue/socket", additional_headers=writer) as ann,
        socket(publish_edge, "/rooms/blue/socket", additional_headers=writer) as ann_too,
        socket(publish_edge, "/rooms/blue/socket", additional_headers=reader) as bob,
    ):
        ann.send('{"text": "hi"}')
        received = [json.loads(client.recv(ANSWER_TIMEOUT)) for client in (ann_too, bob)]
        assert all((each["from"], each["body"]) == ("ann", {"text": "hi"}) for each in received)
        assert received[0] == received[1]
        bob.send('"I must not"')
        failure = json.loads(bob.recv(ANSWER_TIMEOUT))
        assert failure == {"error": {"status": 403, "reason": "The token does not allow this, because of the channel."}}
        ann.send("no JSON")
        assert json.loads(ann.recv(ANSWER_TIMEOUT))["error"]["status"] == 400
        path = "/rooms/blue/messages"
        assert publish_edge.client.post(path, content=b"hi", headers=TEXT | reader).status_code == 403
        assert publish_edge.client.post(path, content=b"hi", headers=TEXT).status_code == 401
        assert publish_edge.client.post("/rooms/red/messages", content=b"hi", headers=TEXT | writer).status_code == 403
        assert publish_edge.client.post(path, content=b"hi", headers=TEXT | writer).status_code == 202
        for client in (ann, ann_too, bob):  # nothing else was published, and the sender has got nothing of its own
            assert json.loads(client.recv(ANSWER_TIMEOUT)) == {"from": "ann", "body": "hi"}


def test_any_name_may_be_in_an_envelope(publish_edge: Edge) -> None:
    """A claim that no channel could contain is a text there, and cannot change the JSON around it."""
    for name in ("José", 'a","admin":true,"x":"', "a\nb", "a,b;c", "😀", ""):
        may = bearer(sub=name, rooms=["names"], may_write=["room-names"])
        listener = bearer(rooms=["names"], may_read=["room-names"])
        with socket(publish_edge, "/rooms/names/socket", additional_headers=listener) as reader:
            assert publish_edge.client.post("/rooms/names/messages", content=b"1", headers=TEXT | may).status_code == 202
            assert json.loads(reader.recv(ANSWER_TIMEOUT)) == {"from": name, "body": "1"}


def test_a_page_of_another_origin(publish_edge: Edge) -> None:
    may = bearer(rooms=["blue"], may_write=["room-blue"])
    page = {"Origin": "https://chat.example.com"}
    preflight = publish_edge.client.options(
        "/rooms/blue/messages",
        headers=page | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"},
    )
    assert preflight.status_code == 204 and preflight.headers["access-control-allow-origin"] == page["Origin"]
    answer = publish_edge.client.post("/rooms/blue/messages", content=b"a", headers=TEXT | page | may)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (202, page["Origin"])
    evil = publish_edge.client.post("/rooms/blue/messages", content=b"a", headers=TEXT | {"Origin": "https://evil.com"} | may)
    assert evil.status_code == 403 and "access-control-allow-origin" not in evil.headers


def test_a_failure_closes_the_websocket(publish_edge: Edge) -> None:
    with socket(publish_edge, "/small") as client, pytest.raises(ConnectionClosed) as closed:
        client.send("a" * 17)
        client.recv(ANSWER_TIMEOUT)
    assert (closed.value.rcvd and closed.value.rcvd.code) == 1009
    with socket(publish_edge, "/open/binary/socket") as client, pytest.raises(ConnectionClosed) as closed:
        client.send(b"\xff")
        client.recv(ANSWER_TIMEOUT)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1003, "Only text can be published here.")


def test_a_failure_may_be_ignored(publish_edge: Edge) -> None:
    with socket(publish_edge, "/quiet") as client:
        client.send("no JSON")
        client.send("1")
        assert client.recv(ANSWER_TIMEOUT) == "1"


def test_binary_messages_to_websockets(publish_edge: Edge) -> None:
    """Tests that a message stays what it was, text or binary, where all readers are WebSockets."""
    with socket(publish_edge, "/small") as client:
        for message in (b"\0\xff%s", "text %"):
            client.send(message)
            assert client.recv(ANSWER_TIMEOUT) == message


MESSAGES, SENDERS = int(os.environ.get("FANROUTE_MESSAGES", "200")), 20


def test_no_message_is_lost(publish_edge: Edge) -> None:
    """Many senders, two readers: each reader gets every message, those of each sender in order.

    A sender waits for its own message before it sends the next, so the rate stays below Pushpin's `message_rate`.
    """
    path, each = "/open/many/socket", MESSAGES // SENDERS

    def read(client: ClientConnection) -> dict[str, list[int]]:
        got: dict[str, list[int]] = defaultdict(list)
        for _ in range(MESSAGES):
            name, number = str(client.recv(60)).split()
            got[name].append(int(number))
        return got

    def send(name: str, client: ClientConnection) -> None:
        for number in range(each):
            message = f"{name} {number}"
            client.send(message)
            while client.recv(60) != message:
                pass  # another sender's

    with ExitStack() as stack:
        readers = [stack.enter_context(socket(publish_edge, path)) for _ in range(2)]
        senders = [stack.enter_context(socket(publish_edge, path)) for _ in range(SENDERS)]
        pool = stack.enter_context(ThreadPoolExecutor(SENDERS + 2))
        reading = [pool.submit(read, reader) for reader in readers]
        sending = [pool.submit(send, f"sender-{number}", client) for number, client in enumerate(senders)]
        for future in sending:
            future.result()
        for future in reading:
            got = future.result()
            assert len(got) == SENDERS and all(numbers == list(range(each)) for numbers in got.values())
    COUNTS["messages from 20 senders to two readers, none lost, in order"] += MESSAGES
