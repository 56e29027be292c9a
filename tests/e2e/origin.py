"""An origin as users have them: it tells what it was asked, and holds connections with GRIP instructions of its own."""

import base64
import json

import httpx
from aiohttp import web
from multidict import CIMultiDict

EVENTS = "application/websocket-events"


class Origin:
    """Answers requests; `url` is its own, `edge_url` the edge's in front of it."""

    url = ""
    edge_url = ""
    disconnects = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        match request.path:
            case "/origin/stream":
                return web.Response(text="first\n", headers={"Grip-Hold": "stream", "Grip-Channel": "of-origin, second"})
            case "/origin/poll":
                return web.Response(text="nothing yet\n", headers=_poll(request))
            case "/origin/keep-alive":
                keep_alive = "beat\\n; format=cstring; timeout=1"
                headers = {"Grip-Hold": "stream", "Grip-Channel": "quiet", "Grip-Keep-Alive": keep_alive}
                return web.Response(headers=headers)
            case "/origin/socket":
                self.disconnects += body == b"DISCONNECT\r\n"
                return _socket(body)
            case "/origin/status":
                headers = [("X-Origin", "yes"), ("Content-Type", "text/tea"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
                return web.Response(status=418, body=b"teapot", headers=CIMultiDict(headers))
            case "/origin/bare":
                return _bare(request)
            case "/origin/back-to-the-edge":
                return await self._back_to_the_edge(request)
        seen = {
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name.decode("latin-1").lower(), value.decode("latin-1")] for name, value in request.raw_headers],
            "body": base64.b64encode(body).decode(),
        }
        return web.Response(text=json.dumps(seen), content_type="application/json")

    async def _back_to_the_edge(self, request: web.BaseRequest) -> web.Response:
        """A loop, as a misconfigured proxy makes it: what the edge sent comes back to it, Grip-Sig and all."""
        headers = {"Host": "loop.example.com", "Grip-Sig": request.headers["Grip-Sig"]}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.edge_url}/again", headers=headers)
        return web.Response(status=answer.status_code, text=answer.text)


def _poll(request: web.BaseRequest) -> dict[str, str]:
    timeout = {"Grip-Timeout": request.query["timeout"]} if "timeout" in request.query else {}
    return {"Grip-Hold": "response", "Grip-Channel": "of-origin", "X-Held": "yes"} | timeout


def _bare(request: web.BaseRequest) -> web.Response:
    """An answer with no headers but its length; aiohttp would add some."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbare")
    request.transport.close()
    return web.Response()


def _socket(body: bytes) -> web.Response:
    """Accepts, subscribes, and answers TEXT `bye` with a CLOSE; written out by hand, not with our codec."""
    headers = {"Content-Type": EVENTS}
    if body.startswith(b"OPEN"):
        control = b'c:{"type":"subscribe","channel":"of-origin"}'
        headers["Sec-WebSocket-Extensions"] = "grip"
        return web.Response(body=b"OPEN\r\nTEXT %x\r\n%s\r\n" % (len(control), control), headers=headers)
    if body == b"TEXT 3\r\nbye\r\n":
        return web.Response(body=b"TEXT 6\r\nm:ciao\r\nCLOSE 2\r\n\x0f\xa1\r\n", headers=headers)
    return web.Response(headers=headers)
