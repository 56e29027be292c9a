"""What the contestants are asked, and the answers that are right: each is checked before it is timed."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from fanroute.pipeline import compile_routes
from fanroute.plan.signing import LIFETIME, grip_sig
from fanroute.plan.trace import Asked, through_fanout
from fanroute.spec.inputs import Inputs
from fanroute_runtime.exchange import Headers
from fanroute_runtime.headers import PIN

HOST = "bench.edgecompute.app"
EVENTS = "application/websocket-events"
# What Fanroute's contestants serve.
ROUTES = Path(__file__).parents[1] / "apps" / "fanroute" / "routes.yaml"
# What the stand-in for Fanout answers to a request that was handed off.
HANDED_OFF = "x-handed-off"


class WrongAnswer(Exception):
    """A contestant does not do what is to be timed."""


@dataclass(frozen=True)
class Work:
    """A kind of request, to one of `paths` in turn, and what its answer has: a status, headers, and a part of the body."""

    title: str
    paths: tuple[str, ...]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 200
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer_part: bytes = b""


def works(key: EllipticCurvePrivateKey) -> dict[str, Work]:
    """All kinds, by name; their Grip-Sigs are good for an hour. `key` signs those by ES256."""
    now = int(time())
    signed = {"Host": HOST, "Grip-Sig": grip_sig(now).decode()}
    stream, sse, socket = (signed | pin for pin in _pins())
    by_es256 = {"Host": HOST, "Grip-Sig": jwt.encode({"iss": "proxy", "exp": now + LIFETIME}, key, "ES256")}
    hold = {"grip-hold": "stream", "grip-channel": "test"}
    found = {
        "stream": Work("GRIP answer, stream", ("/test/stream",), headers=stream, answer_headers=hold),
        "stream-es256": Work("GRIP answer, Grip-Sig by ES256", ("/test/stream",), headers=by_es256, answer_headers=hold),
        "sse": Work(
            "GRIP answer, SSE",
            ("/test/sse",),
            headers=sse,
            answer_headers=hold | {"content-type": "text/event-stream"},
        ),
        "open": _event("WebSocket OPEN", socket, b"OPEN\r\n", b"subscribe"),
    }
    for size, title in ((100, "100 B"), (8 << 10, "8 KB"), (64 << 10, "64 KB")):
        text = (b"Edge, " * size)[:size]
        found[f"echo-{size}"] = _event(f"WebSocket echo, {title}", socket, b"TEXT %x\r\n%s\r\n" % (size, text), text)
    found["handoff"] = Work("handoff to Fanout", ("/room/1",), headers={"Host": HOST}, answer_headers={HANDED_OFF: "yes"})
    found["respond"] = Work("plain answer", ("/hello",), headers={"Host": HOST}, answer_part=b"hello\n")
    found["404"] = Work("404", ("/test/none",), headers=signed, status=404, answer_part=b"No such test endpoint\n")
    return found


@cache
def _pins() -> list[dict[str, str]]:
    """The pins that Fanroute's first pass gives to requests for a stream, an SSE stream and a WebSocket. Others ignore them."""
    plan = compile_routes(ROUTES.read_bytes(), Inputs()).plan
    upgrade: Headers = (("upgrade", b"websocket"),)
    asked = [Asked("GET", f"https://{HOST}/test/{name}", upgrade) for name in ("stream", "sse", "websocket")]
    return [{"Fanroute-Pin": through_fanout(plan, one).values(PIN)[0].decode()} for one in asked]


def _event(title: str, headers: Mapping[str, str], event: bytes, part: bytes) -> Work:
    """A WebSocket event as Fanout asks it, in the protocol WebSocket-over-HTTP."""
    asked = {**headers, "Content-Type": EVENTS, "Connection-Id": "1"}
    return Work(title, ("/test/websocket",), "POST", asked, event, answer_headers={"content-type": EVENTS}, answer_part=part)


def check(work: Work, port: int) -> None:
    """Ask for each path once. Raises WrongAnswer."""
    for path in work.paths:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(work.method, path, work.body or None, dict(work.headers))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise WrongAnswer(f"{path}: {error!r}") from error
        finally:
            connection.close()
        seen = {name: answer.headers.get(name, "") for name in work.answer_headers}
        if answer.status != work.status or seen != dict(work.answer_headers) or work.answer_part not in body:
            raise WrongAnswer(f"{path}: {answer.status}, {seen}, {body[:200]!r}")
