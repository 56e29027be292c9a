"""GRIP through Fanout: filters and meta variables, reliable delivery, and the control messages of a WebSocket."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect

from fanroute_runtime.grip.websocket import MAX_MESSAGE
from tests.conftest import GRIP_SIG
from tests.e2e.browser import Browser
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, wait_for_subscription
from tests.e2e.origin import Origin


@contextmanager
def stream(edge: Edge, target: str) -> Iterator[Iterator[str]]:
    """Yields the lines of a held stream."""
    with edge.client.stream("GET", target) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


@contextmanager
def socket(edge: Edge, path: str, **options: Any) -> Iterator[ClientConnection]:
    url = edge.url.replace("http", "ws", 1) + path
    with connect(url, proxy=None, open_timeout=ANSWER_TIMEOUT, ping_interval=None, **options) as client:
        wait_for_subscription(edge)
        yield client


def publish(edge: Edge, channel: str, content: str, **item: Any) -> None:
    """Publishes a line for every kind of connection; `item` has further members of the item."""
    formats = {"http-stream": {"content": content}, "http-response": {"body": content}, "ws-message": {"content": content}}
    edge.publish_items({"channel": channel, "formats": formats} | {name.replace("_", "-"): value for name, value in item.items()})


def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    """Returns how the other side closes a connection."""
    with pytest.raises(ConnectionClosed):
        while True:
            client.recv(timeout=40)
    return client.close_code, client.close_reason


def test_a_stream_of_events_has_a_beginning(actions_edge: Edge) -> None:
    with stream(actions_edge, "/events") as lines:
        assert [next(lines) for _ in range(6)] == ["retry: 3000", "event: ready", "id: 0", "data: one", "data: two", ""]
        publish(actions_edge, "events", "data: more\n\n")
        assert next(lines) == "data: more"


def test_an_event_source_shows_what_the_printed_command_publishes(actions_edge: Edge, chromium: Browser) -> None:
    command = next(line.strip() for line in actions_edge.output if re.search(r" publish events hello$", line))
    chromium.open(f"{actions_edge.url}/page")
    chromium.run("""
        const source = new EventSource('/events');
        window.shown = new Promise((resolve) => { source.onmessage = (event) => resolve(event.data); });
        await new Promise((resolve) => source.addEventListener('ready', resolve));
    """)
    subprocess.run(["sh", "-c", command], cwd=actions_edge.folder, check=True, timeout=ANSWER_TIMEOUT)
    assert chromium.run("return await window.shown;") == "hello"


def test_filters_go_by_the_connections_meta(actions_edge: Edge) -> None:
    with stream(actions_edge, "/filtered/ann") as ann, stream(actions_edge, "/filtered/bob") as bob:
        assert (next(ann), next(bob)) == ("ready", "ready")
        publish(actions_edge, "filtered", "from ann\n", meta={"sender": "u-ann"})
        publish(actions_edge, "filtered", "not for bob\n", meta={"skip_users": "u-cat, u-bob"})
        publish(actions_edge, "filtered", "for subscribers of other\n", meta={"require_sub": "other"})
        publish(actions_edge, "filtered", "for subscribers of also\n", meta={"require_sub": "also"})
        publish(actions_edge, "also", "without filters\n", meta={"sender": "u-ann"})
        assert [next(ann) for _ in range(3)] == ["not for bob", "for subscribers of also", "without filters"]
        assert [next(bob) for _ in range(3)] == ["from ann", "for subscribers of also", "without filters"]


def polled(edge: Edge, target: str) -> tuple[threading.Thread, list[httpx.Response]]:
    """Starts a long-poll, and yields its future answer."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(edge.client.get(target, timeout=40)))
    thread.start()
    return thread, answers


def test_a_poll_is_filtered(actions_edge: Edge) -> None:
    thread, answers = polled(actions_edge, "/filtered-poll/ann")
    while thread.is_alive():
        publish(actions_edge, "filtered-poll", "own\n", meta={"sender": "ann"})
        publish(actions_edge, "filtered-poll", "other's\n", meta={"sender": "bob"})
        thread.join(0.1)
    assert [answer.text for answer in answers] == ["other's\n"]


def test_filters_make_ids_and_put_in_variables(actions_edge: Edge) -> None:
    with stream(actions_edge, "/rendered/made") as lines:
        assert [next(lines) for _ in range(2)] == ["data: 100 %I", ""]
        publish(actions_edge, "made", "id: %I\ndata: %%(name)s, 100 %%%%\n\n", id="8", prev_id="7")
        # docs/differences.md: from 1.41 on, Pushpin inserts the id of the message before.
        made = "7" if actions_edge.has_new_pushpin else "8"
        assert [next(lines) for _ in range(3)] == [f"id: {made}", "data: ann, 100 %", ""]


def test_what_follows_is_delivered(actions_edge: Edge) -> None:
    with stream(actions_edge, "/reliable/whole?after=1") as lines:
        assert [next(lines), next(lines)] == ["data: ready", ""]
        publish(actions_edge, "whole", "data: two\n\n", id="2", prev_id="1")
        publish(actions_edge, "whole", "data: three\n\n", id="3", prev_id="2")
        assert [next(lines) for _ in range(4)] == ["data: two", "", "data: three", ""]


def test_what_was_missed_is_asked_for(actions_edge: Edge) -> None:
    """Fanout fetches the link in place of the client, and the stream continues as the link's answer says."""
    with stream(actions_edge, "/reliable/gap?after=1") as lines:
        assert [next(lines), next(lines)] == ["data: ready", ""]
        publish(actions_edge, "gap", "data: three\n\n", id="3", prev_id="2")
        assert [next(lines) for _ in range(3)] == ["event: missed", "data: ", ""]
        publish(actions_edge, "gap", "data: four\n\n", id="4", prev_id="3")
        assert [next(lines), next(lines)] == ["data: four", ""]


def test_an_origin_tells_what_was_missed(actions_edge: Edge, origin: Origin) -> None:
    """The origin gets the last id of the client, and nothing else from it. The stream continues as the origin says."""
    private = {"Cookie": "secret=1", "Authorization": "Bearer secret", "X-Client": "1"}
    with actions_edge.client.stream("GET", "/told/told?after=1", headers=private) as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == ["data: ready", ""]
        publish(actions_edge, "told", "data: three\n\n", id="3", prev_id="2")
        assert [next(lines), next(lines)] == ["data: since 1", ""]
        publish(actions_edge, "told", "data: four\n\n", id="4", prev_id="3")
        assert [next(lines), next(lines)] == ["data: four", ""]
        publish(actions_edge, "told", "data: six\n\n", id="6", prev_id="5")
        assert [next(lines), next(lines)] == ["data: since 4", ""]
    method, headers = origin.asked_for_missed
    assert (method, headers["grip-last"]) == ("GET", "told; last-id=4")
    assert "grip-sig" in headers
    assert not headers.keys() & {name.lower() for name in private}


def test_items_out_of_order(actions_edge: Edge) -> None:
    """docs/differences.md: Pushpin waits for the missing item, the embedded edge asks for it at once."""
    with stream(actions_edge, "/reliable/order?after=1") as lines:
        assert [next(lines), next(lines)] == ["data: ready", ""]
        publish(actions_edge, "order", "data: two\n\n", id="2", prev_id="1")
        publish(actions_edge, "order", "data: four\n\n", id="4", prev_id="3")
        publish(actions_edge, "order", "data: three\n\n", id="3", prev_id="2")
        assert [next(lines), next(lines)] == ["data: two", ""]
        expected = ["data: three", "", "data: four"] if actions_edge.name == "viceroy" else ["event: missed", "data: ", ""]
        assert [next(lines) for _ in expected] == expected


def test_what_was_missed_before_is_asked_for_at_once(actions_edge: Edge) -> None:
    with stream(actions_edge, "/reliable/before?after=1") as first:
        assert [next(first), next(first)] == ["data: ready", ""]
        publish(actions_edge, "before", "data: two\n\n", id="2", prev_id="1")
        assert next(first) == "data: two"
        with stream(actions_edge, "/reliable/before?after=1") as second:
            assert [next(second) for _ in range(4)] == ["data: ready", "", "event: missed", "data: "]


def test_a_poll_that_has_missed_something_ends(actions_edge: Edge) -> None:
    thread, answers = polled(actions_edge, "/reliable-poll/poll?after=1")
    number = 1
    while thread.is_alive():
        number += 2
        publish(actions_edge, "poll", "missed\n", id=str(number), prev_id=str(number - 1))
        thread.join(0.2)
    assert [(answer.status_code, answer.text) for answer in answers] == [(202, "ask\n")]


@pytest.mark.parametrize("after", ["a%2Cb", "a%3Bfilter%3Dx", "%22", "%0D%0AGrip-Channel:%20x", "", "%C3%A9"])
@pytest.mark.parametrize("path", ["/reliable/a", "/reliable-poll/a"])
def test_no_previous_id_is_no_instruction(actions_edge: Edge, path: str, after: str) -> None:
    for headers in ({}, {"Grip-Sig": GRIP_SIG} | dict(actions_edge.pin(f"{path}?after={after}"))):
        answer = actions_edge.client.get(f"{path}?after={after}", headers=headers)
        assert answer.status_code == 400
        assert answer.text.startswith("The request gives no valid previous id: {query.after} ")
        assert not [name for name in answer.headers if name.startswith("grip-")]


def test_a_client_claims_no_last_id(actions_edge: Edge) -> None:
    thread, answers = polled(actions_edge, "/reliable-poll/claimed?after=1")
    answer = actions_edge.client.get("/origin/tell", headers={"Grip-Last": "claimed; last-id=0", "Grip-X": "y"})
    assert [name for name, _ in json.loads(answer.text)["headers"] if name in ("grip-last", "grip-x")] == []
    while thread.is_alive():
        publish(actions_edge, "claimed", "two\n", id="2", prev_id="1")
        thread.join(0.2)
    assert answers[0].status_code in (200, 202)


def test_a_socket_is_filtered(actions_edge: Edge) -> None:
    with socket(actions_edge, "/socket/ann") as ann, socket(actions_edge, "/socket/bob") as bob:
        publish(actions_edge, "socket", "from ann", meta={"sender": "ann"})
        publish(actions_edge, "socket", "to %(user)s")
        assert ann.recv(timeout=ANSWER_TIMEOUT) == "to ann"
        assert [bob.recv(timeout=ANSWER_TIMEOUT) for _ in range(2)] == ["from ann", "to bob"]


def test_a_socket_requires_a_subscription(actions_edge: Edge) -> None:
    """docs/differences.md: Pushpin 1.36 ignores channels there."""
    with socket(actions_edge, "/requiring") as client:
        publish(actions_edge, "requiring", "for subscribers of other", meta={"require_sub": "other"})
        publish(actions_edge, "requiring", "for subscribers of also", meta={"require_sub": "also"})
        publish(actions_edge, "requiring", "for all")
        messages = ["for all"] if actions_edge.name == "viceroy" else ["for subscribers of also", "for all"]
        assert [client.recv(timeout=ANSWER_TIMEOUT) for _ in messages] == messages


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["chat.v1"], "chat.v1"), (["chat.v1", "chat.v2"], "chat.v1"), (["x", "chat.v2"], "chat.v2")]
)
def test_a_protocol_is_chosen(actions_edge: Edge, offered: Any, chosen: str) -> None:
    with socket(actions_edge, "/chat/a", subprotocols=offered) as client:
        assert client.subprotocol == chosen
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"


@pytest.mark.parametrize("offered", [None, ["chat"], ["chat.v3", "CHAT.V1"]])
def test_without_a_protocol_in_common_there_is_no_socket(actions_edge: Edge, offered: Any) -> None:
    with pytest.raises(InvalidStatus) as raised, socket(actions_edge, "/chat/a", subprotocols=offered):
        pass
    assert raised.value.response.status_code == 400


@pytest.mark.parametrize(
    ("path", "offered", "reason"),
    [
        ("/refusing/a", None, "The client offers none of the endpoint's protocols."),
        ("/refusing/a", ["chat.v9", "other"], "The client offers none of the endpoint's protocols."),
        ("/refusing/a%2Cb", ["chat.v1"], "The request gives no valid channel: {room} has the character ','."),
    ],
)
def test_a_refused_socket_has_a_code(actions_edge: Edge, path: str, offered: Any, reason: str) -> None:
    """docs/differences.md: Viceroy loses bytes that arrive with a 101, so on Viceroy this test asks the edge as Pushpin does."""
    if actions_edge.name == "viceroy":
        headers = {"Grip-Sig": GRIP_SIG, "Content-Type": "application/websocket-events"}
        headers |= {"Sec-WebSocket-Protocol": ", ".join(offered)} if offered else {}
        headers |= dict(actions_edge.pin(path, websocket=True))
        answer = actions_edge.client.post(path, headers=headers, content=b"OPEN\r\n")
        assert answer.content == b"OPEN\r\nCLOSE %x\r\n\x11\x30%s\r\n" % (len(reason) + 2, reason.encode())
        assert answer.headers.get("sec-websocket-protocol") == (offered[0] if offered else None)
        return
    with socket(actions_edge, path, subprotocols=offered) as client:
        assert client.subprotocol == (offered[0] if offered else None)
        assert closed(client) == (4400, reason)


@pytest.mark.parametrize(("message", "fits"), [("12345678", True), ("123456789", False), ("éééé", True), (b"123456789", False)])
def test_a_longer_message_closes(actions_edge: Edge, message: Any, fits: bool) -> None:
    with socket(actions_edge, "/chat/a", subprotocols=["chat.v1"]) as client:
        client.send(message)
        if fits:
            assert client.recv(timeout=ANSWER_TIMEOUT) == message
        else:
            assert closed(client) == (1009, "More than 8 bytes.")


def test_the_longest_message(actions_edge: Edge) -> None:
    """docs/differences.md: Pushpin 1.41 accepts one byte more than 1.36."""
    with socket(actions_edge, "/socket/ann") as client:
        client.send(b"x" * MAX_MESSAGE)
        publish(actions_edge, "socket", "still there")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "still there"
        client.send(b"x" * (MAX_MESSAGE + 1))
        if actions_edge.has_old_pushpin:
            assert closed(client) == (1006, "")
        else:
            publish(actions_edge, "socket", "even then")
            assert client.recv(timeout=ANSWER_TIMEOUT) == "even then"
    with socket(actions_edge, "/chat/a", subprotocols=["chat.v1"]) as client:
        client.send(b"x" * (MAX_MESSAGE + 1))
        assert closed(client)[0] == (1006 if actions_edge.has_old_pushpin else 1009)


@pytest.mark.parametrize(("path", "protocols"), [("/socket/ann", None), ("/chat/a", ["chat.v1"])])
@pytest.mark.parametrize("message", ["just too long", "many more", "without end"])
def test_a_message_that_is_too_long_breaks_the_connection(actions_edge: Edge, path: str, protocols: Any, message: str) -> None:
    """Also if a `max_message` makes the edge close a shorter one with 1009.

    The embedded edge is exact. Pushpin refuses a message as soon as its unfinished parts reach the limit. So a last part that
    begins below the limit still passes, and how the network divides the bytes decides. A part is never longer than the limit.
    """
    part = b"x" * 100_000
    with socket(actions_edge, path, subprotocols=protocols) as client:
        with suppress(ConnectionClosed):
            match message:
                case "just too long":
                    client.send(b"x" * (MAX_MESSAGE + 2 if actions_edge.name == "embedded" else 3 * MAX_MESSAGE))
                case "many more":
                    client.send(part * 20)
                case "without end":
                    client.send(part for _ in range(1000))
                    pytest.fail("100 MB of a message were taken")
        assert closed(client) == (1006, "")


class Frames:
    """Collects the kinds of frames that a connection gets."""

    def __init__(self, client: ClientConnection) -> None:
        self.kinds: list[Opcode] = []
        received = client.protocol.recv_frame

        def recv_frame(frame: Any) -> None:
            self.kinds.append(frame.opcode)
            received(frame)

        client.protocol.recv_frame = recv_frame  # type: ignore[method-assign]


def test_a_socket_is_kept_alive_by_pings(actions_edge: Edge) -> None:
    with socket(actions_edge, "/pinging") as client:
        frames = Frames(client)
        while frames.kinds.count(Opcode.PING) < 2:
            with pytest.raises(TimeoutError):
                client.recv(timeout=0.5)
        client.send("still there")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "still there"


def test_an_idle_socket_is_closed(actions_edge: Edge) -> None:
    """Published items and keep-alives do not count as activity of the client."""
    with socket(actions_edge, "/idle") as client:
        frames = Frames(client)
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"
        publish(actions_edge, "idle", "published")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "published"
        assert closed(client) == (1001, "Idle.")
        assert Opcode.PONG in frames.kinds
        assert Opcode.PING not in frames.kinds
