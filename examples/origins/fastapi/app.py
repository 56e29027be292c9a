"""Serves news that Fanout pushes to readers as events, long-polls and WebSockets, with FastAPI and gripcontrol.

README.md says how to start it.
"""

import json
import os
import re
import threading
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
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

CHANNEL = "news"

app = FastAPI()
grip = parse_grip_uri(os.environ.get("GRIP_URL", ""))
if not {"verify_key", "verify_iss"} <= grip.keys():
    raise SystemExit("GRIP_URL needs verify-key and verify-iss, as `fanroute grip-url` prints them, to check Grip-Sig.")
publisher = GripPubControl(grip)

# All messages. The id of each is its position, from 1 on. Your application has a database for them, which its processes share.
messages: list[str] = []
publishing = threading.Lock()


def is_signed(grip_sig: Annotated[str, Header()] = "") -> bool:
    """Returns True if the request has a Grip-Sig of the expected issuer that is valid and has not expired."""
    return validate_sig(grip_sig, grip["verify_key"], grip["verify_iss"])


Signed = Annotated[bool, Depends(is_signed)]


def require_fanout(signed: Signed) -> None:
    """Refuses a request that does not come from Fanout. Nothing else can hold a connection."""
    if not signed:
        raise HTTPException(403, "This is for Fanout. Ask the edge.")


for_fanout = [Depends(require_fanout)]


@app.get("/events", dependencies=for_fanout)
def events(grip_last: Annotated[str, Header()] = "", last_event_id: Annotated[str, Header()] = "") -> Response:
    """Sends the events that a reader has missed, and has Fanout hold the connection for the next ones."""
    after = last_id(grip_last, last_event_id)
    missed = messages[after:]
    body = "".join(event(number, text) for number, text in enumerate(missed, after + 1))
    headers = hold("stream", after + len(missed))
    headers["Grip-Keep-Alive"] = ":\\n\\n; format=cstring; timeout=25"
    # If Fanout finds a gap between two messages, it asks here for the missed ones.
    headers["Grip-Link"] = "</events>; rel=next"
    return Response(body, media_type="text/event-stream", headers=headers)


@app.get("/poll", dependencies=for_fanout)
def poll(after: str = "", grip_last: Annotated[str, Header()] = "") -> Response:
    """Answers with the messages after `?after=ID`. If there are none, Fanout holds the request until there is one."""
    last = last_id(grip_last, after)
    missed = messages[last:]
    headers = {} if missed else hold("response", last) | {"Grip-Timeout": "25"}
    return Response(listed(last, missed), media_type="application/json", headers=headers)


async def websocket_events(request: Request) -> bytes:
    """Returns the events that Fanout sends."""
    if request.headers.get("Content-Type") != "application/websocket-events":
        raise HTTPException(400, "This is for WebSockets.")
    return await request.body()


@app.post("/socket", dependencies=for_fanout)
def socket(received: Annotated[bytes, Depends(websocket_events)], after: str = "") -> Response:
    """Answers the events of a WebSocket, which Fanout sends as an HTTP request. It publishes all that a reader sends."""
    answer = []
    for one in decode_websocket_events(received):
        content = one.content or b""
        if one.type == "OPEN":
            subscribe = websocket_control_message("subscribe", {"channel": CHANNEL})
            answer += [WebSocketEvent("OPEN"), WebSocketEvent("TEXT", "c:" + subscribe)]
            last = last_id("", after)
            if missed := messages[last:]:
                answer.append(WebSocketEvent("TEXT", "m:" + listed(last, missed)))
        elif one.type == "TEXT":
            publish(content.decode())
        elif one.type == "PING":
            answer.append(WebSocketEvent("PONG", content))
        elif one.type == "CLOSE":
            # The answer has the client's code. Without content, there is no code.
            answer.append(WebSocketEvent("CLOSE", content or None))
    headers = {"Sec-WebSocket-Extensions": "grip"}
    return Response(encode_websocket_events(answer), media_type="application/websocket-events", headers=headers)


async def text_of(request: Request) -> str:
    """Returns the body of a request."""
    return (await request.body()).decode(errors="replace")


@app.post("/messages", status_code=201)
def send(text: Annotated[str, Depends(text_of)]) -> dict[str, int]:
    """Publishes the body of the request."""
    return {"id": publish(text)}


@app.get("/whoami")
def whoami(request: Request, signed: Signed) -> dict[str, bool | str | None]:
    """Tells whether the request has a Grip-Sig, if its signature is valid, and whose it is. `fanroute doctor` asks it."""
    return {"signed": signed, "has_signature": "Grip-Sig" in request.headers, "issuer": grip["verify_iss"] if signed else None}


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


def last_id(grip_last: str, given: str) -> int:
    """Returns the id of the last message that a reader has: as Fanout says, else as given, else that of the newest message."""
    of_fanout = re.search(r"last-id=(\d{1,9})\b", grip_last)
    number = of_fanout[1] if of_fanout else given
    return min(int(number), len(messages)) if re.fullmatch("[0-9]{1,9}", number) else len(messages)
