"""Serves requests as `compute.edge` does, and writes a line about each to a log endpoint of Fastly.

A line is written when the answer is on its way. If the native `handle` carries a decision out, it is written before. Nothing that
fails here fails a request.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any

from componentize_py_types import Err
from wit_world.imports import http_downstream, http_req, http_resp, log, wall_clock
from wit_world.imports.async_io import Pollable

from fanroute_runtime import blocks
from fanroute_runtime.compute.edge import Publisher, Server, classes_of
from fanroute_runtime.compute.request import header_values
from fanroute_runtime.compute.resources import use_finalizers
from fanroute_runtime.decide import Decider
from fanroute_runtime.log_lines import MAX_ID, LoggedDecider, Time, is_id
from fanroute_runtime.messages import Answer, Sample
from fanroute_runtime.plan import SandboxLimits
from fanroute_runtime.plan.logs import Logs
from fanroute_runtime.snapshot.heap import settle_heap_last
from fanroute_runtime.snapshot.warm import warm_up

# The bytes after a block: the handle of the request, which the native module adds for this Server.
_HANDLE = 4


def logging_classes(
    decider: Decider, limits: SandboxLimits, samples: Iterable[Sample], logs: Logs, publisher: Publisher | None = None
) -> tuple[type, type]:
    """Returns the classes that the component exports, as `edge.exported_classes` does. They also write lines, as `logs` says."""
    use_finalizers()
    server = LoggingServer(decider, limits, publisher, logs=logs)
    warmed: Any = _WithHandles(server)
    warm_up(warmed, samples)
    settle_heap_last()
    return classes_of(server)


class LoggingServer(Server):
    """Serves the requests of a sandbox, and writes a line about each."""

    def __init__(self, decider: Decider, limits: SandboxLimits, publisher: Publisher | None = None, *, logs: Logs) -> None:
        self._lines = LoggedDecider(decider, logs)
        self._lines.note_response = self._note_response
        super().__init__(self._lines, limits, publisher)
        self._name = logs.endpoint
        self._endpoint: log.Endpoint | None = None

    def decide(self, block: bytes) -> bytes:
        """Decides about a request. Takes a block with the handle of the request after it, and returns one."""
        block, handle = block[:-_HANDLE], int.from_bytes(block[-_HANDLE:], "little")
        self._begin(_borrowed_request(handle), blocks.REQUEST.unpack_from(block)[3])
        returned = super().decide(block)
        if returned is not blocks.BY_PYTHON_BLOCK:
            if isinstance(self.decision, Answer):
                self._lines.note_answer(self.decision)
            self._write()
        return returned

    def serve(
        self, request: http_req.Request, body: Pollable, progress: int, served: int, began: int
    ) -> tuple[bool, Pollable | None]:
        """Serves a request, of which `decide` and the native `handle` may have done a part (`Server.serve`)."""
        if progress != blocks.DECIDED:
            self._begin(request, served)
        returned = super().serve(request, body, progress, served, began)
        self._write()
        return returned

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox."""
        super().forget()
        self._endpoint = None

    def _send(self, request_next: Callable[[], None], answer: Answer) -> None:
        self._lines.note_answer(answer)
        super()._send(request_next, answer)

    def _note_response(self, response: http_resp.Response, names: Collection[str]) -> None:
        """Notes the status of a backend's response, and the size of its content if the response tells it."""
        with suppress(Exception):
            size = None
            if "content-length" in names and self._lines.needs("http.response.body.size"):
                size = int(header_values(response, "content-length")[0])
            self._lines.note_status(response.get_status(), size)

    def _begin(self, request: http_req.Request, served: int) -> None:
        began = _now() if self._lines.needs("fanroute.milliseconds") else None
        self._lines.begin(_request_id(request, served), began, served)

    def _write(self) -> None:
        """Writes the line about the request, if there is to be one and it was not written before."""
        with suppress(Exception):
            if not self._lines.is_sampled:
                return
            now = _now() if self._lines.needs("timestamp", "fanroute.milliseconds") else None
            line = self._lines.line(now).encode()
            if self._endpoint is None:
                self._endpoint = log.Endpoint.open(self._name)
            self._endpoint.write(line)


class _WithHandles:
    """Stands in for a Server while the snapshot is warmed up: the blocks of the samples have no handle after them."""

    def __init__(self, server: LoggingServer) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def decide(self, block: bytes) -> bytes:
        return self._server.decide(block + bytes(_HANDLE))


def _borrowed_request(handle: int) -> http_req.Request:
    """Returns the request with a handle that the native `handle` owns, and drops."""
    request: http_req.Request = object.__new__(http_req.Request)
    request.handle = handle  # type: ignore[attr-defined]
    return request


def _request_id(request: http_req.Request, served: int) -> str:
    """Returns the host's id of a request. If the host has none, the id is made of the time and a counter."""
    with suppress(Err):
        request_id = http_downstream.downstream_client_request_id(request, MAX_ID)
        if is_id(request_id):
            return request_id
    now = wall_clock.now()
    return f"{now.seconds:x}.{now.nanoseconds:x}.{served:x}"


def _now() -> Time:
    now = wall_clock.now()
    return Time(now.seconds, now.nanoseconds)
