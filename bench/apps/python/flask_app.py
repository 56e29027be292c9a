"""Does what app.py does, as a Flask app on the SDK's WSGI adapter, except that the adapter cannot hand off requests.

bench.contestants builds it with the SDK; it is not imported.
"""

import json

from fastly_compute.wsgi import WsgiHttpIncoming
from flask import Flask, Response, request

CHANNEL = "test"
EVENTS = "application/websocket-events"

app = Flask(__name__)


@app.get("/hello")
def hello() -> str:
    return "hello\n"


@app.get("/test/stream")
def stream() -> Response:
    return instruct("text/plain", "stream")


@app.get("/test/sse")
def sse() -> Response:
    return instruct("text/event-stream", "stream")


@app.get("/test/long-poll")
def long_poll() -> Response:
    return instruct("text/plain", "response")


@app.post("/test/websocket")
def web_socket() -> Response:
    if request.content_type != EVENTS:
        return Response("Not a WebSocket-over-HTTP request.\n", 400)
    events, headers = request.get_data(), {"Content-Type": EVENTS}
    if events.startswith(b"OPEN\r\n"):
        headers["Sec-WebSocket-Extensions"] = 'grip; message-prefix=""'
        subscribe = b"c:" + json.dumps({"type": "subscribe", "channel": CHANNEL}).encode()
        events += b"TEXT %x\r\n%s\r\n" % (len(subscribe), subscribe)
    return Response(events, 200, headers)


@app.get("/test/<path:other>")
def none(other: str) -> Response:
    return Response("No such test endpoint\n", 404)


def instruct(content_type: str, hold: str) -> Response:
    return Response(b"", 200, {"Content-Type": content_type, "Grip-Hold": hold, "Grip-Channel": CHANNEL})


HttpIncoming = WsgiHttpIncoming(app)
