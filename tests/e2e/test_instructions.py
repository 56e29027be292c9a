"""An origin's instructions besides holds and channels: the embedded edge follows them as Pushpin does."""

import json
import threading
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import pytest
from websockets.sync.client import connect

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge
from tests.e2e.held import fanout, item, polled, posted, raw
from tests.e2e.origin import Origin, seen, values

SITE = "www.example.com"
INSTRUCT = ["Content-Type", "application/grip-instruct"]
CHANNEL = {"name": "of-origin"}
STREAM, POLL = {"mode": "stream", "channels": [CHANNEL]}, {"mode": "response", "channels": [CHANNEL]}
HELD = [["Grip-Hold", "response"], ["Grip-Channel", "of-origin"]]


def answer_path(body: Any = "", *headers: list[str], status: int = 200) -> str:
    """Returns the path of an answer that the origin gives. A body that is not a string becomes JSON instructions."""
    given = list(headers) if isinstance(body, str) else [INSTRUCT, *headers]
    text = body if isinstance(body, str) else json.dumps(body)
    return f"/origin/say?answer={quote(json.dumps({'status': status, 'headers': given, 'body': text}))}"


def unheld_answer(edge: Edge, path: str) -> tuple[str, dict[str, str], bytes]:
    """Returns the status line, headers and body of an answer that is not held."""
    head, _, body = raw(edge, path).partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    return line, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, body


def test_a_stream_is_held_by_its_body(edge: Edge) -> None:
    """The channels are in a body of `application/grip-instruct`, and reach no client."""
    response = {"code": 201, "reason": "Mine", "headers": {"X-A": "1"}, "body": "first\n"}
    path = answer_path({"hold": STREAM | {"meta": {"user": "ann"}}, "response": response}, ["X-B", "2"])
    with edge.client.stream("GET", path, headers={"Host": SITE}) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first\n"
        assert (answer.status_code, answer.headers["x-a"], "x-b" in answer.headers) == (201, "1", False)
        posted(edge, item(http_stream={"content": "published\n"}))
        posted(edge, item(http_stream={"action": "close"}))
        assert b"".join(parts) == b"published\n"


def test_a_body_keeps_a_stream_alive(edge: Edge) -> None:
    path = answer_path({"hold": STREAM | {"keep-alive": {"content-bin": "YmVhdAo=", "timeout": 1}}})
    with edge.client.stream("GET", path, headers={"Host": SITE}) as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == ["beat", "beat"]


@pytest.mark.parametrize("hold", [POLL, {"channels": [CHANNEL]}])
def test_a_poll_is_held_by_its_body(edge: Edge, hold: Any) -> None:
    path = answer_path({"hold": hold, "response": {"headers": [["X-A", "1"], ["X-A", "2"]], "body": "nothing yet"}})
    line, headers, body = polled(edge, item(http_response={"body": "x"}), path)
    assert (line, body) == ("HTTP/1.1 200 OK", b"x")
    assert [value for name, value in headers if name == "x-a"] == ["1", "2"]


def test_a_poll_held_by_its_body_times_out(edge: Edge) -> None:
    path = answer_path({"hold": POLL | {"timeout": 1}, "response": {"code": 404, "body-bin": "AAE="}})
    assert unheld_answer(edge, path)[::2] == ("HTTP/1.1 404 Not Found", b"\0\1")


@pytest.mark.parametrize(
    ("instruct", "line", "body"),
    [
        ({"response": {"body": "x"}}, "200 OK", b"x"),
        ({"response": {"code": 404, "body": "x"}}, "404 Not Found", b"x"),
        ({"response": {"code": 404, "reason": "Nope", "body": ""}}, "404 Nope", b""),
    ],
)
def test_a_body_may_only_answer(edge: Edge, instruct: Any, line: str, body: bytes) -> None:
    status_line, headers, content = unheld_answer(edge, answer_path(instruct, ["X-B", "2"]))
    assert (status_line, content) == (f"HTTP/1.1 {line}", body)
    assert "x-b" not in headers and headers.get("content-type") != INSTRUCT[1]


@pytest.mark.parametrize(
    "path",
    [
        answer_path("no JSON", INSTRUCT),
        answer_path("[]", INSTRUCT),
        answer_path({}),
        answer_path({"response": {"code": 204}}),
        answer_path({"hold": STREAM}, status=201),
        answer_path({"hold": []}),
        answer_path({"hold": {"mode": "other", "channels": []}}),
        answer_path({"hold": {"mode": None, "channels": []}}),
        answer_path({"hold": {"mode": "stream"}}),
        answer_path({"hold": {"mode": "stream", "channels": ["of-origin"]}}),
        answer_path({"hold": {"mode": "stream", "channels": [{}]}}),
        answer_path({"hold": STREAM, "response": []}),
        answer_path({"hold": STREAM, "response": {"code": 1000}}),
        answer_path({"hold": STREAM, "response": {"headers": "x"}}),
        answer_path("{}x", INSTRUCT),
        answer_path("[" * 1100, INSTRUCT),
        answer_path("b", ["Grip-Hold", "other"], ["Grip-Channel", "of-origin"]),
        answer_path("b", ["Grip-Hold", "Stream"], ["Grip-Channel", "of-origin"]),
        answer_path("b", *HELD, ["Grip-Timeout", "x"]),
        answer_path("b", *HELD, ["Grip-Timeout", "-1"]),
        answer_path("b", ["Grip-Status", "x"]),
        answer_path("b", ["Grip-Status", "1000"]),
    ],
)
def test_bad_instructions_are_a_bad_gateway(edge: Edge, path: str) -> None:
    line, headers, body = unheld_answer(edge, path)
    assert (line, headers["content-type"].partition(";")[0]) == ("HTTP/1.1 502 Bad Gateway", "text/plain")
    assert body == b"Error while proxying to origin.\n"


@pytest.mark.parametrize(
    ("given", "line"), [("404 Nope", "404 Nope"), ("404", "404 Not Found"), ("201", "201 Created"), ("0", "0 Undefined Reason")]
)
def test_a_status_is_said_in_a_header(edge: Edge, given: str, line: str) -> None:
    """For origins on platforms where the answer's own status must be 200."""
    status_line, headers, body = unheld_answer(edge, answer_path("b", ["Grip-Status", given], ["X-A", "1"]))
    assert (status_line, body, headers["x-a"]) == (f"HTTP/1.1 {line}", b"b", "1")
    assert not [name for name in headers if name.startswith("grip-")]


def test_a_stream_has_its_status(edge: Edge) -> None:
    path = answer_path("b\n", ["Grip-Hold", "stream"], ["Grip-Channel", "of-origin"], ["Grip-Status", "203 Mine"])
    with edge.client.stream("GET", path, headers={"Host": SITE}) as answer:
        assert (answer.status_code, next(answer.iter_raw())) == (203, b"b\n")


@pytest.mark.parametrize(
    "exposing", [[["Grip-Expose-Headers", "X-A, x-c"]], [["Grip-Expose-Headers", n] for n in ("X-A", "X-C")]]
)
def test_only_exposed_headers_reach_the_client(edge: Edge, exposing: list[list[str]]) -> None:
    given = [["X-A", "1"], ["X-B", "2"], ["X-C", "3"]]
    _, headers, _ = unheld_answer(edge, answer_path("b", *exposing, *given))
    assert {name for name in headers if name.startswith("x-")} == {"x-a", "x-c"}
    _, held, _ = polled(edge, item(http_response={"body": "x"}), answer_path("b", *HELD, *exposing, *given))
    assert {name for name, _ in held if name.startswith("x-")} == {"x-a", "x-c"}


def test_a_publisher_hides_headers(edge: Edge) -> None:
    """As in Pushpin, a published Grip-Expose-Headers removes the headers that it names."""
    published = item(http_response={"body": "x", "headers": {"Grip-Expose-Headers": "X-A, X-Z", "X-Z": "1"}})
    _, headers, _ = polled(edge, published, answer_path("b", *HELD, ["X-A", "1"], ["X-B", "2"]))
    assert {name for name, _ in headers if name.startswith("x-")} == {"x-b"}


def test_an_origin_is_told_what_fanout_can(edge: Edge) -> None:
    (features,) = values(seen(edge.request("GET", "/x", SITE)), "grip-feature")
    told = {feature.strip() for feature in features.split(",")}
    assert {"status", "link:next", "filter:skip-self", "filter:build-id", "filter:var-subst"} <= told
    assert edge.name == "viceroy" or "session" not in told


BODY = '{"b": {"c": 1.0}, "a": [1, 2.5, "é"], "n": null}\n'
ADD, REPLACE, REMOVE, MOVE, COPY, TEST = "add", "replace", "remove", "move", "copy", "test"
REST = '"b":{"c":1},"n":null}\n'


@pytest.mark.parametrize(
    ("operations", "patched"),
    [
        ([], '{"a":[1,2.5,"é"],' + REST),
        ([{"op": ADD, "path": "/a/0", "value": 9}], '{"a":[9,2.5,"é"],' + REST),
        ([{"op": ADD, "path": "/a/-", "value": {"z": 1, "y": 2}}], '{"a":[1,2.5,"é",{"y":2,"z":1}],' + REST),
        ([{"op": ADD, "path": "/a~1b~0c", "value": 1}], '{"a":[1,2.5,"é"],"a/b~c":1,' + REST),
        ([{"op": REPLACE, "path": "/b/c", "value": 2}, {"op": REMOVE, "path": "/n"}], '{"a":[1,2.5,"é"],"b":{"c":2}}\n'),
        ([{"op": REMOVE, "path": "/a/0"}], '{"a":[2.5,"é"],' + REST),
        ([{"op": MOVE, "from": "/b/c", "path": "/d"}], '{"a":[1,2.5,"é"],"b":{},"d":1,"n":null}\n'),
        ([{"op": COPY, "from": "/b", "path": "/a/0"}], '{"a":[{"c":1},2.5,"é"],' + REST),
        ([{"op": TEST, "path": "/b/c", "value": 1}], '{"a":[1,2.5,"é"],' + REST),
        ([{"op": REPLACE, "path": "/", "value": [1]}], "[1]\n"),
    ],
)
def test_a_held_body_is_patched(edge: Edge, operations: list[Any], patched: str) -> None:
    _, _, body = polled(edge, item(http_response={"body-patch": operations}), answer_path(BODY, *HELD))
    assert body.decode() == patched


@pytest.mark.parametrize(
    "operations",
    [
        [1],
        [{"op": "other", "path": "/a", "value": 1}],
        [{"op": ADD, "path": "/a"}],
        [{"op": ADD, "path": "", "value": 1}],
        [{"op": ADD, "path": "/a/3", "value": 9}],
        [{"op": ADD, "path": "/x/y", "value": 9}],
        [{"op": ADD, "path": 1, "value": 9}],
        [{"op": REMOVE, "path": "/zz"}],
        [{"op": MOVE, "from": "/b", "path": "/b/d"}],
        [{"op": TEST, "path": "/b/c", "value": 2}],
        [{"op": REPLACE, "path": "/", "value": 1}],
    ],
)
def test_a_patch_that_does_not_fit_leaves_no_body(edge: Edge, operations: list[Any]) -> None:
    """docs/differences.md: with Pushpin 1.36 the answer is a 502."""
    line, _, body = polled(edge, item(http_response={"body-patch": operations}), answer_path(BODY, *HELD))
    assert (line, body) in (("HTTP/1.1 200 OK", b""), ("HTTP/1.1 502 Bad Gateway", b"Error while proxying to origin.\n"))
    assert edge.name == "viceroy" or not body


def test_a_message_is_for_channels_with_its_filters(edge: Edge) -> None:
    """docs/differences.md: Pushpin 1.36 ends the connection if they do not match."""
    hold = {"mode": "stream", "channels": [CHANNEL | {"filters": ["skip-self", "var-subst"]}], "meta": {"user": "ann"}}
    with edge.client.stream("GET", answer_path({"hold": hold}), headers={"Host": SITE}) as answer:
        lines = answer.iter_lines()
        posted(edge, item(http_stream={"content": "for %(user)s\n", "content-filters": ["var-subst"]}))
        assert next(lines) == "for ann"
        for filters in ([], ["build-id"], ["var-subst", "build-id"], ["skip-self", "var-subst"]):
            posted(edge, item(http_stream={"content": "for others\n", "content-filters": filters}))
        posted(edge, item(http_stream={"content": "for all\n"}))
        assert next(lines, None) in ("for all", None if edge.name == "viceroy" else "for all")


def test_a_link_that_fails_is_asked_again(edge: Edge, origin: Origin) -> None:
    origin.failures = 0
    with edge.client.stream("GET", "/origin/flaky", headers={"Host": SITE}) as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == ["first", "linked"]
    assert origin.failures == 3


def websocket(edge: Edge, path: str) -> Any:
    port, header = fanout(edge)
    name, _, value = header.partition(": ")
    options: Any = {"proxy": None, "ping_interval": None, "additional_headers": {name: value, "Meta-User": "claimed"}}
    return connect(f"ws://127.0.0.1:{port}{path}", **options)


def test_a_sockets_variables_come_with_each_request(edge: Edge, origin: Origin) -> None:
    origin.events.clear()
    with websocket(edge, "/origin/variables") as client:
        assert client.response.headers["X-A"] == "1"
        assert not [name for name in client.response.headers if name.lower().startswith("set-meta-")]
        for message in ("one", "bob", "two", "none", "three"):
            client.send(message)
            assert client.recv(timeout=ANSWER_TIMEOUT) == "ok"
    users = {body: [value for name, value in headers if name.startswith("meta-")] for body, headers in origin.events}
    assert users[b"OPEN\r\n"] == []
    assert users[b"TEXT 3\r\none\r\n"] == users[b"TEXT 3\r\nbob\r\n"] == ["ann"]
    assert sorted(users[b"TEXT 3\r\ntwo\r\n"]) == ["bob", "x"]
    assert users[b"TEXT 5\r\nthree\r\n"] == ["x"]


def test_a_detached_socket_gets_what_is_published(edge: Edge, origin: Origin) -> None:
    """Its origin gets a CLOSE, and no more of its messages."""
    origin.events.clear()
    with websocket(edge, "/origin/detached") as client:
        client.send("one")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "detached"
        sleep(1)  # Pushpin may pass this message on before it has detached, and nobody can see when it has
        client.send("two")
        posted(edge, item(ws_message={"content": "published"}))
        assert client.recv(timeout=ANSWER_TIMEOUT) == "published"
        deadline = monotonic() + ANSWER_TIMEOUT  # it is told in its own time
        while len(origin.events) < 3 and monotonic() < deadline:
            sleep(0.05)
    bodies = [body for body, _ in origin.events]
    assert bodies == [b"OPEN\r\n", b"TEXT 3\r\none\r\n", b"CLOSE\r\n"]


def test_a_long_poll_of_instructions_is_held_for_all(edge: Edge) -> None:
    """Two clients of one channel get one message."""
    path = answer_path({"hold": POLL, "response": {"body": "nothing yet"}})
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(raw(edge, path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        posted(edge, item(http_response={"body": "x"}))
        threads[0].join(0.1)
    assert [answer.endswith(b"\r\n\r\nx") for answer in answers] == [True, True]
