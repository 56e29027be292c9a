"""Serves news that Fanout pushes to readers as events, long-polls and WebSockets, with Flask and gripcontrol.

README.md says how to start it.
"""

import json
import os
import re
import threading

from flask import Flask, Response, abort, jsonify, request
from gripcontrol import (
    Channel,
    GripPubControl,
    HttpResponseFormat,
    HttpStreamFormat,
    WebSocketEvent,
    WebSocketMessageFormat,
    create_grip_channel_header,
    decode_websocket_events,
    encode_websocket_events,
    parse_grip_uri,
    validate_sig,
    websocket_control_message,
)
from pubcontrol import Item
from werkzeug.exceptions import HTTPException

CHANNEL = "news"

app = Flask(__name__)
grip = parse_grip_uri(os.environ.get("GRIP_URL", ""))
if not {"verify_key", "verify_iss"} <= grip.keys():
    raise SystemExit("GRIP_URL needs verify-key and verify-iss, as `fanroute grip-url` prints them, to check Grip-Sig.")
publisher = GripPubControl(grip)

# All messages. The id of each is its position, from 1 on. Your application has a database for them, which its processes share.
messages: list[str] = []
publishing = threading.Lock()


@app.get("/events")
def events() -> Response:
    """Sends the events that a reader has missed, and has Fanout hold the connection for the next ones."""
    require_fanout()
    after = last_id(request.headers.get("Last-Event-ID"))
    missed = messages[after:]
    body = "".join(event(number, text) for number, text in enumerate(missed, after + 1))
    headers = hold("stream", after + len(missed))
    headers["Grip-Keep-Alive"] = ":\\n\\n; format=cstring; timeout=25"
    # If Fanout finds a gap between two messages, it asks here for the missed ones.
    headers["Grip-Link"] = "</events>; rel=next"
    return Response(body, content_type="text/event-stream", headers=headers)


@app.get("/poll")
def poll() -> Response:
    """Answers with the messages after `?after=ID`. If there are none, Fanout holds the request until there is one."""
    require_fanout()
    after = last_id(request.args.get("after"))
    missed = messages[after:]
    headers = {} if missed else hold("response", after) | {"Grip-Timeout": "25"}
    return Response(listed(after, missed), content_type="application/json", headers=headers)


@app.post("/socket")
def socket() -> Response:
    """Answers the events of a WebSocket, which Fanout sends as an HTTP request. It publishes all that a reader sends."""
    require_fanout()
    if request.mimetype != "application/websocket-events":
        abort(400, "This is for WebSockets.")
    answer = []
    for received in decode_websocket_events(request.get_data()):
        content = received.content or b""
        if received.type == "OPEN":
            subscribe = websocket_control_message("subscribe", {"channel": CHANNEL})
            answer += [WebSocketEvent("OPEN"), WebSocketEvent("TEXT", "c:" + subscribe)]
            after = last_id(request.args.get("after"))
            if missed := messages[after:]:
                answer.append(WebSocketEvent("TEXT", "m:" + listed(after, missed)))
        elif received.type == "TEXT":
            publish(content.decode())
        elif received.type == "PING":
            answer.append(WebSocketEvent("PONG", content))
        elif received.type == "CLOSE":
            # The answer has the client's code. Without content, there is no code.
            answer.append(WebSocketEvent("CLOSE", content or None))
    headers = {"Sec-WebSocket-Extensions": "grip"}
    return Response(encode_websocket_events(answer), content_type="application/websocket-events", headers=headers)


@app.post("/messages")
def send() -> tuple[Response, int]:
    """Publishes the body of the request."""
    return jsonify(id=publish(request.get_data(as_text=True))), 201


@app.get("/whoami")
def whoami() -> Response:
    """Tells whether the request has a Grip-Sig, if its signature is valid, and whose it is. `fanroute doctor` asks it."""
    signed = is_signed()
    return jsonify(signed=signed, has_signature="Grip-Sig" in request.headers, issuer=grip["verify_iss"] if signed else None)


def publish(text: str) -> int:
    """Keeps a message and publishes it to all readers. Returns its id."""
    with publishing:
        messages.append(text)
        number = len(messages)
        formats = [
            HttpStreamFormat(event(number, text)),
            HttpResponseFormat(body=listed(number - 1, [text])),
            WebSocketMessageFormat(listed(number - 1, [text])),
        ]
        publisher.publish(CHANNEL, Item(formats, id=str(number), prev_id=str(number - 1)), blocking=True)
    return number


def event(number: int, text: str) -> str:
    """Returns a server-sent event. A message of several lines has several lines of data."""
    lines = re.split("\r\n|\r|\n", text)
    return f"id: {number}\n" + "".join(f"data: {line}\n" for line in lines) + "\n"


def listed(after: int, texts: list[str]) -> str:
    """Returns messages with their ids as JSON, for long-polls and WebSockets."""
    return json.dumps([{"id": number, "text": text} for number, text in enumerate(texts, after + 1)]) + "\n"


def hold(mode: str, last: int) -> dict[str, str]:
    """Returns the headers that have Fanout hold the connection of a reader who has all messages up to `last`."""
    return {"Grip-Hold": mode, "Grip-Channel": create_grip_channel_header(Channel(CHANNEL, prev_id=str(last)))}


def last_id(given: str | None) -> int:
    """Returns the id of the last message that a reader has: as Fanout says, else as given, else that of the newest message."""
    of_fanout = re.search(r"last-id=(\d{1,9})\b", request.headers.get("Grip-Last", ""))
    number = of_fanout[1] if of_fanout else given or ""
    return min(int(number), len(messages)) if re.fullmatch("[0-9]{1,9}", number) else len(messages)


def is_signed() -> bool:
    """Returns True if the request has a Grip-Sig of the expected issuer that is valid and has not expired."""
    return validate_sig(request.headers.get("Grip-Sig", ""), grip["verify_key"], grip["verify_iss"])


def require_fanout() -> None:
    """Refuses a request that does not come from Fanout. Nothing else can hold a connection."""
    if not is_signed():
        abort(403, "This is for Fanout. Ask the edge.")


@app.errorhandler(HTTPException)
def refuse(error: HTTPException) -> tuple[str, int, dict[str, str]]:
    """Answers an error as a line of text."""
    return f"{error.description}\n", error.code or 500, {"Content-Type": "text/plain; charset=utf-8"}
