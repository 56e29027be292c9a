"""Tests several requests in one sandbox: its limits, its resources, and failures."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from wasmtime.component import LinkerInstance, ResourceType

from fanroute.host.component import INFALLIBLE
from fanroute.host.exchange import Exchange, HostError
from fanroute.project.workspace import Workspace
from tests.component.test_component import HANDED_OFF, REQUESTS, STATUS, Host, outcome
from tests.support.builds import build_once

NEXT, AWAIT = "http-downstream.next-request", "http-downstream.await-request"
LIMITS = "sandbox: {max_requests: 4, max_lifetime: 10s, max_memory: 50MiB, next_request_timeout: 3s}\n"


def host_of(folder: Path, sandbox: str = "") -> Host:
    """Builds the component of routes.yaml in this folder, with this `sandbox`."""
    routes = (Path(__file__).parent / "routes.yaml").read_text().replace("routes:\n", f"{sandbox}routes:\n", 1)
    workspace = Workspace(folder / "routes.yaml")
    workspace.routes.write_text(routes)
    build_once(workspace)
    return Host(workspace)


@pytest.fixture(scope="session")
def limited_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return host_of(tmp_path_factory.mktemp("limited"), LIMITS)


@pytest.fixture
def host(limited_host: Host) -> Host:
    limited_host.fault = lambda index, name: None
    return limited_host


class Line:
    """Represents the requests that a host has for one sandbox, and their results."""

    def __init__(self, host: Host, exchanges: Sequence[Exchange]) -> None:
        self.waits: list[float] = []
        self.taken: list[Exchange] = []
        self._host = host
        self._rest = iter(exchanges)
        for exchange in exchanges:
            exchange.request_next = self._request_next

    def _request_next(self, seconds: float) -> Callable[[], Exchange | None]:
        self.waits.append(seconds)
        return self._take

    def _take(self) -> Exchange | None:
        exchange = next(self._rest, None)
        self.taken += [exchange] if exchange else []
        return exchange

    def run(self) -> bool:
        """Returns True if `handle` returned. Raises if it trapped."""
        self._host.calls.clear()
        first = self._take()
        assert first is not None
        return self._host.component.handle(first)

    def outcomes(self) -> list[str | int | None]:
        return [outcome(exchange) for exchange in self.taken]


def line(host: Host, *kinds: str, **facts: Any) -> Line:
    return Line(host, [host.exchange(*REQUESTS[kind], **facts) for kind in kinds])


def test_all_kinds_in_one_sandbox(tmp_path: Path) -> None:
    """Each request gets the same answer as in a sandbox of its own, and nothing of another request."""
    host = host_of(tmp_path, "sandbox: {max_backend_requests: 1000}\n")
    kinds = [kind for first in REQUESTS for kind in (first, *REQUESTS)]
    alone = {kind: host.ask(*REQUESTS[kind]) for kind in REQUESTS}
    together = line(host, *kinds)
    assert together.run()
    assert len(together.taken) == len(kinds) > 300
    for kind, exchange in zip(kinds, together.taken, strict=True):
        own = alone[kind]
        assert own is not None
        assert outcome(exchange) == (HANDED_OFF | STATUS)[kind]
        assert (exchange.uri, exchange.headers, exchange.answer) == (own.uri, own.headers, own.answer)


def test_what_a_request_had_is_dropped(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """All handles are dropped before the sandbox ends, including those that the host has taken back."""
    dropped: Counter[str] = Counter()
    add_resource = LinkerInstance.add_resource

    def counting(linker: LinkerInstance, name: str, kind: ResourceType, end: Any) -> None:
        add_resource(linker, name, kind, lambda store, rep: dropped.update([name]))

    monkeypatch.setattr(LinkerInstance, "add_resource", counting)
    monkeypatch.setattr(host.component, "_linker", host.component._link())
    assert line(host, "stream", "websocket", "respond", "handoff to self").run()
    # The pollables are the bodies of the four requests and of three answers, and those that wait for the next request.
    assert dropped == {"request": 4, "response": 3, "pollable": 4 + 3 + 3, "backend": 1, "store": 1}


def test_a_sandbox_takes_so_many_requests(host: Host) -> None:
    together = line(host, *["respond"] * 6)
    assert together.run()
    assert together.outcomes() == [404] * 4
    assert together.waits == [3.0] * 3


def test_the_next_is_asked_for_before_an_answer_leaves(host: Host) -> None:
    leaving = (
        "http-resp.send-downstream",
        "http-req.request.redirect-to-grip-proxy",
        "http-req.request.redirect-to-websocket-proxy",
    )
    for kind in REQUESTS:
        line(host, kind).run()
        left = next(call for call in leaving if call in host.calls)
        assert host.calls.index(NEXT) == host.calls.index(left) - 1
        assert host.calls[-1] == AWAIT
        if "http-req.send" in host.calls:  # while a backend is asked, others have the requests
            assert host.calls.index("http-req.send") < host.calls.index(NEXT)


@pytest.mark.parametrize(("step", "requests"), [(3.0, 4), (5.0, 3), (10.0, 2), (-3.0, 4)])
def test_a_sandbox_lives_so_long(host: Host, step: float, requests: int) -> None:
    """It serves all requests that begin within ten seconds, and one more. A clock that is set back ends nothing."""
    times = iter(range(10))
    together = line(host, *["respond"] * 6, clock=lambda: 1_700_000_000 + step * next(times))
    assert together.run()
    assert together.outcomes() == [404] * requests


@pytest.mark.parametrize(("memory", "requests"), [(50, 4), (51, 1)])
def test_a_sandbox_uses_so_much_memory(host: Host, memory: int, requests: int) -> None:
    together = line(host, *["respond"] * 6, heap=lambda: memory)
    assert together.run()
    assert together.outcomes() == [404] * requests


def test_a_sandbox_for_each_request(tmp_path: Path) -> None:
    host = host_of(tmp_path, "sandbox: {max_requests: 1}\n")
    together = line(host, "respond", "respond")
    assert together.run()
    assert together.outcomes() == [404]
    assert not {NEXT, AWAIT, "compute-runtime.get-heap-mib"} & set(host.calls)


@pytest.mark.parametrize("call", [NEXT, AWAIT])
@pytest.mark.parametrize("error", ["unsupported", "limit-exceeded", "generic-error", "cannot-read"])
def test_a_host_without_a_next_request(host: Host, call: str, error: str) -> None:
    """The host does not know the call, or has no more requests for this sandbox."""

    def fault(index: int, name: str) -> None:
        if name == call:
            raise HostError(error)

    host.fault = fault
    together = line(host, "respond", "respond")
    assert together.run()
    assert together.outcomes() == [404]
    assert host.calls.count(call) == 1


@pytest.mark.parametrize("kind", REQUESTS)
def test_each_call_of_a_second_request_may_fail(host: Host, kind: str) -> None:
    """The edge answers the request or fails. If the host still has the next request, it is answered as usual."""
    line(host, kind).run()
    calls = list(host.calls)
    for failing in range(len(calls)):
        together = line(host, "respond", kind, "stream")
        begin: list[int] = []

        def fault(index: int, name: str, failing: int = failing, begin: list[int] = begin, together: Line = together) -> None:
            if len(together.taken) == 2 and not begin:
                begin.append(index)
            if begin and index == begin[0] + failing and name not in INFALLIBLE:
                raise HostError("not-found" if name.endswith(".open") else "generic-error")

        host.fault = fault
        ended = together.run()
        first, second, *rest = together.outcomes()
        assert first == 404
        assert second in (None, 400, 500, 502, (HANDED_OFF | STATUS)[kind])
        # A request without an answer makes `handle` fail: the host answers it, and gives the next request to another sandbox.
        assert ended == (second is not None)
        assert rest in ([200], [])


def test_a_client_that_has_gone_ends_nothing(host: Host) -> None:
    """The host takes the answer and reports that it could not send it. The next request is served."""
    together = line(host, "respond", "respond", "stream")

    def fault(index: int, name: str) -> None:
        if name == "http-resp.send-downstream" and len(together.taken) == 2:
            together.taken[-1].send_downstream()
            raise HostError("generic-error")

    host.fault = fault
    assert together.run()
    assert together.outcomes() == [404, 404, 200]


def test_bodies_left_unread_are_each_their_own(host: Host) -> None:
    uri, headers, _ = REQUESTS["websocket"]
    bodies = [b"OPEN\r\n", b"TEXT 1\r\na\r\n", b"TEXT 99999999\r\nb"]
    together = Line(host, [host.exchange(*REQUESTS["forward"]), *(host.exchange(uri, headers, body) for body in bodies)])
    assert together.run()
    assert [exchange.answer and exchange.answer.status for exchange in together.taken] == [201, 200, 200, 400]
    assert together.taken[1].answer is not None and b"subscribe" in together.taken[1].answer.body
    assert together.taken[2].answer is not None and b"subscribe" not in together.taken[2].answer.body


def test_a_request_that_cannot_be_read_ends_no_sandbox(host: Host) -> None:
    """The time of the first request is known even if the native `handle` cannot read the rest of it."""
    uris = ["http://www.example.com/" + "p" * 16_400, *["http://a.edgecompute.app/test/other"] * 3]
    together = Line(host, [host.exchange(uri) for uri in uris])
    assert together.run()
    assert together.outcomes() == [414, 404, 404, 404]
