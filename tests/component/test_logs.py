"""Components with `logs`: what is written to the log endpoint, in which host calls, and that a failure of it fails no request."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fanroute.bundle import toolchain
from fanroute.host.exchange import Exchange, HostError, Response
from fanroute.pipeline import compile_routes
from fanroute.project.workspace import Workspace
from fanroute_runtime.plan.logs import FIELDS
from tests.component.test_component import Host
from tests.conftest import GRIP_SIG, INPUTS
from tests.support.budget import Budget
from tests.support.builds import app_files, build_once
from tests.support.fuel import counted, sandbox

ROUTES = """\
version: 1
service: {name: logged}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
logs: LOGS
routes:
  - {name: events, match: {path: "/rooms/{room}"}, public: true, sse: {channel: "room-{room}"}}
  - {name: hello, match: {path: /hello}, respond: {status: 200, body: hello}}
  - {name: guarded, match: {path: /guarded}, auth: {keys: {algorithm: HS256, secret_store: a, name: b}}, handoff: origin}
  - {name: rest, forward: origin}
"""
NO_LOGS = ROUTES.replace("logs: LOGS\n", "")
# The requests of a sandbox, of which the last is counted, and how far counts may differ: Python's hashes do.
REQUESTS, SPREAD = 8, 0.03
# What a component calls for a line, besides what it calls without `logs`.
OPENED = ["log.endpoint.open"]
LINE = ["http-downstream.downstream-client-request-id", "wall-clock.now", "wall-clock.now", "log.endpoint.write"]


class Logged:
    """Represents a component whose lines are kept."""

    def __init__(self, folder: Path, routes: str) -> None:
        (folder / "routes.yaml").write_text(routes)
        self.workspace = Workspace(folder / "routes.yaml")
        build_once(self.workspace)
        self.host = Host(self.workspace)
        self.written: list[tuple[str, bytes]] = []

    def ask(self, path: str, *headers: tuple[str, bytes], **facts: Any) -> tuple[Exchange | None, list[dict[str, Any]]]:
        self.written.clear()
        log = lambda endpoint, message: self.written.append((endpoint, message))  # noqa: E731
        answer = self.host.ask(f"https://www.example.com{path}", headers, log=log, **facts)
        assert {endpoint for endpoint, _ in self.written} <= {"edge-logs"}
        return answer, [json.loads(message) for _, message in self.written]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    return Logged(tmp_path_factory.mktemp("logged"), ROUTES.replace("LOGS", "{endpoint: edge-logs}"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    return Logged(tmp_path_factory.mktemp("plain"), NO_LOGS)


def test_a_line_says_what_the_edge_answers(logged: Logged) -> None:
    ticks = count()
    answer, (line,) = logged.ask("/hello?q=1", request_id="id-1", clock=lambda: 1_767_225_600.25 + next(ticks) / 1000)
    assert answer is not None and answer.answer is not None and answer.answer.body == b"hello"
    assert list(line) == [name for name in FIELDS if name in line]
    assert line.pop("timestamp").startswith("2026-01-01T00:00:00.2")
    assert line.pop("fanroute.milliseconds") > 0
    assert line == {
        "fanroute.request.id": "id-1",
        "fanroute.pass": 1,
        "http.request.method": "GET",
        "url.path": "/hello",
        "http.route": "/hello",
        "fanroute.route": "hello",
        "fanroute.action": "respond",
        "http.response.status_code": 200,
        "http.response.body.size": 5,
        "fanroute.sandbox.requests": 1,
    }


def test_a_backends_answer_has_its_status(logged: Logged) -> None:
    _, (line,) = logged.ask("/other")
    assert (line["fanroute.backend"], line["http.response.status_code"]) == ("origin", 201)


def test_a_backend_that_fails_is_a_reason(logged: Logged) -> None:
    def fail(index: int, name: str) -> None:
        if name == "http-req.send":
            raise HostError("generic-error", detail="connection-refused")

    logged.host.fault = fail
    try:
        _, (line,) = logged.ask("/other")
    finally:
        logged.host.fault = lambda index, name: None
    assert (line["http.response.status_code"], line["fanroute.reason"]) == (502, "The backend 'origin' cannot be reached.")


def test_a_refusal_has_its_reason(logged: Logged) -> None:
    _, (line,) = logged.ask("/guarded")
    assert (line["fanroute.route"], line["http.response.status_code"]) == ("guarded", 401)
    assert line["fanroute.reason"] == "This request needs a token."
    _, (line,) = logged.ask("/a/%2e%2e/b")
    assert (line["fanroute.reason"], "fanroute.route" in line) == ("The path has a segment '.' or '..'.", False)


def test_both_passes_have_one_id(logged: Logged) -> None:
    """A handoff has neither a status nor a size. The second pass believes the id of the first, and no client."""
    first, (line,) = logged.ask("/rooms/blue", ("fanroute-id", b"forged"), request_id="first")
    assert first is not None and first.handoff == "self"
    assert line["fanroute.pass"] == 1 and not {"http.response.status_code", "http.response.body.size"} & set(line)
    assert [value for name, value in first.headers if name == "fanroute-id"] == [b"first"]
    headers = [*first.headers, ("grip-sig", GRIP_SIG.encode())]
    _, (line,) = logged.ask("/rooms/blue", *headers, request_id="second")
    assert (line["fanroute.request.id"], line["fanroute.pass"], line["http.response.status_code"]) == ("first", 2, 200)
    assert line["fanroute.channels"] == ["room-blue"]


@pytest.mark.parametrize("handed", [[b"a b"], [b""], [b"x" * 65], [b"\xff"], [b"a", b"b"], []])
def test_an_id_that_cannot_be_one_does_not_count(logged: Logged, handed: list[bytes]) -> None:
    first, _ = logged.ask("/rooms/blue", request_id="first")
    assert first is not None
    kept = [(name, value) for name, value in first.headers if name != "fanroute-id"]
    headers = [*kept, *(("fanroute-id", value) for value in handed), ("grip-sig", GRIP_SIG.encode())]
    _, (line,) = logged.ask("/rooms/blue", *headers, request_id="second")
    assert (line["fanroute.request.id"], line["fanroute.pass"]) == ("second", 2)


@pytest.mark.parametrize("path", ["/hello", "/rooms/blue", "/other", "/guarded"])
def test_a_line_costs_few_host_calls(logged: Logged, plain: Logged, path: str) -> None:
    """A line has its calls, and in a new sandbox one more opens the endpoint.

    A backend's answer is also asked for its status, and the first pass hands its id over.
    """
    logged.ask(path)
    with_logs = sorted(logged.host.calls)
    plain.host.ask(f"https://www.example.com{path}")
    # The native module has a table without `logs`: it does not read what the decision does not need.
    without = sorted(call for call in plain.host.calls)
    others = {"/other": ["http-resp.response.get-status"], "/rooms/blue": ["http-req.request.insert-header"]}
    more = list(with_logs)
    for call in without:
        more.remove(call)
    reading = {"http-req.request.get-header-values"}
    assert sorted(call for call in more if call not in reading) == sorted([*OPENED, *LINE, *others.get(path, [])])


@pytest.mark.parametrize(
    "name", ["log.endpoint.open", "http-downstream.downstream-client-request-id", "http-resp.response.get-status"]
)
@pytest.mark.parametrize("path", ["/hello", "/rooms/blue", "/other", "/guarded"])
def test_a_failure_of_the_log_fails_no_request(logged: Logged, name: str, path: str) -> None:
    expected, _ = logged.ask(path)

    def fail(index: int, called: str) -> None:
        if called == name:
            raise HostError("invalid-syntax" if name.endswith("open") else "generic-error")

    logged.host.fault = fail
    try:
        answer, lines = logged.ask(path)
    finally:
        logged.host.fault = lambda index, name: None
    assert answer is not None and expected is not None
    assert (answer.answer and answer.answer.body, answer.handoff) == (expected.answer and expected.answer.body, expected.handoff)
    assert len(lines) == (name != "log.endpoint.open")


def test_a_request_without_an_id_gets_one(logged: Logged) -> None:
    _, (line,) = logged.ask("/hello", request_id="not an id", clock=lambda: 255.5)
    assert line["fanroute.request.id"] == "ff.1dcd6500.0"


def test_a_share_is_logged_by_its_id(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Both passes of a request are, or neither. A request that is not logged costs no call that writes."""
    half = Logged(tmp_path_factory.mktemp("half"), ROUTES.replace("LOGS", "{endpoint: edge-logs, sample: 0.5, fields: url.path}"))
    numbers = [len(half.ask("/hello", request_id=f"id-{number}")[1]) for number in range(200)]
    assert 70 < sum(numbers) < 130
    assert numbers == [len(half.ask("/hello", request_id=f"id-{number}")[1]) for number in range(200)]
    for number in range(20):
        first, lines = half.ask("/rooms/blue", request_id=f"id-{number}")
        assert first is not None
        assert lines in ([], [{"url.path": "/rooms/blue"}])
        _, second = half.ask("/rooms/blue", *first.headers, ("grip-sig", GRIP_SIG.encode()), request_id="another")
        assert second == lines
    half.ask("/hello", request_id=f"id-{numbers.index(0)}")
    assert not [call for call in half.host.calls if call.startswith("log.")]
    assert half.host.calls.count("wall-clock.now") == 1


def costs(workspace: Workspace, path: str) -> tuple[int, int]:
    """Returns how many instructions and host calls the last of several requests in a sandbox takes."""
    component = counted(workspace.wasm.read_bytes())
    handle, fuel = sandbox(component)
    marks: list[tuple[int, int]] = []

    def following() -> Exchange | None:
        marks.append((fuel(), len(component.calls)))
        return asked() if len(marks) < REQUESTS else None

    def asked() -> Exchange:
        made = Exchange(f"https://www.example.com{path}", [("accept", b"*/*")], frozenset({"origin", "self"}), fetch=answer)
        made.request_next = lambda seconds: following
        return made

    def answer(backend: str, target: str, headers: list[tuple[str, bytes]]) -> Response:
        return Response(200, [("content-length", b"5")], b"hello")

    assert handle(asked())
    (before, calls_before), (after, calls) = marks[-2:]
    return before - after, calls - calls_before


@pytest.mark.budget
def test_the_costs_of_a_line(logged: Logged, plain: Logged, budget: Budget) -> None:
    """Counts what requests take in a reused sandbox with `logs` and without, where some are answered from the table."""
    instructions, calls = {}, {}
    for path in ("/hello", "/rooms/blue", "/other"):
        for name, workspace in (("logged", logged.workspace), ("not logged", plain.workspace)):
            instructions[f"{path}, {name}"], calls[f"{path}, {name}"] = costs(workspace, path)
    budget.check("host calls with logs", calls)
    budget.check("instructions with logs", instructions, SPREAD)


def test_only_components_that_log_have_the_interface(logged: Logged, plain: Logged) -> None:
    """Others are made from a WIT without it, and have no code for it."""
    name = "fastly:compute/log@0.1.0"
    assert name in logged.host.imports and name not in plain.host.imports
    without = app_files(compile_routes(NO_LOGS.encode(), INPUTS).plan)
    (text,) = toolchain.wit_for(without).values()
    assert "request-id" not in text and "endpoint" not in text
    assert not [file for file in without if "log" in file]
