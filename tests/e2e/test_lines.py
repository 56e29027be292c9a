"""`fanroute serve` reports requests, connections and messages: as text for people, and as JSON for programs."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, open_websocket, running, wait_until, write_routes
from tests.e2e.origin import Origin
from tests.e2e.test_auth import KINDS, MANIFEST, PLACES, claims, placed
from tests.support.tokens import EC, ED25519, P384, RSA, SECRET, by_pyjwt, public

Events = list[dict[str, Any]]
TIME = re.compile(r"[\d:.]{12} ")
PAUSE = re.compile(r"\d[\d.]* (ms|s)")


@pytest.fixture(scope="module")
def text_edge(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The embedded edge with the routes of tests/e2e/routes/actions.yaml."""
    yield from started("actions", origin, tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def json_edge(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The same, which reports as JSON."""
    yield from started("actions", origin, tmp_path_factory.mktemp("json"), "--format", "json")


def started(name: str, origin: Origin, folder: Path, *options: str, **files: bytes) -> Iterator[Edge]:
    write_routes(name, origin, folder)
    for file, content in files.items():
        (folder / file.replace("_", ".")).write_bytes(content)
    with running("embedded", folder, *options) as edge:
        yield edge


def lines(edge: Edge, act: Callable[[], Any], until: str) -> list[str]:
    """Returns the lines that are printed while something is done, up to the one with a text. Times become `…`."""
    before = len(edge.output)
    act()
    wait_until(lambda: any(until in line for line in edge.output[before:]))
    # Lines without a time are from the edge's start.
    told = [line.rstrip("\n")[len("00:00:00.000 ") :] for line in edge.output[before:] if TIME.match(line)]
    return [PAUSE.sub(r"… \1", re.sub(r"^#\d+ ", "# ", line)) for line in told]


def events(edge: Edge, act: Callable[[], Any], until: Callable[[dict[str, Any]], bool]) -> Events:
    """Returns the events that are printed while something is done, up to the first that fits."""
    before = len(edge.output)
    act()
    found: Events = []

    def is_there() -> bool:
        found[:] = [json.loads(line) for line in edge.output[before:] if line.startswith("{")]
        return any(map(until, found))

    wait_until(is_there)
    return found


def hold_and_close(edge: Edge) -> None:
    """Holds a stream, publishes on it, and closes it by publishing."""
    with edge.client.stream("GET", "/told/lines?after=0") as answer:
        chunks = answer.iter_text()
        assert next(chunks) == "data: ready\n\n"
        edge.publish_items(
            {"channel": "lines", "id": "1", "prev-id": "0", "formats": {"http-stream": {"content": "data: hi\n\n"}}}
        )
        assert next(chunks) == "data: hi\n\n"
        edge.publish_items({"channel": "lines", "id": "2", "prev-id": "1", "formats": {"http-stream": {"action": "close"}}})
        assert list(chunks) == []


def test_a_stream_is_told_from_its_request_to_its_end(text_edge: Edge) -> None:
    assert lines(text_edge, lambda: hold_and_close(text_edge), "closed after") == [
        "# 200 GET /told/lines?after=0 → told (sse, lines), pass 1+2, … ms",
        "# stream opened, subscribed to lines",
        "published on lines to 1 connection: http-stream, id 1",
        "published on lines to 1 connection: http-stream, id 2",
        "# stream closed after … s: a close was published",
    ]


def test_a_client_that_leaves_is_told(text_edge: Edge) -> None:
    def leave() -> None:
        with text_edge.client.stream("GET", "/events") as answer:
            next(answer.iter_text())

    assert lines(text_edge, leave, "closed after")[-1] == "# stream closed after … s: the client left"


def talk(edge: Edge) -> None:
    with open_websocket(edge, "/chat/red", subprotocols=["chat.v1"]) as client:
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"
        client.send("much too long")
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=ANSWER_TIMEOUT)


def test_a_websocket_is_told_with_each_event(text_edge: Edge) -> None:
    assert lines(text_edge, lambda: talk(text_edge), "closed after") == [
        "# 101 GET /chat/red → chat (websocket, red), pass 1+2, … ms",
        "# WebSocket opened, subscribed to red",
        "# ← TEXT, 5 bytes",
        "# → TEXT, 5 bytes",
        "# ← TEXT, 13 bytes",
        "# WebSocket closed after … s: the backend, 1009 More than 8 bytes. (`websocket.max_message` is the longest message)",
    ]


def test_a_client_that_closes_its_websocket_is_told(text_edge: Edge) -> None:
    def close() -> None:
        with open_websocket(text_edge, "/chat/blue", subprotocols=["chat.v1"]) as client:
            client.close(4001, "bye")

    assert lines(text_edge, close, "closed after")[-1] == "# WebSocket closed after … s: the client, 4001 bye"


def test_a_long_poll_is_told(text_edge: Edge) -> None:
    """Its request has an answer only when something is published."""
    with httpx.Client(base_url=text_edge.url, timeout=ANSWER_TIMEOUT, trust_env=False) as client:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            before = len(text_edge.output)
            poll = pool.submit(client.get, "/filtered-poll/ann")
            wait_until(lambda: any("long-poll opened, subscribed to filtered-poll" in line for line in text_edge.output[before:]))
            told = lines(
                text_edge, lambda: text_edge.publish("filtered-poll", http_response={"body": "hi"}), "/filtered-poll/ann"
            )
            assert poll.result().text == "hi"
    assert told == [
        "published on filtered-poll to 1 connection: http-response",
        "# long-poll closed after … s: a message was published",
        "# 200 GET /filtered-poll/ann → filtered-poll (long_poll, filtered-poll), pass 1+2, … ms",
    ]


# Requests without a held connection: method, target, headers, and what is told of them.
REQUESTS = [
    ("GET", "/nothing?a=b", {}, "200 GET /nothing?a=b → route-29 (handoff, origin), pass 1, … ms"),
    ("GET", "/nothing", {"Host": "a.example:80"}, "200 GET a.example:80/nothing → route-29 (handoff, origin), pass 1, … ms"),
    ("POST", "/forward/early", {}, "413 POST /forward/early → route-24 (forward, origin), pass 1, … ms"),
    ("GET", "/ruled/page", {}, "200 GET /ruled/page → ruled-page (respond), pass 1, … ms"),
    (
        "GET",
        "/nowhere/forward",
        {},
        "502 GET /nowhere/forward → route-25 (forward, nowhere), pass 1, … ms: The backend 'nowhere' gave no answer: "
        "connection-refused (`local` says where the backend is on this machine, and `fallback` what clients get without it)",
    ),
    (
        "GET",
        "/socket/ann",
        {},
        "426 GET /socket/ann → socket (websocket), pass 1, … ms: This route accepts only WebSockets. "
        "(open it with ws://; `websocket: true` in the match leaves other requests to later routes)",
    ),
    (
        "GET",
        "/a/%2e%2e/b",
        {},
        "400 GET /a/%2e%2e/b → pass 1, … ms: The path has a segment '.' or '..'. "
        "(`paths: {dot_segments: keep}` accepts such paths)",
    ),
    ("GET", "/", {"Host": "a b"}, "400 GET a b/ → … ms: The Host header is not a host."),
]


@pytest.mark.parametrize(("method", "target", "headers", "told"), REQUESTS, ids=[f"{one[1]} {one[2]}" for one in REQUESTS])
def test_a_request_is_one_line(text_edge: Edge, method: str, target: str, headers: dict[str, str], told: str) -> None:
    options: dict[str, Any] = {"content": b"x"} if method == "POST" else {}
    host = headers.get("Host", "localhost")
    assert lines(text_edge, lambda: text_edge.request(method, target, host, **options), target) == [f"# {told}"]


def test_a_refused_websocket_is_told(text_edge: Edge) -> None:
    def knock() -> None:
        with pytest.raises(InvalidStatus), open_websocket(text_edge, "/chat/red"):
            pass

    (line,) = lines(text_edge, knock, "/chat/red")
    assert line == (
        "# 400 GET /chat/red → chat (websocket, self), pass 1+2, … ms: The client offers none of the endpoint's protocols. "
        "(`websocket.protocols` lists those that it may offer)"
    )


def test_a_tunnel_is_told(text_edge: Edge) -> None:
    def pass_through() -> None:
        with open_websocket(text_edge, "/tunnel/echo") as client:
            client.send("x")
            client.recv(timeout=ANSWER_TIMEOUT)

    told = lines(text_edge, pass_through, "closed after")
    assert told[:2] == ["# 101 GET /tunnel/echo → ruled-tunnel (tunnel, origin), pass 1, … ms", "# tunnel opened"]
    assert told[2].startswith("# tunnel closed after … s: ")


def test_a_publish_request_that_is_refused_is_told(text_edge: Edge) -> None:
    told = lines(text_edge, lambda: text_edge.client.post(text_edge.publish_url, content=b"x"), "publishing")
    assert told == ["publishing → 400: Body is not valid JSON."]


def test_the_answer_says_which_route_and_why(text_edge: Edge) -> None:
    """On both passes, and also if an origin answers."""
    for target, route, reason in (
        ("/ruled/page", "ruled-page", None),
        ("/nothing", "route-29", None),
        ("/socket/ann", "socket", "This route accepts only WebSockets."),
        ("/a/%2e%2e/b", None, "The path has a segment '.' or '..'."),
    ):
        answer = text_edge.request("GET", target, "localhost")
        assert (answer.headers.get("fanroute-route"), answer.headers.get("fanroute-reason")) == (route, reason)
    with text_edge.client.stream("GET", "/events") as answer:
        assert (answer.headers["fanroute-route"], answer.headers.get("fanroute-reason")) == ("events", None)
        assert re.fullmatch(r"pass-1;dur=[\d.]+, pass-2;dur=[\d.]+", answer.headers["server-timing"])


def test_no_client_joins_a_visit(text_edge: Edge) -> None:
    """The header by which the two passes find each other counts only with a secret."""
    before = len(text_edge.output)
    seen = text_edge.request("GET", "/forward/x", "localhost", headers={"Fanroute-Visit": "1"}).json()
    assert ["fanroute-visit", "1"] in seen["headers"]
    wait_until(lambda: any("200 GET /forward/x →" in line for line in text_edge.output[before:]))


def test_a_links_request_is_told(text_edge: Edge, origin: Origin) -> None:
    """It belongs to the stream's visit, and the backend that it is forwarded to sees no trace of that."""

    def miss() -> None:
        with text_edge.client.stream("GET", "/told/told?after=0") as answer:
            chunks = answer.iter_text()
            assert next(chunks) == "data: ready\n\n"
            text_edge.publish_items({"channel": "told", "id": "3", "prev-id": "2", "formats": {"http-stream": {"content": "x"}}})
            assert next(chunks) == "data: since 0\n\n"

    assert lines(text_edge, miss, "closed after") == [
        "# 200 GET /told/told?after=0 → told (sse, told), pass 1+2, … ms",
        "# stream opened, subscribed to told",
        "published on told to 1 connection: http-stream, id 3",
        "# 200 GET http://actions.edgecompute.app/origin/missed/told → route-8, pass 2, … ms",
        "# stream closed after … s: the client left",
    ]
    _, headers = origin.asked_for_missed
    assert "grip-last" in headers and "fanroute-visit" not in headers


def test_programs_read_json(json_edge: Edge) -> None:
    told = events(json_edge, lambda: hold_and_close(json_edge), lambda event: event["kind"] == "closed")
    assert [event["kind"] for event in told] == ["request", "opened", "published", "message", "published", "closed"]
    request, opened, published, message, _, closed = told
    assert len({event["request"] for event in (request, opened, message, closed)}) == 1
    assert (request["route"], request["action"], request["backend"], request["channels"]) == ("told", "sse", "self", ["lines"])
    first, second = request["passes"]
    assert (first["number"], first["outcome"], second["number"], second["outcome"]) == (1, "handed off", 2, "answered")
    sent, answer = dict(first["sent"]), dict(second["answer"])
    assert sent["fanroute-pin"].startswith("1;") and answer["grip-channel"] == "lines; prev-id=0"
    assert dict(second["headers"])["grip-sig"] == "…"
    assert (opened["connection"], opened["route"], opened["channels"]) == ("stream", "told", ["lines"])
    assert (published["receivers"], published["formats"], published["id"]) == (1, ["http-stream"], "1")
    assert (message["sender"], message["type"], message["size"]) == ("publisher", "http-stream", 10)
    assert closed["how"] == "a close was published" and 0 < closed["seconds"] < ANSWER_TIMEOUT
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", request["time"])


def test_a_websockets_later_passes_are_events(json_edge: Edge) -> None:
    told = events(json_edge, lambda: talk(json_edge), lambda event: event["kind"] == "closed")
    assert [event["made"]["status"] for event in told if event["kind"] == "pass"] == [200, 200]
    assert {event["made"]["route"] for event in told if event["kind"] == "pass"} == {"chat"}
    messages = [(event["sender"], event["type"], event["size"]) for event in told if event["kind"] == "message"]
    assert messages == [("client", "TEXT", 5), ("backend", "TEXT", 5), ("client", "TEXT", 13)]


def test_standard_output_has_only_json(json_edge: Edge) -> None:
    command = [sys.executable, "-P", "-m", "fanroute", "serve", "--port=0", "--publish-port=0", "--format=json"]
    with subprocess.Popen(command, cwd=json_edge.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        serving = json.loads(process.stdout.readline())
        assert (serving["kind"], serving["service"], serving["request"]) == ("serving", "actions", None)
        assert httpx.get(f"{serving['edge']}/ruled/page", trust_env=False).text == "page\n"
        process.terminate()
        rest, told = process.communicate(timeout=20)
    assert [json.loads(line)["kind"] for line in rest.splitlines()] == ["request"]
    assert "Serving actions on the embedded edge" in told and "Stopping" in told


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
@pytest.mark.parametrize("command", [["serve", "--port=0", "--publish-port=0", "--format=json"], ["listen", "URL/told/lines"]])
def test_it_ends_with_its_reader(json_edge: Edge, command: list[str], closed: str) -> None:
    """Also if it prints nothing, as in `fanroute serve | head`."""
    words = [word.replace("URL", json_edge.url) for word in command]
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "fanroute", *words],
        cwd=json_edge.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        starts = {"serve": "Serving", "listen": "Listening at"}
        while not process.stderr.readline().startswith(starts[command[0]]):
            assert process.poll() is None
        closing, other = (process.stdout, process.stderr) if closed == "stdout" else (process.stderr, process.stdout)
        closing.close()
        try:
            assert process.wait(timeout=ANSWER_TIMEOUT) == 1
        finally:
            process.kill()
        told = other.read()
    assert "Traceback" not in told and "roken" not in told


@pytest.fixture(scope="module", params=["text", "json"])
def guarded(request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The embedded edge with the routes of tests/e2e/routes/auth.yaml, in each format."""
    keys = {"ec_pem": public(EC), "rsa_pem": public(RSA), "ed25519_pem": public(ED25519), "p384_pem": public(P384)}
    files = {**keys, "fastly_toml": MANIFEST.encode()}
    yield from started("auth", origin, tmp_path_factory.mktemp("guarded"), "--format", request.param, **files)


def test_no_line_has_a_secret(guarded: Edge) -> None:
    """Also not if it is in a place where no route looks for it."""
    token = by_pyjwt(claims("ann"), "HS256")
    before = len(guarded.output)
    for kind in KINDS[:2]:
        for place in PLACES:
            query, headers = placed(place, token)
            with guarded.client.stream("GET", f"/own/{kind}{query}", headers=dict(headers)) as answer:
                assert answer.status_code == 200
    text = token.decode()
    for target in (f"/forward/{text}", f"/own/stream?tokn={text}", f"/own/stream?token={SECRET.hex()}"):
        guarded.client.get(target, headers={"X-Api-Key": SECRET.hex(), "X-Other": text, "Cookie": f"other={SECRET.hex()}"})
    guarded.client.get("/own/stream?end")
    wait_until(lambda: any("/own/stream?end" in line for line in guarded.output[before:]))
    told = "".join(guarded.output)
    assert "/own/stream" in told
    assert not [secret for secret in ("eyJ", SECRET.decode(), SECRET.hex()) if secret in told]
