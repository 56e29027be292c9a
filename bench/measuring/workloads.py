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
from fanroute_runtime.grip.signature import FASTLY_ISSUER
from fanroute_runtime.grip.signature import HEADER as GRIP_SIG
from fanroute_runtime.http.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.local import LOCAL_SERVICE

HOST = "bench.edgecompute.app"
# The headers of a browser's request, without its Host. The budget counts requests with them, too.
BROWSER = {
    "accept": "text/event-stream",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-US,en;q=0.9",
    "cache-control": "no-cache",
    "cookie": "session=0123456789abcdef",
    "priority": "u=1, i",
    "referer": "https://www.example.com/",
    "sec-ch-ua": '"Chromium";v="142"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-origin",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
}
# A header whose name Fanroute's native module does not know, so that Python decides about the request.
UNUSUAL = {"x-app-version": "7"}
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
    """Returns all workloads by name. Their Grip-Sigs are valid for an hour from now; `key` signs those with ES256.

    All requests have a browser's headers. Most Grip-Sigs are those of Fastly's Fanout, as in production: Fanroute's contestants
    trust `key` in place of Fastly's. The kits trust any.
    """
    now = int(time())
    stream, sse, socket = (
        headers | {GRIP_SIG: _by_es256(FASTLY_ISSUER.format(LOCAL_SERVICE), now, key)} for headers in _fanouts()
    )
    local = stream | {GRIP_SIG: grip_sig(now).decode()}
    by_proxy = stream | {GRIP_SIG: _by_es256("proxy", now, key)}
    browsers = {"Host": HOST, **BROWSER}
    hold = {"grip-hold": "stream", "grip-channel": "test"}
    handed_off = {HANDED_OFF: "yes"}
    found = {
        "stream": Workload("GRIP answer, stream", ("/test/stream",), headers=stream, answer_headers=hold),
        "stream-python": Workload(
            "GRIP answer, with an unusual header", ("/test/stream",), headers=stream | UNUSUAL, answer_headers=hold
        ),
        "stream-hs256": Workload("GRIP answer, Grip-Sig by HS256", ("/test/stream",), headers=local, answer_headers=hold),
        "stream-keys": Workload("GRIP answer, Grip-Sig of a proxy", ("/test/stream",), headers=by_proxy, answer_headers=hold),
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
    found["handoff"] = Workload("handoff to the origin", ("/room/1",), headers=browsers, answer_headers=handed_off)
    found["handoff-self"] = Workload("handoff to `self`", ("/test/stream",), headers=browsers, answer_headers=handed_off)
    found["respond"] = Workload("fixed answer", ("/hello",), headers=browsers, body_part=b"hello\n")
    return found


def _by_es256(issuer: str, now: int, key: EllipticCurvePrivateKey) -> str:
    """Returns a Grip-Sig as Pushpin writes it, signed with ES256."""
    return jwt.encode({"exp": now + LIFETIME, "iss": issuer}, key, "ES256", sort_headers=False)


@cache
def _fanouts() -> list[dict[str, str]]:
    """Returns the headers that Fanout sends for a browser's request of a stream, of SSE and of a WebSocket, without a Grip-Sig.

    Among them is the pin of Fanroute's first pass. The kits ignore it.
    """
    plan = compile_routes(ROUTES.read_bytes(), Inputs()).plan
    browsers = tuple((name, value.encode()) for name, value in BROWSER.items())
    upgrade = (*browsers, ("upgrade", b"websocket"))
    found = []
    for name, headers in (("stream", browsers), ("sse", browsers), ("websocket", upgrade)):
        asked = through_fanout(plan, RequestData("GET", f"https://{HOST}/test/{name}", headers))
        found.append({"Host": HOST, **{name: value.decode() for name, value in asked.headers if name != GRIP_SIG}})
    return found


def _websocket_event(title: str, headers: Mapping[str, str], event: bytes, body_part: bytes) -> Workload:
    """Returns a request with a WebSocket event, as Fanout sends it in the WebSocket-over-HTTP protocol."""
    complete = {**headers, "connection-id": "1"}
    answer_headers = {"content-type": WEBSOCKET_EVENTS}
    return Workload(title, ("/test/websocket",), "POST", complete, event, answer_headers=answer_headers, body_part=body_part)


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
