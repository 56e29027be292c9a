"""Publishes messages to the clients that the edge holds on a channel, as a GRIP library such as gripcontrol does too."""

import json
import os
import re
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

# Where to publish, and the token for it. `fanroute serve --with` sets the variable, and `fanroute grip-url` prints it.
GRIP_URL = urlsplit(os.environ.get("GRIP_URL", "http://127.0.0.1:5561/"))
PUBLISH_URL = f"{GRIP_URL.scheme}://{GRIP_URL.netloc}{GRIP_URL.path.removesuffix('/')}/publish/"
TOKEN = parse_qs(GRIP_URL.query).get("key", [""])[0]


def publish(channel: str, message: Any, id: str = "", previous_id: str = "") -> bool:
    """Publishes a message as JSON to all clients of a channel: those with a stream of events, a WebSocket or a long-poll.

    Returns True if Fanout has accepted it. If not, it prints why, and the server can go on: a client that asks it for what it has
    missed gets the message then.

    Args:
        channel: the channel's name.
        message: anything that JSON can contain.
        id: the message's id.
        previous_id: the id of the channel's message before it. With both, Fanout notices who has missed one.
    """
    text = json.dumps(message)
    formats = {
        "http-stream": {"content": event(message, id)},
        "http-response": {"headers": {"Content-Type": "application/json"}, "body": f"{text}\n"},
        "ws-message": {"content": text},
    }
    return _send(channel, formats, id, previous_id)


def close(channel: str, id: str = "", previous_id: str = "") -> bool:
    """Closes the streams and WebSockets of a channel. With ids, as those of `publish`, nobody misses a message before it."""
    return _send(channel, {"http-stream": {"action": "close"}, "ws-message": {"action": "close"}}, id, previous_id)


def event(message: Any, id: str = "") -> str:
    """Returns a message as a server-sent event."""
    return f"id: {id}\ndata: {json.dumps(message)}\n\n" if id else f"data: {json.dumps(message)}\n\n"


def last_id(headers: Message, after: str = "") -> int:
    """Returns the id of the last message that a client or Fanout has, or 0. `after` is the id that a page has named, if any.

    Fanout sends `Grip-Last: CHANNEL; last-id=3`, and a browser that connects again `Last-Event-ID: 3`.
    """
    from_fanout = re.search("last-id=([0-9]+)", headers.get("Grip-Last", ""))
    last = from_fanout[1] if from_fanout else headers.get("Last-Event-ID") or after
    return int(last) if re.fullmatch("[0-9]{1,9}", last) else 0


def _send(channel: str, formats: dict[str, Any], id: str, previous_id: str) -> bool:
    ids = {"id": id, "prev-id": previous_id}
    item = {"channel": channel, "formats": formats} | {name: value for name, value in ids.items() if value}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    try:
        urlopen(Request(PUBLISH_URL, json.dumps({"items": [item]}).encode(), headers), timeout=10).close()
    except (OSError, HTTPException) as error:
        print(f"Nothing was published on {channel}: {error!r}", flush=True)
        return False
    return True
