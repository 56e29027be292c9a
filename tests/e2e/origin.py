"""An origin for the tests: it answers with the request that it got, and holds connections with GRIP instructions."""

import asyncio
import base64
import gzip
import json
from typing import Any

import httpx
from aiohttp import WSMsgType, web
from multidict import CIMultiDict

EVENTS = "application/websocket-events"
# Instructions for Fanout, one of them unknown, and headers that Connection names.
INSTRUCTIONS = [
    ("Grip-Hold", "stream"),
    ("Grip-Channel", "of-origin"),
    ("Grip-Channel", "second"),
    ("GRIP-Link", "</next>; rel=next"),
    ("Grip-Yet-Unknown", "1"),
    ("Gripe", "kept"),
    ("Connection", "X-Hop, keep-alive"),
    ("X-Hop", "1"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
]
# A backend's own CORS headers.
SHARED = [
    ("Access-Control-Allow-Origin", "https://backend.example"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "X-Backend"),
    ("Vary", "Accept-Language"),
    ("X-Origin", "yes"),
]
# The instructions with which a stream continues after missed items.
CONTINUED = {"Grip-Hold": "stream", "Grip-Channel": "linked; prev-id=2", "Grip-Link": "</forward/missed>; rel=next"}
# A line, compressed with gzip.
COMPRESSED = gzip.compress(b"compressed\n", mtime=0)
# Eight mebibytes, in chunks.
LARGE = [bytes([i]) * 65_536 for i in range(128)]


# Bytes that are not an HTTP answer, or not a complete one. The connection is closed after them.
_OK = b"HTTP/1.1 200 OK\r\n"
_HI = b"Content-Length: 2\r\n\r\nhi"


def _instructed(response: dict[str, Any]) -> bytes:
    """Returns an answer whose body has instructions, with this response for the client."""
    body = json.dumps({"response": response}).encode()
    return _OK + b"Content-Type: application/grip-instruct\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


BROKEN = {
    "nothing": b"",
    "garbage": b"this is no HTTP\r\n\r\n",
    "half a head": _OK + b"X-A: ",
    "status 0": b"HTTP/1.1 0 X\r\n" + _HI,
    "status 99": b"HTTP/1.1 99 X\r\n" + _HI,
    "status 1000": b"HTTP/1.1 1000 X\r\n" + _HI,
    "status abc": b"HTTP/1.1 abc X\r\n" + _HI,
    "status 600": b"HTTP/1.1 600 X\r\n" + _HI,
    "100 alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103 and 200": b"HTTP/1.1 103 Early Hints\r\nGrip-Hold: stream\r\nGrip-Channel: early\r\n\r\n" + _OK + _HI,
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi",
    "a short body": _OK + b"Content-Length: 10\r\n\r\nhi",
    "a long body": _OK + _HI + b" and more",
    "a cut chunk": _OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n5\r\nh",
    "a bad chunk": _OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n",
    "two lengths": _OK + b"Content-Length: 3\r\n" + _HI,
    "a space in a name": _OK + b"X A: 1\r\n" + _HI,
    "a bare CR": _OK + b"X-A: 1\rGrip-Hold: stream\r\n" + _HI,
    "an escape in a header": _OK + b"X-A: \x1b[31m\r\n" + _HI,
    "a delete in a header": _OK + b"X-A: \x7f\r\n" + _HI,
    "an escape in the reason": b"HTTP/1.1 200 \x1b[2J\r\n" + _HI,
    "an escape in instructions": _instructed({"headers": {"X-A": "\x1b[31m"}, "body": "hi"}),
    "an escape in the reason of instructions": _instructed({"reason": "\x1b[2J", "body": "hi"}),
    "a huge header": _OK + b"X-A: " + b"a" * 90_000 + b"\r\n" + _HI,
    "instructions in trailers": _OK
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nGrip-Hold: stream\r\nGrip-Channel: trailed\r\n\r\n",
}


# An answer with a channel that has the byte of an escape sequence on some terminals.
OBEYED = (
    _OK
    + b"Grip-Hold: stream\r\nGrip-Channel: obeyed-\x9b31m\r\nX-A: \x9b31m\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n"
)


class Origin:
    """Answers requests. `url` is its own, `edge_url` that of the edge in front of it."""

    url = ""
    edge_url = ""
    disconnects = 0
    # How many requests had a cut body, and how many WebSockets have ended.
    cut = 0
    ended = 0
    # The method and headers of the last request for missed items.
    asked_for_missed: tuple[str, dict[str, str]] = ("", {})
    # How often a link has failed.
    failures = 0
    # The headers of the last WebSocket that was opened with events, as (name, value).
    opened: tuple[tuple[str, str], ...] = ()

    def __init__(self) -> None:
        # The requests of WebSockets with meta variables: bodies, and headers as (name, value).
        self.events: list[tuple[bytes, tuple[tuple[str, str], ...]]] = []
        self._waiting: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        # The targets of all requests, in order.
        self.targets: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.targets.append(request.raw_path)
        match request.path:
            case "/forward/echo":
                return await self._echo(request)
            case "/forward/early":
                return web.Response(status=413, text="too long\n")
            case "/forward/wait":
                return await self._wait(request)
            case "/forward/cut" | "/forward/cut-chunks":
                return await _cut(request, chunked=request.path.endswith("-chunks"))
            case "/forward/large":
                return await _large(request)
            case "/tunnel/echo":
                return await self._websocket(request)
            case "/tunnel/refused":
                return web.Response(status=403, text="not you\n", headers={"X-Origin": "yes"})
        body = await request.content.read()
        if request.path.startswith("/broken/"):
            return _written(request, BROKEN[request.path.removeprefix("/broken/")])
        match request.path:
            case "/origin/stream":
                return web.Response(text="first\n", headers={"Grip-Hold": "stream", "Grip-Channel": "of-origin, second"})
            case "/origin/say":
                return _say(request)
            case "/origin/flaky":
                return self._flaky(request)
            case "/origin/slow-link":
                return await self._slow_link(request)
            case "/origin/variables" | "/origin/detached":
                self.events.append((body, _headers(request)))
                return _talking_socket(request.path, body)
            case "/origin/obeyed":
                return _written(request, OBEYED)
            case "/origin/poll":
                return web.Response(text="nothing yet\n", headers=_poll(request))
            case "/origin/keep-alive":
                keep_alive = "beat\\n; format=cstring; timeout=1"
                headers = {"Grip-Hold": "stream", "Grip-Channel": "quiet", "Grip-Keep-Alive": keep_alive}
                return web.Response(headers=headers)
            case "/origin/compressed" | "/forward/compressed":
                return _compressed(request)
            case "/origin/missed/told":
                return self._missed(request)
            case "/origin/socket":
                self.disconnects += body == b"DISCONNECT\r\n"
                if body.startswith(b"OPEN"):
                    self.opened = _headers(request)
                return _socket(body)
            case "/origin/status":
                headers = [("X-Origin", "yes"), ("Content-Type", "text/tea"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
                return web.Response(status=418, body=b"teapot", headers=CIMultiDict(headers))
            case "/api/shared" | "/own/shared" | "/any/shared" | "/app/shared":
                return web.Response(text="shared\n", headers=CIMultiDict(SHARED))
            case "/api/instructions":
                return web.Response(text="{}", content_type="application/grip-instruct")
            case "/forward/instructions":
                return web.Response(text="not held\n", headers=CIMultiDict(INSTRUCTIONS))
            case "/forward/missed":
                return web.Response(text="missed\n", headers=CONTINUED)
            case "/forward/go":
                await self._go()
            case "/origin/bare":
                return _bare(request)
            case "/origin/back-to-the-edge":
                return await self._back_to_the_edge(request)
        seen = {
            "method": request.method,
            "target": request.raw_path,
            "headers": _headers(request),
            "body": base64.b64encode(body).decode(),
        }
        return web.Response(text=json.dumps(seen), content_type="application/json")

    def _flaky(self, request: web.BaseRequest) -> web.Response:
        """Answers with a stream whose link fails at first: once with a status, and once without any answer."""
        if "link" not in request.query:
            link = f"<{request.path}?link>; rel=next"
            return web.Response(
                text="first\n", headers={"Grip-Hold": "stream", "Grip-Channel": "flaky", "Grip-Link": f"{link}; timeout=1"}
            )
        self.failures += 1
        if self.failures == 1:
            return web.Response(status=503)
        if self.failures == 2:
            return _written(request, b"")
        return web.Response(text="linked\n", headers={"Grip-Hold": "stream", "Grip-Channel": "flaky"})

    def _missed(self, request: web.BaseRequest) -> web.Response:
        """Answers with what was published on a channel since the id that Fanout sends: two messages."""
        self.asked_for_missed = (request.method, {name.lower(): value for name, value in request.headers.items()})
        channel, _, last = request.headers["Grip-Last"].partition("; last-id=")
        headers = {"Grip-Hold": "stream", "Grip-Channel": f"{channel}; prev-id={int(last) + 2}"}
        headers["Grip-Link"] = f"<{request.path}>; rel=next"
        return web.Response(text=f"data: since {last}\n\n", headers=headers)

    async def _echo(self, request: web.BaseRequest) -> web.StreamResponse:
        """Returns what arrives, as it arrives."""
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            async for chunk in request.content.iter_any():
                await response.write(chunk)
        except Exception:
            self.cut += 1
            raise
        await response.write_eof()
        return response

    async def _wait(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers `first`, and `second` after a request for `/forward/go`; with `?head`, the head comes only then too."""
        response = web.StreamResponse()
        if "head" not in request.query:
            await response.prepare(request)
            await response.write(b"first\n")
        done = asyncio.Event()
        self._waiting.put_nowait(done)
        await done.wait()
        await response.prepare(request)
        await response.write(b"second\n")
        await response.write_eof()
        return response

    async def _slow_link(self, request: web.BaseRequest) -> web.Response:
        """Answers with a stream whose link is fetched after a second, and answered after a request for `/forward/go`."""
        hold = {"Grip-Hold": "stream", "Grip-Channel": "slow-link"}
        if "link" in request.query:
            done = asyncio.Event()
            self._waiting.put_nowait(done)
            await done.wait()
            return web.Response(text="linked\n", headers=hold)
        return web.Response(text="first\n", headers=hold | {"Grip-Link": f"<{request.path}?link>; rel=next; timeout=1"})

    def waiting(self) -> int:
        """Returns how many requests wait."""
        return self._waiting.qsize()

    async def _go(self) -> None:
        (await self._waiting.get()).set()

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        """Echoes messages. Answers `seen` with the handshake's headers, and `bye` with a close."""
        socket = web.WebSocketResponse(protocols=["chat.v2", "chat.v1"], max_msg_size=0)
        socket.headers["X-Origin"] = "yes"
        await socket.prepare(request)
        async for message in socket:
            if message.data == "bye":
                await socket.close(code=4001, message=b"ciao")
            elif message.data == "seen":
                await socket.send_json(_headers(request))
            elif message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        self.ended += 1
        return socket

    async def _back_to_the_edge(self, request: web.BaseRequest) -> web.Response:
        """Makes a loop, like a misconfigured proxy: sends the edge's request back to it, including Grip-Sig."""
        headers = {"Host": "loop.example.com", "Grip-Sig": request.headers["Grip-Sig"]}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.edge_url}/again", headers=headers)
        return web.Response(status=answer.status_code, text=answer.text)


def _headers(request: web.BaseRequest) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.raw_headers)


async def _cut(request: web.BaseRequest, chunked: bool) -> web.StreamResponse:
    """Answers with less than it has announced."""
    response = web.StreamResponse(headers={} if chunked else {"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"beginning\n")
    # The chunk must be sent before the connection ends.
    await asyncio.sleep(0.1)
    assert request.transport is not None
    request.transport.close()
    return response


async def _large(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(sum(map(len, LARGE)))} if "length" in request.query else {})
    await response.prepare(request)
    for part in LARGE:
        await response.write(part)
    await response.write_eof()
    return response


def _poll(request: web.BaseRequest) -> dict[str, str]:
    timeout = {"Grip-Timeout": request.query["timeout"]} if "timeout" in request.query else {}
    return {"Grip-Hold": "response", "Grip-Channel": "of-origin", "X-Held": "yes"} | timeout


def _compressed(request: web.BaseRequest) -> web.Response:
    """Answers with COMPRESSED as gzip; held as the query says, or with a link to the same."""
    headers = {"Content-Encoding": "gzip"}
    if "hold" in request.query:
        headers |= {"Grip-Hold": request.query["hold"], "Grip-Channel": "compressed", "Grip-Timeout": "5"}
    if "link" in request.query:
        headers |= {"Grip-Link": "</origin/compressed>; rel=next"}
    return web.Response(body=COMPRESSED, headers=headers, content_type="text/plain")


def _bare(request: web.BaseRequest) -> web.Response:
    """Answers with no headers but its length; aiohttp would add some."""
    return _written(request, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbare")


def _written(request: web.BaseRequest, data: bytes) -> web.Response:
    """Writes bytes in place of an answer, and closes the connection."""
    assert request.transport is not None
    request.transport.write(data)
    request.transport.close()
    return web.Response()


def _say(request: web.BaseRequest) -> web.Response:
    """Answers as the JSON in the query says; its `padding` is the number of spaces after the body."""
    answer = json.loads(request.query["answer"])
    headers = CIMultiDict((name, value) for name, value in answer.get("headers", []))
    body = answer.get("body", "").encode() + b" " * answer.get("padding", 0)
    return web.Response(status=answer.get("status", 200), reason=answer.get("reason"), body=body, headers=headers)


def _talking_socket(path: str, body: bytes) -> web.Response:
    """Serves a WebSocket that sets meta variables, or one that detaches after the client's first message."""
    headers = {"Content-Type": EVENTS}
    if body.startswith(b"OPEN"):
        return web.Response(
            body=b"OPEN\r\n", headers=headers | {"Sec-WebSocket-Extensions": "grip", "Set-Meta-User": "ann", "X-A": "1"}
        )
    if path == "/origin/detached" and body.startswith(b"TEXT"):
        controls = (b'c:{"type":"subscribe","channel":"of-origin"}', b'c:{"type":"detach"}', b"m:detached")
        return web.Response(body=b"".join(b"TEXT %x\r\n%s\r\n" % (len(text), text) for text in controls), headers=headers)
    sets = {"TEXT 3\r\nbob\r\n": {"Set-Meta-User": "bob", "Set-Meta-Room": "x"}, "TEXT 4\r\nnone\r\n": {"Set-Meta-User": ""}}
    return web.Response(body=b"TEXT 4\r\nm:ok\r\n", headers=headers | sets.get(body.decode(), {}))


def _socket(body: bytes) -> web.Response:
    """Accepts, subscribes, and answers TEXT `bye` with a CLOSE. The events are written by hand, not with our codec."""
    headers = {"Content-Type": EVENTS}
    if body.startswith(b"OPEN"):
        control = b'c:{"type":"subscribe","channel":"of-origin"}'
        headers["Sec-WebSocket-Extensions"] = "grip"
        return web.Response(body=b"OPEN\r\nTEXT %x\r\n%s\r\n" % (len(control), control), headers=headers)
    if body == b"TEXT 9\r\nno events\r\n":
        return web.Response(text="no events")
    if body == b"TEXT 3\r\nbye\r\n":
        return web.Response(body=b"TEXT 6\r\nm:ciao\r\nCLOSE 2\r\n\x0f\xa1\r\n", headers=headers)
    if body.startswith(b"TEXT ") and (length := body.split(b"\r\n")[1]).isdigit():
        # The message is the length of the answer.
        return web.Response(body=_text(int(length)), headers=headers)
    if body.startswith(b"TEXT ") and (asked := body.split(b"\r\n")[1]).startswith(b"close "):
        content = bytes.fromhex(asked.removeprefix(b"close ").decode())
        return web.Response(body=b"CLOSE %x\r\n%s\r\n" % (len(content), content) if content else b"CLOSE\r\n", headers=headers)
    return web.Response(headers=headers)


def _text(length: int) -> bytes:
    """Returns a message for the client, as an event of a given length."""
    content = b"m:".ljust(length - len(b"TEXT %x\r\n\r\n" % length), b"x")
    return b"TEXT %x\r\n%s\r\n" % (len(content), content)


def seen(answer: httpx.Response) -> dict[str, Any]:
    """Returns the request that the origin got."""
    assert answer.status_code == 200, answer.text
    request: dict[str, Any] = json.loads(answer.text)
    request["body"] = base64.b64decode(request["body"])
    return request


def values(request: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in request["headers"] if key == name]
