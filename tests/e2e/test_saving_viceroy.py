"""A save is served by another Viceroy, once its component is built. Held connections stay. The tests follow each other."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.e2e.conftest import Edge, named_processes, open_websocket, running, wait_until
from tests.e2e.test_saving import BUILD_TIMEOUT, SECRETS, TAKEN_OVER, TIME, answers, printed, save, saying, written

pytestmark = pytest.mark.viceroy

HOLDING = """\
  - match: {path: /sse}
    public: true
    sse: {channel: saved}
  - match: {path: /socket}
    public: true
    websocket: {channel: saved, echo: true}
"""
BUILDING = rf"{TIME}saved: served when the component is built and Viceroy has compiled it, in about 20 s$"
OTHER = "  - match: {path: /other}\n    handoff: other\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("saving"), saying("first", HOLDING))


@pytest.fixture(scope="module")
def saving_edge(folder: Path) -> Iterator[Edge]:
    with running("viceroy", folder, "--watch") as edge:
        assert edge.client.get("/text").text == "first"
        yield edge


def taken_over(edge: Edge, before: int) -> None:
    """Waits until the component of one more save serves."""
    deadline = monotonic() + BUILD_TIMEOUT
    while len(printed(edge, TAKEN_OVER)) == before:
        assert monotonic() < deadline, edge.recent_log()
        sleep(0.2)


def test_a_wrong_save_is_told_and_not_served(saving_edge: Edge) -> None:
    save(saving_edge, saying("wrong", HOLDING).replace("respond:", "answer:"))
    wait_until(lambda: printed(saving_edge, r"^routes\.yaml:\d+:\d+: error\[FR\d+\]"))
    wait_until(lambda: printed(saving_edge, rf"{TIME}saved with \d errors?: what was served before is still served$"))
    assert answers(saving_edge, "/text", 200, "first")
    save(saving_edge, saying("first", HOLDING))
    wait_until(lambda: printed(saving_edge, rf"{TIME}saved without errors: this is what is served$"))


def test_held_connections_survive_a_save(saving_edge: Edge) -> None:
    """They get what is published after it, from the process that has held them. It ends with the last of them."""
    client = saving_edge.client
    with client.stream("GET", "/sse") as events, open_websocket(saving_edge, "/socket") as socket:
        first = named_processes(saving_edge, "viceroy")
        assert len(first) == 1
        save(saving_edge, saying("second", HOLDING))
        wait_until(lambda: printed(saving_edge, BUILDING))
        assert answers(saving_edge, "/text", 200, "first")
        taken_over(saving_edge, 0)
        assert answers(saving_edge, "/text", 200, "second")
        wait_until(lambda: printed(saving_edge, r" 200 GET /sse → route-3 \(sse, self\), pass 1, [\d.]+ ms$"))
        wait_until(lambda: printed(saving_edge, r" 200 GET http://\S+/sse → route-3, pass 2, [\d.]+ ms$"))
        saving_edge.publish("saved", http_stream={"content": "data: still here\n\n"}, ws_message={"content": "still here"})
        lines = events.iter_lines()
        assert next(line for line in lines if line.startswith("data")) == "data: still here"
        assert socket.recv(timeout=10) == "still here"
        socket.send("to the new component")
        assert socket.recv(timeout=10) == "to the new component"
        assert len(named_processes(saving_edge, "viceroy")) == 2
    wait_until(lambda: len(named_processes(saving_edge, "viceroy")) == 1)
    assert named_processes(saving_edge, "viceroy") != first


def test_backends_and_stores_follow(saving_edge: Edge, origin: object) -> None:
    """A new backend is known to Pushpin too. The stores need no build, but another Viceroy."""
    before = len(printed(saving_edge, TAKEN_OVER))
    backend = '  self: {loopback: true}\n  other: {url: "https://other.example.com"}\n'
    save(saving_edge, saying("third", HOLDING, OTHER).replace("  self: {loopback: true}\n", backend))
    taken_over(saving_edge, before)
    assert answers(saving_edge, "/text", 200, "third")
    assert "embedded origin" in saving_edge.client.get("/other").text
    wait_until(lambda: printed(saving_edge, r" 200 GET /other → route-5 \(handoff, other\), pass 1, [\d.]+ ms$"))
    (saving_edge.folder / "login.key").write_text(SECRETS[1])
    taken_over(saving_edge, before + 1)
    wait_until(lambda: len(named_processes(saving_edge, "viceroy")) == 1)


def test_an_undone_save_ends_its_build(saving_edge: Edge) -> None:
    before, served = len(printed(saving_edge, TAKEN_OVER)), (saving_edge.folder / "routes.yaml").read_text()
    save(saving_edge, served.replace("third", "fourth"))
    wait_until(lambda: len(printed(saving_edge, BUILDING)) >= 3)
    save(saving_edge, served)
    sleep(1)
    wait_until(lambda: not named_processes(saving_edge, "python"))
    assert answers(saving_edge, "/text", 200, "third")
    assert len(printed(saving_edge, TAKEN_OVER)) == before
