"""Writes the code that publishes a message with the GRIP libraries for Python and JavaScript. Pure.

Sources: https://pypi.org/project/gripcontrol/ and https://www.npmjs.com/package/@fanoutio/grip.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from fanroute.client.framing import Formats
from fanroute.devserver.items import HTTP_RESPONSE, HTTP_STREAM, WS_MESSAGE

# The classes of both libraries, by the formats that they represent.
_CLASSES = {HTTP_STREAM: "HttpStreamFormat", HTTP_RESPONSE: "HttpResponseFormat", WS_MESSAGE: "WebSocketMessageFormat"}


def python_code(publish_url: str, channel: str, formats: Formats, id: str | None, prev_id: str | None) -> str:
    """Returns a Python program that publishes an item with gripcontrol, at a publish URL that ends in `/publish/`."""
    classes = ", ".join(_CLASSES[name] for name in formats)
    ids = "".join(f", {name}={_literal(value)}" for name, value in (("id", id), ("prev_id", prev_id)) if value is not None)
    return "\n".join(
        [
            "# pip install gripcontrol",
            f"from gripcontrol import GripPubControl, {classes}",
            "from pubcontrol import Item",
            "",
            f'grip = GripPubControl({{"control_uri": {_literal(_control_url(publish_url))}}})',
            "item = Item([",
            *(f"    {made}," for made in _made(formats, _python_arguments)),
            f"]{ids})",
            f"grip.publish({_literal(channel)}, item, blocking=True)",
        ]
    )


def javascript_code(publish_url: str, channel: str, formats: Formats, id: str | None, prev_id: str | None) -> str:
    """Returns a JavaScript module that publishes an item with @fanoutio/grip, at a publish URL that ends in `/publish/`."""
    classes = ", ".join(_CLASSES[name] for name in formats)
    given = [id, prev_id] if prev_id is not None else [id] if id is not None else []
    ids = "".join(f", {_literal(value)}" for value in given)
    return "\n".join(
        [
            "// npm install @fanoutio/grip",
            f'import {{ Publisher, {classes} }} from "@fanoutio/grip";',
            "",
            f"const publisher = new Publisher({{ control_uri: {_literal(_control_url(publish_url))} }});",
            f"await publisher.publishFormats({_literal(channel)}, [",
            *(f"  new {made}," for made in _made(formats, _javascript_arguments)),
            f"]{ids});",
        ]
    )


def _control_url(publish_url: str) -> str:
    """Returns the URL to which both libraries add `/publish/`."""
    return publish_url.removesuffix("/publish/")


def _made(formats: Formats, arguments: Callable[[str, dict[str, Any]], str]) -> Iterator[str]:
    for name, message in formats.items():
        yield f"{_CLASSES[name]}({arguments(name, message)})"


def _python_arguments(name: str, message: dict[str, Any]) -> str:
    if message.get("action") == "close":
        return 'action="close"'
    if name == HTTP_RESPONSE:
        return ", ".join(f"{key}={_literal(value)}" for key, value in message.items())
    return _literal(message["content"])


def _javascript_arguments(name: str, message: dict[str, Any]) -> str:
    if message.get("action") == "close":
        return "null, true"
    return _literal(message if name == HTTP_RESPONSE else message["content"])


def _literal(value: Any) -> str:
    """Returns a text, None, or a mapping of texts as a literal. As JSON, it is one in JavaScript, and without None in Python."""
    return json.dumps(value, ensure_ascii=False)
