"""Publishes messages to the clients that the edge holds on a channel, as a GRIP library such as gripcontrol does too."""

import json
import os
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

# Where to publish, and the token for it. `fanroute serve --with` sets the variable, and `fanroute grip-url` prints it.
GRIP_URL = urlsplit(os.environ.get("GRIP_URL", "http://127.0.0.1:5561/"))
PUBLISH_URL = f"{GRIP_URL.scheme}://{GRIP_URL.netloc}{GRIP_URL.path.removesuffix('/')}/publish/"
TOKEN = parse_qs(GRIP_URL.query).get("key", [""])[0]


def publish(channel: str, message: Any, event: str = "", id: str = "", previous_id: str | None = None) -> None:
    """Publishes a message as JSON to all clients of a channel: those with a stream of events, a WebSocket or a long-poll.

    Args:
        channel: the channel's name.
        message: anything that JSON can contain.
        event: the type of the event in a stream of events.
        id: the message's id.
        previous_id: the id of the channel's last message before it. Fanout then notices who has missed one.
    """
    text = json.dumps(message)
    lines = [f"event: {event}"] * bool(event) + [f"id: {id}"] * bool(id) + [f"data: {text}"]
    formats = {
        "http-stream": {"content": "\n".join(lines) + "\n\n"},
        "http-response": {"headers": {"Content-Type": "application/json"}, "body": f"{text}\n"},
        "ws-message": {"content": text},
    }
    item: dict[str, Any] = {"channel": channel, "formats": formats}
    if id:
        item["id"] = id
    if previous_id is not None:
        item["prev-id"] = previous_id
    body = json.dumps({"items": [item]}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    urlopen(Request(PUBLISH_URL, body, headers), timeout=10).close()
