"""Tests requests that go to a backend without Fanout, header rules, and the answers if the backend cannot be reached."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.conftest import GRIP_SIG
from tests.e2e.conftest import ANSWER_TIMEOUT, FROM_FANOUT, Edge, open_websocket, wait_until
from tests.e2e.origin import LARGE, Origin, seen, values

CLAIMED = [("X-Set", "client"), ("X-Set", "twice"), ("X-Add", "client"), ("X-Remove", "client"), ("X-Other", "client")]


@pytest.mark.parametrize("path", ["/ruled/handoff", "/ruled/forward"])
def test_rules_change_the_request(actions_edge: Edge, path: str) -> None:
    request = seen(actions_edge.request("GET", path, headers=CLAIMED))
    assert {name: values(request, name) for name in ("x-set", "x-add", "x-remove", "x-other")} == {
        "x-set": ["edge"],
        "x-add": ["client", "edge"],
        "x-remove": [],
        "x-other": ["client"],
    }


def test_rules_change_an_answer_through_fanout(actions_edge: Edge) -> None:
    with actions_edge.client.stream("GET", "/ruled/events") as answer:
        assert (answer.headers["x-set"], answer.headers["vary"]) == ("edge", "Cookie")
        assert "x-remove" not in answer.headers
        actions_edge.publish("ruled", http_stream={"content": "data: held\n\n"})
        assert next(answer.iter_lines()) == "data: held"


def test_rules_change_a_sockets_answer(actions_edge: Edge) -> None:
    with open_websocket(actions_edge, "/ruled/socket") as client:
        assert client.response is not None
        assert client.response.headers["x-set"] == "edge"


def test_a_header_may_have_two_values(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/ruled/page")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_rules_change_a_backends_answer(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/origin/status")
    assert (answer.status_code, answer.text, answer.headers["x-origin"]) == (418, "teapot", "edge")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2", "c=3"]
    assert answer.headers.get("content-type") != "text/tea"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_kept(actions_edge: Edge, method: str) -> None:
    assert seen(actions_edge.request(method, "/forward/x"))["method"] == method


@pytest.mark.parametrize("target", ["/forward/a%2Fb/c%20d?x=1&x=2&y=a%26b", "/forward//b/", "/forward/x?", "/forward/%7Euser"])
def test_the_raw_target_is_kept(actions_edge: Edge, target: str) -> None:
    assert seen(actions_edge.request("GET", target))["target"] == target


def test_a_head_has_no_body(actions_edge: Edge) -> None:
    answer = actions_edge.request("HEAD", "/forward/x")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("application/json")


def test_the_request_is_kept_but_for_its_connection(actions_edge: Edge) -> None:
    sent = [
        ("X-Many", "a"),
        ("X-Many", "b"),
        ("Authorization", "Bearer t"),
        ("X-Empty", ""),
        ("Connection", "close, X-Hop"),
        ("Connection", "X-Second-Hop"),
        ("X-Hop", "1"),
        ("X-Second-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Connection", "close"),
    ]
    request = seen(actions_edge.request("GET", "/forward/x", headers=sent))
    assert [values(request, name) for name in ("x-many", "authorization", "x-empty")] == [["a", "b"], ["Bearer t"], [""]]
    gone = (
        "connection",
        "x-hop",
        "x-second-hop",
        "keep-alive",
        "te",
        "proxy-connection",
        "upgrade",
        "grip-sig",
        "transfer-encoding",
    )
    assert [name for name in gone if values(request, name)] == []


def test_forwarded_headers_tell_of_the_connection(actions_edge: Edge) -> None:
    claimed = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example.com")]
    claimed.append(("Connection", "X-Forwarded-For, X-Forwarded-Host"))
    request = seen(actions_edge.request("GET", "/forward/x", "www.example.com", headers=claimed))
    assert [values(request, f"x-forwarded-{name}") for name in ("for", "proto", "host")] == [
        ["127.0.0.1"],
        ["http"],
        ["www.example.com"],
    ]
    assert values(request, "host") == ["www.example.com"]


def test_instructions_for_fanout_reach_no_client(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/forward/instructions")
    assert (answer.text, answer.headers["gripe"]) == ("not held\n", "kept")
    assert [name for name in answer.headers if name.startswith("grip-")] == []
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert [name for name in ("x-hop", "keep-alive", "proxy-connection") if name in answer.headers] == []


def test_fanout_gets_instructions_and_what_the_first_pass_said(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/forward/instructions", headers=FROM_FANOUT)
    assert (answer.headers["grip-hold"], answer.headers["grip-yet-unknown"], answer.headers["gripe"]) == ("stream", "1", "kept")
    forwarded = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Host", "chat.example.com")]
    request = seen(actions_edge.request("GET", "/forward/x", headers=[*FROM_FANOUT, *forwarded]))
    assert values(request, "x-forwarded-for") == ["203.0.113.9"]
    assert values(request, "grip-sig") == [GRIP_SIG]


def test_fanout_goes_on_with_what_a_forwarded_link_answers(actions_edge: Edge) -> None:
    with actions_edge.client.stream("GET", "/linked") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "ready"
        for number, content in ((2, "two\n"), (3, "three\n")):
            formats = {"http-stream": {"content": content}}
            item = {"channel": "linked", "id": str(number), "prev-id": str(number - 1), "formats": formats}
            actions_edge.publish_items(item)
            expected = "missed" if number == 2 else "three"
            assert next(lines) == expected


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_kept(actions_edge: Edge, chunked: bool) -> None:
    body = b"".join(LARGE)
    content: Any = iter(LARGE) if chunked else body
    request = seen(actions_edge.request("POST", "/forward/x", content=content))
    assert request["body"] == body
    assert values(request, "content-length") == ([] if chunked else [str(len(body))])


@pytest.mark.parametrize("query", ["", "?length"])
def test_a_large_answer_is_kept(actions_edge: Edge, query: str) -> None:
    assert actions_edge.request("GET", f"/forward/large{query}").content == b"".join(LARGE)


def test_an_answer_comes_as_it_is_made(actions_edge: Edge) -> None:
    with actions_edge.client.stream("GET", "/forward/wait") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        seen(actions_edge.request("GET", "/forward/go"))
        assert list(lines) == ["second"]


def test_others_are_served_while_one_waits(actions_edge: Edge) -> None:
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(actions_edge.request("GET", "/forward/wait?head")))
    waiting.start()
    seen(actions_edge.request("GET", "/forward/go"))
    waiting.join(ANSWER_TIMEOUT)
    assert [answer.text for answer in answers] == ["second\n"]


def test_others_are_served_while_many_wait(actions_edge: Edge, origin: Origin) -> None:
    """More requests wait than there are sandboxes."""
    with ThreadPoolExecutor(70) as pool:
        waiting = [pool.submit(actions_edge.request, "GET", "/forward/wait?head") for _ in range(70)]
        wait_until(lambda: origin.waiting() == 70)
        assert actions_edge.request("GET", "/ruled/page", timeout=10).text == "page\n"
        for _ in waiting:
            seen(actions_edge.request("GET", "/forward/go"))
        assert {answer.result(ANSWER_TIMEOUT).text for answer in waiting} == {"second\n"}


class Raw:
    """Represents a connection, byte by byte."""

    def __init__(self, edge: Edge) -> None:
        self._socket = socket.create_connection(("127.0.0.1", edge.port), timeout=ANSWER_TIMEOUT)
        self._got = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def expect(self, wanted: bytes) -> bytes:
        """Reads until the wanted bytes have arrived, and returns everything up to their end."""
        while wanted not in self._got:
            data = self._socket.recv(65_536)
            assert data, self._got
            self._got += data
        before, _, self._got = self._got.partition(wanted)
        return before + wanted

    def rest(self) -> bytes:
        while data := self._socket.recv(65_536):
            self._got += data
        return self._got

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def raw(actions_edge: Edge) -> Iterator[Raw]:
    connection = Raw(actions_edge)
    yield connection
    connection.close()


ECHO = b"POST /forward/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_bodies_go_both_ways_at_once(raw: Raw) -> None:
    """The client sends the second part after the first has come back."""
    raw.send(ECHO + b"5\r\none.\n\r\n")
    assert raw.expect(b"one.\n").startswith(b"HTTP/1.1 200")
    raw.send(b"5\r\ntwo.\n\r\n")
    raw.expect(b"two.\n")
    raw.send(b"0\r\n\r\n")
    raw.expect(b"0\r\n\r\n")


def test_a_cut_request_is_cut_for_the_backend(actions_edge: Edge, origin: Origin, raw: Raw) -> None:
    before = origin.cut
    raw.send(ECHO + b"5\r\none.\n\r\n")
    raw.expect(b"one.\n")
    raw.close()
    wait_until(lambda: origin.cut == before + 1)


@pytest.mark.parametrize("path", ["/forward/cut", "/forward/cut-chunks"])
def test_a_cut_answer_is_cut_for_the_client(actions_edge: Edge, path: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError), actions_edge.client.stream("GET", path) as answer:
        assert answer.status_code == 200
        for _ in answer.iter_raw():
            pass


def test_an_answer_may_come_before_the_end_of_the_request(raw: Raw) -> None:
    raw.send(b"POST /forward/early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\none.\n\r\n")
    assert raw.expect(b"too long\n").startswith(b"HTTP/1.1 413")


def test_without_a_backend_there_is_a_502(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/nowhere/forward")
    assert (answer.status_code, answer.text) == (502, "The backend 'nowhere' cannot be reached.\n")
    answer = actions_edge.request("POST", "/unlucky", content=b"body")
    assert (answer.status_code, answer.text) == (502, "Back soon\n")


def test_a_fallback(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/fallen")
    assert (answer.status_code, answer.text) == (503, "<p>Back soon")
    assert [answer.headers[name] for name in ("content-type", "retry-after", "x-set")] == ["text/html", "5", "edge"]


def test_a_tunnel(actions_edge: Edge, origin: Origin) -> None:
    before = origin.ended
    protocols = [Subprotocol("chat.v1")]
    with open_websocket(actions_edge, "/tunnel/echo?a=b", subprotocols=protocols, additional_headers=CLAIMED) as client:
        assert client.response is not None
        assert (client.subprotocol, client.response.headers["x-origin"]) == ("chat.v1", "yes")
        client.send("seen")
        asked = dict(json.loads(client.recv(timeout=ANSWER_TIMEOUT)))
        assert [asked.get(name) for name in ("x-set", "x-remove", "x-other")] == ["edge", None, "client"]
        assert [asked[f"x-forwarded-{name}"] for name in ("for", "proto")] == ["127.0.0.1", "http"]
        for message in ("hé", b"\0\xff", "x" * 1_000_000, ""):
            client.send(message)
            assert client.recv(timeout=ANSWER_TIMEOUT) == message
    wait_until(lambda: origin.ended == before + 1)


def test_a_tunnel_is_closed_by_its_backend(actions_edge: Edge) -> None:
    with open_websocket(actions_edge, "/tunnel/echo") as client:
        client.send("bye")
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=ANSWER_TIMEOUT)
        assert (client.close_code, client.close_reason) == (4001, "ciao")


def test_a_backend_may_refuse_a_tunnel(actions_edge: Edge) -> None:
    with pytest.raises(InvalidStatus) as refused, open_websocket(actions_edge, "/tunnel/refused"):
        pass
    response = refused.value.response
    assert (response.status_code, response.headers["x-origin"], response.body) == (403, "yes", b"not you\n")


def test_a_tunnel_is_for_websockets(actions_edge: Edge) -> None:
    answer = actions_edge.request("GET", "/tunnel/echo")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert actions_edge.request("GET", "/tunnel/echo", headers=FROM_FANOUT).status_code == 403


def test_a_tunnel_to_nowhere(actions_edge: Edge) -> None:
    """The host has taken over the request, and answers it itself."""
    with pytest.raises(InvalidStatus) as refused, open_websocket(actions_edge, "/nowhere/tunnel"):
        pass
    assert re.fullmatch("50[02]", str(refused.value.response.status_code))
