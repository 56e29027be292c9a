"""Puts a message into the formats of a GRIP item. Pure.

Sources: https://pushpin.org/docs/usage/#publishing, and https://html.spec.whatwg.org/#server-sent-events for an event.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fanroute.devserver.items import HTTP_RESPONSE, HTTP_STREAM, WS_MESSAGE
from fanroute.plan.kinds import Kind

# The formats of an item, by their names.
Formats = dict[str, dict[str, Any]]

FORMAT_OF: Mapping[Kind, str] = {
    "sse": HTTP_STREAM,
    "stream": HTTP_STREAM,
    "long_poll": HTTP_RESPONSE,
    "websocket": WS_MESSAGE,
}
# The formats whose connections a message can close. A response ends its connection anyway.
_CLOSING = (HTTP_STREAM, WS_MESSAGE)
_LINE_END = re.compile(r"\r\n|\r|\n")


def json_line(text: str) -> str:
    """Returns JSON on one line, with all numbers as they are written. Raises ValueError if it is not JSON (RFC 8259).

    A line end is never within a string of JSON, so another space can take its place.
    """
    try:
        json.loads(text, parse_int=str, parse_constant=_refuse)  # an int would have a limited number of digits
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return re.sub(r"[\r\n]\s*", " ", text.strip(" \t\r\n"))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True, slots=True)
class Message:
    """Holds a message as the user writes it.

    Args:
        text: what to send, without a line end after it. `json_line` makes it of JSON.
        is_json: True if the text is JSON, so that a response gets this Content-Type.
        event: the type of a server-sent event; "" for the usual one, `message`.
        id: the id of the message, or None.
    """

    text: str
    is_json: bool = False
    event: str = ""
    id: str | None = None


def formats_for(kinds: Collection[Kind], message: Message) -> Formats:
    """Returns a message in the formats that connections of these kinds get.

    A stream and an event stream have the same format. If there are both, the content is an event.
    """
    formats: Formats = {}
    if "sse" in kinds:
        formats[HTTP_STREAM] = {"content": event_text(message)}
    elif "stream" in kinds:
        formats[HTTP_STREAM] = {"content": f"{message.text}\n"}
    if "long_poll" in kinds:
        headers = {"headers": {"Content-Type": "application/json"}} if message.is_json else {}
        formats[HTTP_RESPONSE] = {**headers, "body": f"{message.text}\n"}
    if "websocket" in kinds:
        formats[WS_MESSAGE] = {"content": message.text}
    return formats


def closing_formats(kinds: Collection[Kind]) -> Formats:
    """Returns the formats that close connections of these kinds. Held responses are not among them."""
    names = {FORMAT_OF[kind] for kind in kinds}
    return {name: {"action": "close"} for name in _CLOSING if name in names}


def event_text(message: Message) -> str:
    """Returns a message as a server-sent event. Each line of its text is a line of data."""
    fields = [("event", message.event)] if message.event else []
    fields += [("id", message.id)] if message.id is not None else []
    fields += [("data", line) for line in _LINE_END.split(message.text)]
    return "".join(f"{name}: {value}\n" for name, value in fields) + "\n"


def publish_body(channel: str, formats: Formats, id: str | None = None, prev_id: str | None = None) -> bytes:
    """Returns the body of a publish request with one item."""
    ids = {"id": id, "prev-id": prev_id}
    item = {"channel": channel} | {name: value for name, value in ids.items() if value is not None} | {"formats": formats}
    return json.dumps({"items": [item]}, ensure_ascii=False).encode()
