"""The URLs of a local edge work as they are printed: in matches, its names stand for the service's host."""

import re
import shlex
import threading
from time import monotonic, sleep

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.browser import Browser
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, edge_of
from tests.e2e.origin import seen

chat = edge_of("local_hosts", options=["--as-host", "https://Chat.example.com."])

LOCAL_NAMES = ["127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:7676", "[::1]:7676"]


def printed(edge: Edge) -> dict[str, list[str]]:
    """Returns the commands that `serve` prints, by the names of their routes."""
    lines = "".join(edge.output).splitlines()
    commands = [shlex.split(line) for line in lines if re.match(r"  \S+: (curl|npx) ", line)]
    return {name.removesuffix(":"): command for name, *command in commands}


def test_what_is_printed_needs_no_host(edge: Edge) -> None:
    commands = printed(edge)
    assert list(commands) == ["test-websocket", "test-stream", "test-sse", "test-long-poll", "test-other", "everything-else"]
    assert not [command for command in commands.values() if "-H" in command]


@pytest.mark.parametrize("route", ["test-stream", "test-sse"])
def test_a_printed_stream_is_held(edge: Edge, route: str) -> None:
    with httpx.stream("GET", printed(edge)[route][-1], timeout=ANSWER_TIMEOUT, trust_env=False) as answer:
        edge.publish("test", http_stream={"content": "data: 1\n\n"})
        assert next(answer.iter_lines()) == "data: 1"


def test_a_printed_long_poll_is_held(edge: Edge) -> None:
    answers: list[str] = []
    url = printed(edge)["test-long-poll"][-1]
    poll = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=ANSWER_TIMEOUT, trust_env=False).text))
    poll.start()
    while poll.is_alive():
        edge.publish("test", http_response={"body": "hello\n"})
        poll.join(0.1)
    assert answers == ["hello\n"]


def test_a_printed_websocket_opens(edge: Edge) -> None:
    with connect(printed(edge)["test-websocket"][-1], open_timeout=ANSWER_TIMEOUT, proxy=None) as socket:
        socket.send("hello")
        assert socket.recv(ANSWER_TIMEOUT) == "hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_hears_events_and_opens_a_websocket(edge: Edge, chromium: Browser, host: str) -> None:
    """A browser cannot set a Host. The page is of the edge's own origin."""
    chromium.open(f"http://{host}:{edge.port}/test/other")
    chromium.run("""
        window.heard = [];
        const source = new EventSource("/test/sse");
        source.onmessage = (event) => window.heard.push(event.data);
        await new Promise((opened, failed) => {
            source.onopen = opened;
            source.onerror = () => failed(new Error("the events have ended"));
        });
    """)
    edge.publish("test", http_stream={"content": "data: hello\n\n"})
    heard = "while (!window.heard.length) await new Promise((later) => setTimeout(later, 20)); return window.heard;"
    assert chromium.run(heard) == ["hello"]
    echo = """
        const socket = new WebSocket(`ws://${location.host}/test/websocket`);
        return await new Promise((heard, failed) => {
            socket.onopen = () => socket.send(args[0]);
            socket.onmessage = (event) => heard(event.data);
            socket.onerror = () => failed(new Error("the WebSocket does not open"));
        });
    """
    assert chromium.run(echo, "hi") == "hi"
    chromium.open("about:blank")


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_a_local_name_stands_for_the_service(edge: Edge, host: str) -> None:
    with edge.client.stream("GET", "/test/sse", headers={"Host": host}) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_a_backend_is_told_the_name_that_the_client_asked_for(edge: Edge, host: str) -> None:
    headers = {name.lower(): value for name, value in seen(edge.request("GET", "/x", host))["headers"]}
    assert (headers["x-forwarded-host"], headers["x-forwarded-proto"]) == (host, "http")


def test_a_host_and_scheme_of_choice(chat: Edge) -> None:
    """The client speaks plain HTTP, and the route is for https."""
    with chat.client.stream("GET", "/secure") as answer:
        assert answer.status_code == 200
        chat.publish("secure", http_stream={"content": "1\n"})
        assert next(answer.iter_lines()) == "1"


def test_a_name_that_a_route_matches_is_itself(chat: Edge) -> None:
    assert chat.request("GET", "/own", "localhost:1").text == "localhost itself\n"
    assert chat.request("GET", "/own", "127.0.0.1").status_code == 404
    assert chat.request("GET", "/secure", "localhost:1").status_code == 404


def test_origins_are_compared_with_what_the_client_asked_for(chat: Edge) -> None:
    """A page of the local edge is the service's own. The host that the edge stands for does not make another page its own."""
    url = f"ws://127.0.0.1:{chat.port}/socket"
    for origin in (f"http://127.0.0.1:{chat.port}", "https://chat.example.com"):
        with connect(url, origin=origin, open_timeout=ANSWER_TIMEOUT, proxy=None):
            pass
    for origin in (f"https://127.0.0.1:{chat.port}", "http://chat.example.com", "http://localhost:3000"):
        with pytest.raises(InvalidStatus, match="403"), connect(url, origin=origin, open_timeout=ANSWER_TIMEOUT, proxy=None):
            pass


def test_pages_and_cookies_are_as_without_it(chat: Edge) -> None:
    with chat.client.stream("GET", "/shared", headers={"Origin": "http://localhost:3000"}) as answer:
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert chat.client.get("/moved").headers["set-cookie"] == "a=b; Path=/"


def test_the_log_says_that_only_the_host_kept_a_request_from_a_route(chat: Edge) -> None:
    """Viceroy logs only the first request of each sandbox."""
    told = "only the host does not match: the route 'moved' is for chat.example.com"
    deadline = monotonic() + ANSWER_TIMEOUT
    while not any(told in line for line in chat.output):
        assert monotonic() < deadline, chat.recent_log()
        assert chat.request("GET", "/moved", "other.example.com").status_code == 404
        sleep(0.05)
