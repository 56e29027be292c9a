"""The servers of examples/origins: the real frameworks and their GRIP libraries, behind both edges, with real clients."""

import base64
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from websockets.sync.client import ClientConnection, connect

from fanroute.plan.signing import DEV_KEY, forged_grip_sig, grip_sig, sign_token
from tests.conftest import EXAMPLES
from tests.e2e.conftest import ANSWER_TIMEOUT, EDGES, Edge, open_websocket, running
from tests.e2e.held import fanout
from tests.support.origins import COMMANDS, FRAMEWORKS, Line, copied_example, free_port, line, server
from tests.support.tokens import EC, OTHER_EC, private, public

pytestmark = pytest.mark.slow

# The form of GRIP_URL that every library takes.
LOCAL = "{}/?verify-iss=viceroy&key={}&verify-key={}"
FASTLY = "https://api.fastly.com/service/SU1Z/?verify-iss=fastly:SU1Z&key=token&verify-key=base64:{}"


@dataclass
class Behind:
    """Represents an edge with a framework's server behind it, and the line on which that server publishes."""

    edge: Edge
    url: str
    line: Line

    def send(self, text: str) -> int:
        """Has the server publish a message. Returns the message's id."""
        answer = self.edge.request("POST", "/messages", content=text.encode())
        assert answer.status_code == 201, answer.text
        assert self.line.authorizations == {f"Bearer {DEV_KEY}"}
        number: int = answer.json()["id"]
        return number


@pytest.fixture(scope="module", params=EDGES)
def on_edge(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module", params=FRAMEWORKS)
def behind(request: pytest.FixtureRequest, on_edge: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Each framework's server behind each local edge."""
    port = free_port()
    example = copied_example(request.param, tmp_path_factory.mktemp(f"{request.param}-{on_edge}") / "example")
    routes = (example.folder / "routes.yaml").read_text()
    assert "http://127.0.0.1:8000" in routes
    (example.folder / "routes.yaml").write_text(routes.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"))
    with (
        running(on_edge, example.folder) as edge,
        line(edge.publish_url) as published,
        server(example, port, LOCAL.format(published.url, DEV_KEY, DEV_KEY)) as started,
    ):
        yield Behind(edge, started, published)


def until(chunks: Iterator[str], end: str) -> str:
    """Returns the text that arrives, until it contains `end`."""
    got = ""
    while end not in got:
        got += next(chunks)
    return got


def data(text: str) -> list[str]:
    """Returns the lines of data in server-sent events."""
    return re.findall(r"^data: (.*)$", text, re.MULTILINE)


def texts(client: ClientConnection) -> list[str]:
    """Returns the texts in the next message of a WebSocket."""
    return [message["text"] for message in json.loads(client.recv(timeout=ANSWER_TIMEOUT))]


def test_events_are_held_and_published(behind: Behind) -> None:
    with behind.edge.client.stream("GET", "/events") as answer:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        assert not [name for name in answer.headers if name.startswith("grip-")]
        chunks = answer.iter_text()
        first = behind.send("first\r\nline two é")
        got = until(chunks, "é\n\n")
        second = behind.send("100 %I, %%")
        got += until(chunks, "%\n\n")
    assert data(got) == ["first", "line two é", "100 %I, %%"]
    # django-eventstream puts the channel before it.
    assert re.findall(r"^id: (?:news:)?(\d+)$", got, re.MULTILINE) == [str(first), str(second)]


def test_a_reader_that_comes_back_gets_what_it_has_missed(behind: Behind) -> None:
    """As browsers do, it sends the id of the last event that it has received."""
    with behind.edge.client.stream("GET", "/events") as answer:
        behind.send("seen")
        (last,) = re.findall(r"^id: (.*)$", until(answer.iter_text(), "seen\n\n"), re.MULTILINE)
    for text in ("missed 100 %I", "missed two"):
        behind.send(text)
    with behind.edge.client.stream("GET", "/events", headers={"Last-Event-ID": last}) as answer:
        chunks = answer.iter_text()
        got = until(chunks, "missed two\n\n")
        behind.send("next")
        got += until(chunks, "next\n\n")
    assert data(got) == ["missed 100 %I", "missed two", "next"]


def test_a_message_that_was_lost_on_its_way_is_fetched(behind: Behind) -> None:
    """Fanout notices the gap at the next message, and asks the server for what is between."""
    with behind.edge.client.stream("GET", "/events") as answer:
        chunks = answer.iter_text()
        behind.send("before")
        got = until(chunks, "before\n\n")
        behind.line.loses_next = True
        behind.send("lost")
        assert not behind.line.loses_next
        behind.send("after")
        got += until(chunks, "after\n\n")
        behind.send("last")
        got += until(chunks, "last\n\n")
    assert data(got) == ["before", "lost", "after", "last"]


def test_a_poll_waits_for_the_next_message(behind: Behind) -> None:
    """A poll that was not held would have an answer without a message."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(behind.edge.request("GET", "/poll")))
    thread.start()
    numbers = []
    while thread.is_alive():
        numbers.append(behind.send("polled"))
        thread.join(0.1)
    assert answers[0].headers["content-type"].partition(";")[0] == "application/json"
    # Usually it is one. Fanout asks the server again if it has missed one before it held the request.
    assert answers[0].json()
    assert all(one["id"] in numbers and one["text"] == "polled" for one in answers[0].json())


def test_a_poll_gets_what_it_has_missed_at_once(behind: Behind) -> None:
    last = behind.send("seen")
    numbers = [behind.send(text) for text in ("one", "two")]
    answer = behind.edge.request("GET", f"/poll?after={last}")
    assert answer.json() == [{"id": numbers[0], "text": "one"}, {"id": numbers[1], "text": "two"}]


def test_what_a_websocket_sends_reaches_all(behind: Behind) -> None:
    with (
        behind.edge.client.stream("GET", "/events") as answer,
        open_websocket(behind.edge, "/socket") as one,
        open_websocket(behind.edge, "/socket") as two,
    ):
        one.send("hello é")
        assert [texts(client) for client in (one, two)] == [["hello é"]] * 2
        assert data(until(answer.iter_text(), "é\n\n")) == ["hello é"]
        behind.send("from a request")
        assert [texts(client) for client in (one, two)] == [["from a request"]] * 2


def test_a_websocket_gets_what_it_has_missed(behind: Behind) -> None:
    """Pushpin is asked directly, because Viceroy loses messages that come together with the handshake (docs/differences.md)."""
    port, header = fanout(behind.edge, "app")
    name, _, value = header.partition(": ")
    last = behind.send("seen")
    numbers = [behind.send(text) for text in ("one", "two")]
    url = f"ws://127.0.0.1:{port}/socket?after={last}"
    with connect(url, proxy=None, open_timeout=ANSWER_TIMEOUT, additional_headers={name: value}) as client:
        missed = [{"id": number, "text": text} for number, text in zip(numbers, ("one", "two"), strict=True)]
        assert json.loads(client.recv(timeout=ANSWER_TIMEOUT)) == missed


def test_a_websockets_ping_is_answered(behind: Behind) -> None:
    """A client with heartbeats stays connected, also if its next message comes together with the ping."""
    with open_websocket(behind.edge, "/socket", ping_interval=None) as client:
        for content in ("a", "", "b"):
            assert client.ping(content).wait(ANSWER_TIMEOUT)
        assert (client.ping("c"), client.send("text"))[0].wait(ANSWER_TIMEOUT)
        assert texts(client) == ["text"]


@pytest.mark.parametrize("code", [1000, 4001])
def test_a_websocket_is_closed_with_the_clients_code(behind: Behind, code: int) -> None:
    with open_websocket(behind.edge, "/socket") as client:
        client.close(code)
    assert received_code(client) == code


def test_a_close_without_a_code_has_no_wrong_code(behind: Behind) -> None:
    """0 is no close code (RFC 6455, 7.4), and clients treat it as a protocol error."""
    with open_websocket(behind.edge, "/socket") as client, client.send_context():
        client.protocol.send_close()
    assert received_code(client) in (1000, 1005)


def test_a_websocket_that_breaks_is_no_error(behind: Behind) -> None:
    gone = b"DISCONNECT\r\n"
    headers = {"Content-Type": "application/websocket-events", "Connection-Id": "1"}
    signature = grip_sig(int(time.time())).decode()
    assert directly(behind.url, "/socket", signature, method="POST", content=gone, headers=headers).status_code == 200


def received_code(client: ClientConnection) -> int | None:
    received = client.protocol.close_rcvd
    return None if received is None else received.code


def test_fanouts_signature_is_checked(behind: Behind) -> None:
    assert behind.edge.request("GET", "/whoami").json() == {"signed": True, "has_signature": True, "issuer": "viceroy"}
    forged = {"Grip-Sig": forged_grip_sig(int(time.time())).decode()}
    assert behind.edge.request("GET", "/whoami", headers=forged).status_code == 403


def test_the_doctor_asks_who_signed(behind: Behind) -> None:
    command = [sys.executable, "-P", "-m", "fanroute", "doctor", "--whoami", "/whoami", "--format", "json"]
    expected = [("ok", f"{behind.edge.url}/whoami: signed by viceroy"), ("ok", f"{behind.url}/whoami refuses it")]
    for _ in range(5):
        done = subprocess.run(command, cwd=behind.edge.folder, capture_output=True, text=True, check=False)
        findings = [one for one in json.loads(done.stdout)["findings"] if one["subject"].startswith("whoami")]
        if not any("within" in one["text"] for one in findings):  # a machine can be too busy to answer in time
            break
    assert [(one["status"], one["text"]) for one in findings] == expected


def signatures() -> dict[str, str]:
    """Returns Grip-Sigs that no server may take from a local edge."""
    now = int(time.time())
    good = {"exp": now + 60, "iss": "viceroy"}
    return {
        "none": "",
        "text": "x",
        "of another key": sign_token(good, b"a key that is another one, and long enough").decode(),
        "of Fastly": forged_grip_sig(now).decode(),
        "expired": sign_token(good | {"exp": now - 60}, DEV_KEY.encode()).decode(),
        "of another issuer": sign_token(good | {"iss": "other"}, DEV_KEY.encode()).decode(),
        "without a time": sign_token({"iss": "viceroy"}, DEV_KEY.encode()).decode(),
        "unsigned": jwt.encode(good, None, "none"),
    }


def directly(url: str, path: str, signature: str, **options: Any) -> httpx.Response:
    """Returns the answer of a server that is asked without an edge."""
    headers = {"Grip-Sig": signature} if signature else {}
    headers |= options.pop("headers", {})
    return httpx.request(options.pop("method", "GET"), url + path, headers=headers, trust_env=False, **options)


@pytest.mark.parametrize("kind", signatures())
def test_a_forged_signature_holds_nothing(behind: Behind, kind: str) -> None:
    signature = signatures()[kind]
    opened = {"content": b"OPEN\r\n", "headers": {"Content-Type": "application/websocket-events", "Connection-Id": "1"}}
    assert directly(behind.url, "/whoami", signature).json() == {
        "signed": False,
        "has_signature": bool(signature),
        "issuer": None,
    }
    for path, options in {"/events": {}, "/poll": {}, "/socket": {"method": "POST"} | opened}.items():
        answer = directly(behind.url, path, signature, **options)
        assert answer.status_code == 403, path
        assert not [name for name in answer.headers if name.startswith("grip-")]
    good = grip_sig(int(time.time())).decode()
    assert directly(behind.url, "/whoami", good).json()["signed"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_its_page_has_the_commands_that_start_it(framework: str) -> None:
    page = (EXAMPLES[framework] / "README.md").read_text()
    for command in COMMANDS[framework]:
        assert f"\n{command.format(port=8000).replace('python', '.venv/bin/python').replace('node', 'PORT=8000 node')}\n" in page


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_server_takes_fastlys_signature(framework: str, tmp_path: Path) -> None:
    """With the form of GRIP_URL for Fastly. The key is one of ours in place of Fastly's."""
    url = FASTLY.format(base64.b64encode(public(EC)).decode())
    claims = {"exp": int(time.time()) + 60, "iss": "fastly:SU1Z"}
    refused = [
        jwt.encode(claims, private(OTHER_EC), "ES256"),
        jwt.encode(claims | {"iss": "fastly:other"}, private(EC), "ES256"),
        # The public key is no secret to sign with.
        sign_token(claims, public(EC)).decode(),
    ]
    with server(copied_example(framework, tmp_path / "example"), free_port(), url) as started:
        accepted = directly(started, "/whoami", jwt.encode(claims, private(EC), "ES256")).json()
        assert accepted == {"signed": True, "has_signature": True, "issuer": "fastly:SU1Z"}
        assert not any(directly(started, "/whoami", signature).json()["signed"] for signature in refused)


@pytest.mark.parametrize("missing", ["verify-iss", "verify-key", "all"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_server_does_not_start_without_what_it_verifies_with(framework: str, missing: str, tmp_path: Path) -> None:
    url = re.sub(rf"{missing}=[^&]*&?", "", LOCAL.format("http://127.0.0.1:1", DEV_KEY, DEV_KEY)) if missing != "all" else ""
    example = copied_example(framework, tmp_path / "example")
    before, start = example.commands(free_port())
    done = example.run([*before, start][0], url)
    assert done.returncode != 0
    assert "GRIP_URL needs verify-key and verify-iss" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
