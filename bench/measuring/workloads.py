"""Defines the workloads: kinds of requests, and the answers that are correct. Each answer is checked before it is timed.

Has no command; the rest of bench.measuring and bench.profiling import it.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from time import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from bench.contestants import APPS
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.signing import LIFETIME, grip_sig
from fanroute.plan.trace import through_fanout
from fanroute.spec.inputs import Inputs
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.messages import Headers

HOST = "bench.edgecompute.app"
EVENTS = "application/websocket-events"
# The routes.yaml of Fanroute's contestants.
ROUTES = APPS / "fanroute" / "routes.yaml"
# A header by which the stand-in for Fanout marks its answers.
HANDED_OFF = "x-handed-off"


class UnexpectedAnswer(Exception):
    """Raised if a contestant's answer is not the one that a workload expects."""


@dataclass(frozen=True)
class Workload:
    """Represents a kind of request and its correct answer.

    Attributes:
        title: its name in reports.
        paths: the paths that are requested in turn.
        status: the answer's status.
        answer_headers: headers that the answer must have, among others.
        body_part: bytes that the answer's body must contain.
    """

    title: str
    paths: tuple[str, ...]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 200
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    body_part: bytes = b""


def workloads(key: EllipticCurvePrivateKey) -> dict[str, Workload]:
    """Returns all workloads by name. Their Grip-Sigs are valid for an hour from now; `key` signs those with ES256."""
    now = int(time())
    signed = {"Host": HOST, "Grip-Sig": grip_sig(now).decode()}
    stream, sse, socket = (signed | pin for pin in _pins())
    es256 = {"Host": HOST, "Grip-Sig": jwt.encode({"iss": "proxy", "exp": now + LIFETIME}, key, "ES256")}
    hold = {"grip-hold": "stream", "grip-channel": "test"}
    found = {
        "stream": Workload("GRIP answer, stream", ("/test/stream",), headers=stream, answer_headers=hold),
        "stream-es256": Workload("GRIP answer, Grip-Sig by ES256", ("/test/stream",), headers=es256, answer_headers=hold),
        "sse": Workload(
            "GRIP answer, SSE",
            ("/test/sse",),
            headers=sse,
            answer_headers=hold | {"content-type": "text/event-stream"},
        ),
        "open": _websocket_event("WebSocket OPEN", socket, b"OPEN\r\n", b"subscribe"),
    }
    for size, title in ((100, "100 B"), (8 << 10, "8 KB"), (64 << 10, "64 KB")):
        text = (b"Edge, " * size)[:size]
        event = b"TEXT %x\r\n%s\r\n" % (size, text)
        found[f"echo-{size}"] = _websocket_event(f"WebSocket echo, {title}", socket, event, text)
    found["handoff"] = Workload("handoff to Fanout", ("/room/1",), headers={"Host": HOST}, answer_headers={HANDED_OFF: "yes"})
    found["respond"] = Workload("fixed answer", ("/hello",), headers={"Host": HOST}, body_part=b"hello\n")
    found["404"] = Workload("404", ("/test/none",), headers=signed, status=404, body_part=b"No such test endpoint\n")
    return found


@cache
def _pins() -> list[dict[str, str]]:
    """Returns the pins of Fanroute's first pass for a stream, for SSE and for a WebSocket. The kits ignore the header."""
    plan = compile_routes(ROUTES.read_bytes(), Inputs()).plan
    upgrade: Headers = (("upgrade", b"websocket"),)
    requests = [RequestData("GET", f"https://{HOST}/test/{name}", upgrade) for name in ("stream", "sse", "websocket")]
    return [{"Fanroute-Pin": through_fanout(plan, request).values(PIN)[0].decode()} for request in requests]


def _websocket_event(title: str, headers: Mapping[str, str], event: bytes, body_part: bytes) -> Workload:
    """Returns a request with a WebSocket event, as Fanout sends it in the WebSocket-over-HTTP protocol."""
    complete = {**headers, "Content-Type": EVENTS, "Connection-Id": "1"}
    return Workload(
        title, ("/test/websocket",), "POST", complete, event, answer_headers={"content-type": EVENTS}, body_part=body_part
    )


def check_answers(workload: Workload, port: int) -> None:
    """Requests each path once. Raises UnexpectedAnswer."""
    for path in workload.paths:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(workload.method, path, workload.body or None, dict(workload.headers))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnexpectedAnswer(f"{path}: {error!r}") from error
        finally:
            connection.close()
        headers = {name: answer.headers.get(name, "") for name in workload.answer_headers}
        if answer.status != workload.status or headers != dict(workload.answer_headers) or workload.body_part not in body:
            raise UnexpectedAnswer(f"{path}: {answer.status}, {headers}, {body[:200]!r}")
