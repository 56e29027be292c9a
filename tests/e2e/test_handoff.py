"""Handoffs to the origin, and its answers."""

import socket
import struct
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fanroute_runtime.jose.limbs import TOKEN_ALGORITHMS, TOKEN_HEADER
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, on_an_older_one_too
from tests.e2e.origin import Origin, seen, values
from tests.property.test_grip_sig import has_form

pytestmark = on_an_older_one_too

SITE = "www.example.com"


@pytest.mark.parametrize(
    "host", [SITE, "edgecompute.app", "edgecompute.app.example.com", "notedgecompute.app", "x.edgecompute.app.evil.com"]
)
@pytest.mark.parametrize("path", ["/", "/test/stream", "/test/", "/anything"])
def test_other_hosts_go_to_the_origin(edge: Edge, host: str, path: str) -> None:
    assert seen(edge.request("GET", path, host))["target"] == path


@pytest.mark.parametrize("path", ["/", "/test", "/tests/stream", "/a/test/stream", "//test/stream", "/TEST/stream"])
def test_other_paths_go_to_the_origin(edge: Edge, path: str) -> None:
    assert seen(edge.request("GET", path))["target"] == path


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_kept(edge: Edge, method: str) -> None:
    assert seen(edge.request(method, "/x", SITE))["method"] == method


def test_head_has_no_body(edge: Edge) -> None:
    answer = edge.request("HEAD", "/x", SITE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("target", ["/a%2Fb/c%20d/%C3%A9?x=1&x=2&y=a%26b", "/a//b/", "/x?", "/x?a=&b", "/~user;v=1,2"])
def test_the_raw_target_is_kept(edge: Edge, target: str) -> None:
    assert seen(edge.request("GET", target, SITE))["target"] == target


def test_headers_are_kept(edge: Edge) -> None:
    sent = [
        ("X-One", "1"),
        ("X-Many", "a"),
        ("X-Many", "b"),
        ("Authorization", "Bearer t"),
        ("Cookie", "k=v; l=w"),
    ]
    request = seen(edge.request("GET", "/x", SITE, headers=sent))
    for name in {name for name, _ in sent}:
        assert values(request, name.lower()) == [value for key, value in sent if key == name]


def test_the_absolute_form_is_its_path(edge: Edge) -> None:
    """RFC 9112, 3.2.2: every server must accept it."""
    request = seen(edge.request("GET", "http://other.example.com/x%2Fy?z", SITE))
    assert request["target"] == "/x%2Fy?z"


def test_what_pushpin_changes(edge: Edge) -> None:
    """docs/differences.md: Pushpin decodes percent-encoding that is not needed, and 1.36 drops headers without a value."""
    request = seen(edge.request("GET", "/%7Euser", SITE, headers={"X-Empty": ""}))
    assert request["target"] == ("/~user" if edge.name == "viceroy" else "/%7Euser")
    assert values(request, "x-empty") == ([] if edge.has_old_pushpin else [""])


def test_a_body_is_kept(edge: Edge) -> None:
    request = seen(
        edge.request("POST", "/x", SITE, headers={"Content-Type": "application/octet-stream"}, content=bytes(range(256)))
    )
    assert request["body"] == bytes(range(256))
    assert values(request, "content-type") == ["application/octet-stream"]


def test_a_mebibyte_is_kept(edge: Edge) -> None:
    body = bytes(range(256)) * 4096
    assert seen(edge.request("POST", "/x", SITE, content=body))["body"] == body


def test_a_chunked_body_is_kept(edge: Edge) -> None:
    parts = [b"one ", b"two ", b"three"]
    assert seen(edge.request("POST", "/x", SITE, content=iter(parts)))["body"] == b"".join(parts)


def test_forwarded_headers_tell_of_the_connection(edge: Edge) -> None:
    claimed = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "203.0.113.10"), ("X-Forwarded-Host", "evil.example")]
    answer = edge.request("GET", "/x", SITE, headers=[*claimed, ("X-Forwarded-Proto", "https")])
    request = seen(answer)
    assert values(request, "x-forwarded-for") == ["127.0.0.1"]
    assert values(request, "x-forwarded-host") == [SITE]
    assert values(request, "x-forwarded-proto") == ["http"]
    assert not [name for name in answer.headers if name.startswith("x-forwarded")]


def test_a_clients_forwarded_host_does_not_choose_the_route(edge: Edge) -> None:
    request = seen(edge.request("GET", "/test/stream", SITE, headers={"X-Forwarded-Host": "a.edgecompute.app"}))
    assert values(request, "x-forwarded-host") == [SITE]


def test_the_origin_gets_a_grip_sig(edge: Edge) -> None:
    """Pushpin writes it in the form for which there is a native check, and so does the embedded edge."""
    (signature,) = values(seen(edge.request("GET", "/x", SITE)), "grip-sig")
    assert has_form(signature.encode())
    assert TOKEN_ALGORITHMS[signature[:TOKEN_HEADER].encode()] == "HS256"


def test_the_host_that_the_origin_gets(edge: Edge) -> None:
    """docs/differences.md: Viceroy puts Pushpin's address into Host. X-Forwarded-Host has the client's on both edges."""
    (host,) = values(seen(edge.request("GET", "/x", SITE)), "host")
    assert host.startswith("127.0.0.1:") if edge.name == "viceroy" else host == SITE


def test_the_origins_answer_is_kept(edge: Edge) -> None:
    answer = edge.request("GET", "/origin/status", SITE)
    assert (answer.status_code, answer.text) == (418, "teapot")
    assert answer.headers["content-type"] == "text/tea"
    assert answer.headers["x-origin"] == "yes"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_an_answer_without_a_content_type(edge: Edge) -> None:
    """docs/differences.md: the embedded edge's server adds one."""
    answer = edge.request("GET", "/origin/bare", SITE)
    assert (answer.status_code, answer.text) == (200, "bare")
    assert answer.headers.get("content-type") == (None if edge.name == "viceroy" else "application/octet-stream")


def test_an_origins_stream(edge: Edge) -> None:
    with edge.client.stream("GET", "/origin/stream", headers={"Host": SITE}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        assert not [name for name in answer.headers if name.startswith("grip-")]
        edge.publish("of-origin", http_stream={"content": "one\n"})
        assert next(lines) == "one"
        edge.publish("second", http_stream={"content": "two\n"})
        assert next(lines) == "two"
        edge.publish("of-origin", http_stream={"action": "close"})
        assert list(lines) == []


def test_an_origins_long_poll_times_out(edge: Edge) -> None:
    started = time.monotonic()
    answer = edge.request("GET", "/origin/poll?timeout=5", SITE)
    assert (answer.status_code, answer.text) == (200, "nothing yet\n")
    assert time.monotonic() - started > 4


def test_an_origins_long_poll_gets_a_message(edge: Edge) -> None:
    answers: list[httpx.Response] = []
    poll = threading.Thread(target=lambda: answers.append(edge.request("GET", "/origin/poll", SITE)))
    poll.start()
    while poll.is_alive():
        edge.publish(
            "of-origin", http_response={"code": 201, "headers": {"X-Message": "yes", "X-Held": "replaced"}, "body": "now\n"}
        )
        poll.join(0.2)
    answer = answers[0]
    assert (answer.status_code, answer.text, answer.headers["x-message"]) == (201, "now\n", "yes")
    # The headers of the held answer stay, unless the published message has its own.
    assert (answer.headers["content-type"], answer.headers["x-held"]) == ("text/plain; charset=utf-8", "replaced")


def test_an_origins_keep_alive(edge: Edge) -> None:
    with edge.client.stream("GET", "/origin/keep-alive", headers={"Host": SITE}) as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == ["beat", "beat"]


def test_an_origins_websocket(edge: Edge) -> None:
    with (
        socket.create_connection(("127.0.0.1", edge.port)) as tcp,
        connect(f"ws://{SITE}/origin/socket", sock=tcp, open_timeout=ANSWER_TIMEOUT, proxy=None) as client,
    ):
        message: Any = None
        while message is None:
            edge.publish("of-origin", ws_message={"content": "published"})
            try:
                message = client.recv(timeout=0.3)
            except TimeoutError:
                continue
        assert message == "published"
        client.send("bye")
        while message == "published":
            message = client.recv(timeout=ANSWER_TIMEOUT)
        assert message == "ciao"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=ANSWER_TIMEOUT)
        assert client.close_code == 4001


def test_an_origin_is_told_of_a_broken_websocket(edge: Edge, origin: Origin) -> None:
    before = origin.disconnects
    tcp = socket.create_connection(("127.0.0.1", edge.port))
    with pytest.raises(ConnectionClosed), connect(f"ws://{SITE}/origin/socket", sock=tcp, proxy=None) as client:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a goodbye
        tcp.shutdown(socket.SHUT_RDWR)
        client.recv(timeout=ANSWER_TIMEOUT)
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while origin.disconnects == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert origin.disconnects == before + 1


def test_only_the_machine_itself_is_heard(edge: Edge) -> None:
    """The edge and its publish endpoint listen on 127.0.0.1, and on no other address."""
    for url in map(urlsplit, (edge.url, edge.publish_url)):
        socket.create_connection((url.hostname, url.port), timeout=ANSWER_TIMEOUT).close()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", url.port), timeout=ANSWER_TIMEOUT)


def test_a_loop_ends(edge: Edge) -> None:
    """Fanout's request to the origin comes back to the edge, which does not hand it off again."""
    answer = edge.request("GET", "/origin/back-to-the-edge", SITE)
    assert answer.status_code == 403
    assert answer.text.startswith("Fanout sent a request without a pin")
