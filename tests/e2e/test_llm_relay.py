"""The llm-streaming template behind both edges: a model is asked once, and any number of readers get its whole answer."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web

from fanroute.devserver.ports import free_ports
from tests.e2e.conftest import EDGES, Edge, running, serving, wait_until
from tests.e2e.origin import Origin
from tests.e2e.test_templates import BESIDE, made

pytestmark = pytest.mark.slow

# Where the template's routes.yaml says what takes the place of the model on this machine.
STAND_IN = re.compile("(?<=\n    local: ).*(?=\n\nroutes:)")
# What the template's fastly.toml has.
KEY, RELAY_SECRET = "only-for-development", "only for development: a secret of 32 bytes or more"
YEAR_2100 = 4_102_444_800
WORDS = ["Once ", "upon ", "a time, ", "…\n", "there was ", "“GRIP”."]
SILENCE = 60.0


class Model(Origin):
    """Stands for a model's API. The question says what it does; it answers with WORDS, and with an event for each."""

    def __init__(self) -> None:
        super().__init__()
        # The questions, and the value of each Authorization header.
        self.asked: list[tuple[str, str]] = []
        # An answer waits for it after its first word.
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        sent = await request.json()
        assert (request.method, request.path, sent["stream"]) == ("POST", "/v1/chat/completions", True)
        question = sent["messages"][-1]["content"]
        self.asked.append((question, request.headers["Authorization"]))
        if question == "too many":
            return web.json_response({"error": {"message": "Slow down."}}, status=429)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b": a comment\n\n" + chunk({"role": "assistant", "content": None}) + chunk({"content": WORDS[0]}))
        await asyncio.to_thread(self.may_go_on.wait)
        match question:
            case "silence":
                await asyncio.sleep(SILENCE)
            case "error":
                await answer.write(event({"error": {"message": "The model is gone."}}))
                return answer
            case "cut":
                request.transport.abort()  # type: ignore[union-attr]
                return answer
            case "nonsense":
                await answer.write(b"data: {no JSON\n\n")
                return answer
            case "early":
                return answer
        for word in WORDS[1:]:
            await answer.write(chunk({"content": word}))
            await asyncio.sleep(0.01)
        usage = event({"choices": [], "usage": {"total_tokens": 7}})
        await answer.write(chunk({}) + usage + b"data: [DONE]\n\n")
        return answer


def event(data: Any) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def chunk(delta: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": delta}]})


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with serving(Model()) as started:
        assert isinstance(started, Model)
        yield started


@pytest.fixture(scope="module", params=EDGES)
def relay_edge(request: pytest.FixtureRequest, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = made("llm-streaming", tmp_path_factory.mktemp("relay"))
    routes = folder / "routes.yaml"
    text, changed = STAND_IN.subn(model.url, routes.read_text())
    assert changed == 1
    routes.write_text(text)
    with running(request.param, folder, "--with", BESIDE, PORT=str(free_ports(0)[0])) as edge:
        wait_until(lambda: f"{BESIDE}: The server listens" in "".join(edge.output))
        yield edge


def asked(edge: Edge, question: str) -> str:
    """Asks a question. Returns the path of the answer."""
    answer = edge.client.post("/answers", json={"question": question})
    assert answer.status_code == 201
    return f"/answers/{answer.json()['name']}/tokens"


def read(edge: Edge, path: str, **headers: str) -> tuple[str, str]:
    """Follows an answer until its connection ends. Returns the text, and how it ended."""
    with edge.client.stream("GET", path, headers=headers, timeout=SILENCE * 2) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        body = "".join(answer.iter_text())
    messages = [json.loads(data) for data in re.findall("^data: (.*)$", body, re.MULTILINE)]
    ids = [int(number) for number in re.findall("^id: (.*)$", body, re.MULTILINE)]
    assert ids == [*range(ids[0], ids[0] + len(messages))]  # each once, and in order
    return "".join(message.get("text", "") for message in messages), messages[-1]["end"]


def test_many_readers_follow_and_the_model_is_asked_once(relay_edge: Edge, model: Model) -> None:
    before = len(model.asked)
    model.may_go_on.clear()
    with ThreadPoolExecutor(20) as pool:
        path = asked(relay_edge, "for many")
        readers = [pool.submit(read, relay_edge, path) for _ in range(20)]
        try:
            wait_until(lambda: "".join(relay_edge.output).count(path) >= 20 or relay_edge.name == "viceroy")
        finally:
            model.may_go_on.set()
        assert [reader.result() for reader in readers] == [("".join(WORDS), "done")] * 20
    assert read(relay_edge, path) == ("".join(WORDS), "done")  # who comes late
    rest, end = read(relay_edge, path, **{"Last-Event-ID": "1"})  # who comes back
    assert end == "done" and "".join(WORDS[1:]).endswith(rest)  # the first message has one word or more
    assert model.asked[before:] == [("for many", f"Bearer {KEY}")]


@pytest.mark.parametrize(
    ("question", "text", "end"),
    [
        ("too many", "", "The model cannot answer now."),
        ("error", WORDS[0], "The model cannot answer now."),
        ("cut", WORDS[0], "The model's answer was cut off."),
        ("nonsense", WORDS[0], "The model cannot answer now."),
        ("early", WORDS[0], "The model's answer was cut off."),
    ],
)
def test_a_model_that_fails_ends_the_answer(relay_edge: Edge, question: str, text: str, end: str) -> None:
    assert read(relay_edge, asked(relay_edge, question)) == (text, end)


def test_a_model_may_be_silent_for_a_minute(relay_edge: Edge) -> None:
    assert read(relay_edge, asked(relay_edge, "silence")) == ("".join(WORDS), "done")


def test_clients_cannot_ask_the_model(relay_edge: Edge, model: Model) -> None:
    """Tests clients without a token, with forged ones, with the model's key, and with an old token of the server."""
    before = len(model.asked)
    claims = {"sub": "relay", "exp": YEAR_2100}
    forged = [
        jwt.encode(claims, RELAY_SECRET[:-1]),
        jwt.encode(claims, "", algorithm="none"),
        KEY,
        jwt.encode({**claims, "exp": 1}, RELAY_SECRET),
        jwt.encode({"sub": "relay"}, RELAY_SECRET),
    ]
    for headers in [{}, *({"Authorization": f"Bearer {token}"} for token in forged)]:
        answer = relay_edge.client.post("/v1/chat/completions", json={"messages": []}, headers=headers)
        assert answer.status_code == 401
        assert KEY not in f"{answer.headers} {answer.text}"
    assert len(model.asked) == before


def test_wrong_questions_are_refused(relay_edge: Edge, model: Model) -> None:
    before = len(model.asked)

    def post(**options: Any) -> httpx.Response:
        return relay_edge.client.post("/answers", **options)

    assert post(json={"question": " "}).status_code == 400
    assert post(json=["question"]).status_code == 400
    assert post(content=b'{"question": "x"}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert post(content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert relay_edge.client.get(f"/answers/{'0' * 32}/tokens").status_code == 404
    assert len(model.asked) == before
