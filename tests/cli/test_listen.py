"""Tests `fanroute listen` with servers of our own: events, ids, reconnecting, and errors. tests/e2e has it with local edges."""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.running import announce
from fanroute.project.workspace import Workspace
from tests.support.scripted import Answer, Scripted, scripted, streamed

EVENTS = "text/event-stream"
ROUTES = """
version: 1
service: {name: chat}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
defaults: {}
routes:
  - {name: shadow, match: {path: /events/red}, handoff: origin}
  - {name: events, match: {host: chat.example.com, path: "/events/{room}"}, sse: {channel: "room-{room}"}}
  - {name: lines, match: {path: /lines}, stream: {channel: lines}}
  - {name: poll, match: {path: /poll}, long_poll: {channel: polled}}
  - name: mine
    match: {path: /mine, query: {room: {present: true}}}
    auth: {keys: {algorithm: HS256, secret_store: a, name: b}, token: {query: access token}}
    sse: {channel: "mine-{query.room}"}
"""


def listen(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "fanroute", "listen", *arguments]
    env = os.environ | environment
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    return tmp_path


def running(folder: Path, server: Scripted) -> "object":
    return announce(Workspace(folder / "routes.yaml"), EdgeUrls(server.url, ""), {"host 127.0.0.1": "https://chat.example.com"})


def test_events_are_printed_and_a_new_connection_continues(tmp_path: Path) -> None:
    first = streamed(
        EVENTS, b"retry: 200\n\n", b"id: 1\ndata: one\n\nevent: news\nid: 2\ndata: two\ndata: lines\n\n", b"id: 3\ndata: lost"
    )
    with scripted(first, streamed(EVENTS, b"data: \x1b[2J\n\n")) as server:
        done = listen(tmp_path, f"{server.url}/events?a=b", "--count", "3", "-H", "X-A: é", "-H", "last-event-id: 0")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["id=1 one", "event=news id=2 two", "event=news id=2 lines", "id=2 \\x1b[2J"],
    )
    assert done.stderr.splitlines() == [
        f"Listening at {server.url}/events",
        "Connected (sse)",
        "The connection has ended: connecting again in 0.2 s",
        "Connected (sse)",
    ]
    one, other = server.seen[:2]
    assert (one.path, one.headers["x-a"].encode("latin-1").decode()) == ("/events?a=b", "é")
    assert (one.headers["last-event-id"], other.headers["last-event-id"]) == ("0", "2")


def test_programs_get_json(tmp_path: Path) -> None:
    with scripted(streamed(EVENTS, b"data: a\ndata: b\n\nevent: e\nid: 7\ndata: \xc3\xa9\n\n")) as server:
        done = listen(tmp_path, f"{server.url}/", "--sse", "--count", "2", "--format", "json")
    assert server.seen[0].headers["accept"] == EVENTS
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"kind": "sse", "event": "message", "data": "a\nb"},
        {"kind": "sse", "event": "e", "id": "7", "data": "é"},
    ]


def test_a_stream_is_printed_as_it_comes(tmp_path: Path) -> None:
    with scripted(streamed("text/plain", b"one\n", b"tw\xc3", b"\xa9\nthree")) as server:
        done = listen(tmp_path, f"{server.url}/", "--count", "3")
        assert (done.returncode, done.stdout) == (0, "one\ntw\né\nthree\n")
        server.answers[0] = streamed(EVENTS, b"id: 1\ndata: x\n\n")
        done = listen(tmp_path, f"{server.url}/", "--stream", "--count", "1", "--format", "json")
    assert json.loads(done.stdout) == {"kind": "stream", "data": "id: 1\ndata: x\n\n"}


def test_a_long_poll_asks_again(tmp_path: Path) -> None:
    with scripted((200, {}, b"one\n"), (202, {}, b""), (200, {}, b"{}\n")) as server:
        done = listen(tmp_path, f"{server.url}/", "--long-poll", "--count", "3")
    assert (done.returncode, done.stdout) == (0, "200 one\n202 \n200 {}\n")
    one, two, three = (request.time for request in server.seen)
    assert min(two - one, three - two) > 0.05, "a server that answers at once is not flooded"


def test_the_server_may_end_it(tmp_path: Path) -> None:
    with scripted(streamed(EVENTS, b"retry: 10\n\n"), (204, {}, b"")) as server:
        done = listen(tmp_path, f"{server.url}/", "--timeout", "30")
    assert (done.returncode, len(server.seen)) == (0, 2)
    assert done.stderr.endswith("The server answers 204, which means that no client should connect again\n")


def test_a_time_ends_it(tmp_path: Path) -> None:
    with scripted(streamed(EVENTS, b"data: x\n\n")) as server:
        assert listen(tmp_path, f"{server.url}/", "--timeout", "0.5").returncode == 0
        done = listen(tmp_path, f"{server.url}/", "--timeout", "0.5", "--count", "2")
    assert (done.returncode, done.stdout) == (1, "x\n")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it(tmp_path: Path, sign: signal.Signals) -> None:
    def held(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", EVENTS)
        handler.end_headers()
        handler.wfile.write(b"data: x\n\n")
        handler.wfile.flush()
        time.sleep(10)

    with scripted(held) as server:
        command = [sys.executable, "-P", "-m", "fanroute", "listen", f"{server.url}/"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout and process.stdout.readline() == "x\n"
            process.send_signal(sign)
            _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_server_that_stays_away_is_told_of_once(tmp_path: Path) -> None:
    with scripted(streamed(EVENTS, b"retry: 100\n\n", b"data: x\n\n")) as server:
        command = [sys.executable, "-P", "-m", "fanroute", "listen", f"{server.url}/", "--timeout", "2"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout and process.stdout.readline() == "x\n"
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors.count("Cannot connect to host") == 1


def test_it_ends_when_nobody_reads(tmp_path: Path) -> None:
    """Tests a pipe to a program that ends, such as head."""
    with scripted(streamed(EVENTS, b"retry: 10\n\n", *[b"data: x\n\n"] * 20)) as server:
        command = [sys.executable, "-P", "-m", "fanroute", "listen", f"{server.url}/"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout and process.stderr and process.stdout.readline() == b"x\n"
            process.stdout.close()
            assert process.wait(timeout=10) == 1
            assert b"Traceback" not in process.stderr.read()


REFUSED: dict[str, tuple[Answer, str]] = {
    "401": ((401, {}, b"No token.\nmore"), "the server answers 401: No token. (--token sends a token)"),
    "500": ((500, {}, b""), "the server answers 500"),
    "a redirect": ((302, {"Location": "http://evil.example.com/\x1b"}, b""), "the server redirects (302) to"),
    "no events": (
        (200, {"Content-Type": "text/html"}, b""),
        "the answer has the Content-Type 'text/html' and not text/event-stream",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_answer_that_holds_nothing_is_told(tmp_path: Path, kind: str) -> None:
    answer, told = REFUSED[kind]
    with scripted(answer) as server:
        done = listen(tmp_path, f"{server.url}/", "--sse", "--token", "s3cret")
    assert (done.returncode, done.stdout, len(server.seen)) == (1, "", 1)
    assert f"error: {told}" in done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr
    assert server.seen[0].headers["authorization"] == "Bearer s3cret"


def test_no_server_is_told(tmp_path: Path) -> None:
    with scripted((200, {}, b"")) as server:
        pass
    for scheme in ("http", "ws"):
        done = listen(tmp_path, f"{scheme}{server.url.removeprefix('http')}/")
        assert done.returncode == 1
        assert "error: the server cannot be reached: " in done.stderr
        assert "Traceback" not in done.stderr


def test_no_websocket_is_told(tmp_path: Path) -> None:
    with scripted((400, {}, b"no")) as server:
        done = listen(tmp_path, f"{server.url}/", "--websocket")
    assert (done.returncode, "error: the server answers 400 and opens no WebSocket" in done.stderr) == (1, True)


def test_a_websockets_redirect_is_told_and_not_followed(tmp_path: Path) -> None:
    """Another server would get the user's headers."""
    with scripted((200, {}, b"")) as other, scripted((302, {"Location": f"{other.url}/stolen"}, b"")) as server:
        done = listen(tmp_path, f"ws{server.url.removeprefix('http')}/", "-H", "X-Api-Key: s3cret")
    assert (done.returncode, done.stdout, len(server.seen), other.seen) == (1, "", 1, [])
    assert f"error: the server redirects (302) to '{other.url}/stolen': listen to that URL\n" in done.stderr


def test_an_id_that_no_header_can_have_is_not_sent(tmp_path: Path) -> None:
    first = streamed(EVENTS, b"retry: 10\nid: 7\x01\ndata: x\n\n")
    with scripted(first, streamed(EVENTS, b"id: 8\ndata: y\n\n"), streamed(EVENTS, b"data: z\n\n")) as server:
        done = listen(tmp_path, f"{server.url}/", "--count", "3", "--timeout", "30")
    assert (done.returncode, done.stdout) == (0, "id=7\\x01 x\nid=8 y\nid=8 z\n")
    assert [request.headers.get("last-event-id") for request in server.seen] == [None, None, "8"]
    assert "connecting again in 0.1 s, without the last id, which has a control character\n" in done.stderr


def test_an_answer_that_is_no_http_is_told(tmp_path: Path) -> None:
    with scripted((200, {"Content-Type": EVENTS, "X": "a" * 100_000}, b"")) as server:
        done = listen(tmp_path, f"{server.url}/")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "error: the server's answer cannot be read: Got more than" in done.stderr


@pytest.mark.parametrize("time", ["nan", "inf", "0", "-1"])
def test_a_time_that_never_comes_is_refused(tmp_path: Path, time: str) -> None:
    done = listen(tmp_path, "http://127.0.0.1:1/", "--timeout", time)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--timeout'" in done.stderr


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example.com", "[::::]", "1.2.3.4.5", "xn--."])
def test_a_host_that_no_server_has_is_told(tmp_path: Path, host: str) -> None:
    """Tests names and addresses that DNS, urllib or aiohttp do not take."""
    done = listen(tmp_path, f"http://{host}/")
    assert done.returncode in (1, 2) and done.stdout == "" and "Traceback" not in done.stderr
    told = ("has a host that DNS cannot have", "is not the URL of a request", "the request cannot be sent: ")
    assert any(text in " ".join(done.stderr.replace("│", "").split()) for text in told)


def test_a_proxy_that_cannot_be_used_is_told_without_its_password(tmp_path: Path) -> None:
    done = listen(tmp_path, "http://example.com/", http_proxy="http://me:s3cret@proxy:port", no_proxy="")
    assert done.returncode == 1
    assert "error: the request cannot be sent: " in done.stderr
    assert "Traceback" not in done.stderr and "s3cret" not in done.stderr


def test_a_channel_is_requested_as_its_route_is(folder: Path) -> None:
    with scripted(streamed(EVENTS, b"data: x\n\n")) as server, running(folder, server):  # type: ignore[attr-defined]
        done = listen(folder, "room-blue", "--count", "1")
        assert (done.returncode, done.stdout) == (0, "x\n")
        assert done.stderr.startswith(f"Listening at {server.url}/events/blue (route 'events')\n")
        assert (server.seen[-1].path, server.seen[-1].headers["accept"]) == ("/events/blue", EVENTS)
        listen(folder, "/events/blue", "--count", "1")
        assert server.seen[-1].headers["accept"] == EVENTS
        done = listen(folder, "mine-a b", "--token", "s3cret&", "--count", "1")
        assert "s3cret" not in done.stderr
        assert server.seen[-1].path == "/mine?room=a+b&access%20token=s3cret%26"
        assert "(route 'mine', which requires a token (--token))" in listen(folder, "mine-x", "--count", "1").stderr
        server.answers[0] = (200, {}, b"hello\n")
        assert listen(folder, "polled", "--count", "1").stdout == "200 hello\n"
        assert listen(folder, f"{server.url}/poll", "--count", "1").stdout == "200 hello\n"


def test_a_host_is_sent_if_the_route_needs_one(folder: Path) -> None:
    edge = Workspace(folder / "routes.yaml")
    with scripted(streamed(EVENTS, b"data: x\n\n")) as server, announce(edge, EdgeUrls(server.url, ""), {}):
        assert listen(folder, "room-blue", "--count", "1").returncode == 0
        assert server.seen[-1].headers["host"] == "chat.example.com"
        assert listen(folder, "/events/blue", "-H", "Host: chat.example.com", "--count", "1").returncode == 0
        assert [server.seen[-1].headers[name] for name in ("host", "accept")] == ["chat.example.com", EVENTS]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["rooms"], 1, "no route has the channel 'rooms'; channels: room-{room}, lines, polled, mine-{query.room}"),
        (["lines", "--websocket"], 1, "no route that is websocket has the channel 'lines'"),
        (["room-red"], 1, "no GET request for 'room-red' was found that reaches its route (events): give a URL instead"),
        (["lines", "--sse", "--stream"], 2, "choose one kind of connection"),
        (["ftp://a/"], 2, "is not the URL of a request"),
        (["ws://ann:s@a/"], 2, "leave out the user"),
        (["http://a/é"], 2, "is not the URL of a request"),
        (["lines", "-H", "X"], 2, "is not 'NAME: VALUE'"),
        (["lines", "-H", "X: \udcff"], 2, "the value of X is not UTF-8"),
        (["lines", "--token", "s3cret\nx"], 2, "a token has only printable ASCII characters"),
    ],
)
def test_wrong_usage_is_told(folder: Path, arguments: list[str], code: int, told: str) -> None:
    done = listen(folder, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "s3cret" not in done.stderr


def test_a_channel_needs_routes(tmp_path: Path) -> None:
    assert "a channel is found with a routes.yaml: write a URL, or --routes" in listen(tmp_path, "test").stderr
