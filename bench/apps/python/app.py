"""Does what Fastly's Fanout starter kits do, on the bindings of Fastly's Python SDK, without WSGI. Also answers /hello.

bench.contestants builds it with the SDK; it is not imported.
"""

import json

from fastly_compute.exceptions.types.error import CannotRead
from wit_world.exports import HttpIncoming as Incoming
from wit_world.imports import async_io, http_body, http_downstream, http_req, http_resp
from wit_world.imports.backend import Backend

CHANNEL = "test"
EVENTS = b"application/websocket-events"
MAX = 8192


def handle(request: http_req.Request, body: async_io.Pollable) -> None:
    uri = request.get_uri(MAX)
    path = "/" + uri.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    address = http_downstream.downstream_client_ip_addr(request)
    if address is not None:
        request.insert_header("X-Forwarded-For", ".".join(map(str, address.value)).encode())
    if uri.startswith("https:"):
        request.insert_header("X-Forwarded-Proto", b"https")
    if path == "/hello":
        answer(200, b"hello\n")
    elif not path.startswith("/test/"):
        request.redirect_to_grip_proxy(Backend.open("origin"))
    elif request.get_header_value("Grip-Sig", MAX) is None:
        request.redirect_to_grip_proxy(Backend.open("self"))
    elif path == "/test/stream":
        instruct(b"text/plain", b"stream")
    elif path == "/test/sse":
        instruct(b"text/event-stream", b"stream")
    elif path == "/test/long-poll":
        instruct(b"text/plain", b"response")
    elif path == "/test/websocket":
        web_socket(request, body)
    else:
        answer(404, b"No such test endpoint\n")


def instruct(content_type: bytes, hold: bytes) -> None:
    answer(200, b"", {"Content-Type": content_type, "Grip-Hold": hold, "Grip-Channel": CHANNEL.encode()})


def web_socket(request: http_req.Request, body: async_io.Pollable) -> None:
    if request.get_header_value("Content-Type", MAX) != EVENTS:
        answer(400, b"Not a WebSocket-over-HTTP request.\n")
        return
    headers = {"Content-Type": EVENTS}
    events = b"".join(iter(lambda: http_body.read(body, 1 << 16), b""))
    if events.startswith(b"OPEN\r\n"):
        headers["Sec-WebSocket-Extensions"] = b'grip; message-prefix=""'
        subscribe = b"c:" + json.dumps({"type": "subscribe", "channel": CHANNEL}).encode()
        events += b"TEXT %x\r\n%s\r\n" % (len(subscribe), subscribe)
    answer(200, events, headers)


def answer(status: int, content: bytes, headers: dict[str, bytes] | None = None) -> None:
    response, body = http_resp.Response.new(), http_body.new()
    response.set_status(status)
    for name, value in (headers or {}).items():
        response.insert_header(name, value)
    while content:
        content = content[http_body.write(body, content) :]
    http_resp.send_downstream(response, body)


class HttpIncoming(Incoming):
    def handle(self, request: http_req.Request, body: async_io.Pollable) -> None:
        with request:
            handle(request, body)


class Reused(Incoming):
    """Serves several requests in one sandbox, in the way the SDK's WSGI adapter does."""

    def handle(self, request: http_req.Request, body: async_io.Pollable) -> None:
        options = http_downstream.NextRequestOptions(timeout_ms=10_000, extra=None)
        while True:
            with request:
                handle(request, body)
            try:
                following = http_downstream.await_request(http_downstream.next_request(options))
            except CannotRead:
                return
            if following is None:
                return
            request, body = following
