"""GRIP instructions as a proxy reads them. Source: https://pushpin.org/docs/protocols/grip/"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

# In seconds: a held response without a Grip-Timeout, and the shortest there is; a keep-alive and a link without theirs.
DEFAULT_TIMEOUT, MIN_TIMEOUT = 55.0, 5.0
DEFAULT_KEEP_ALIVE = 55.0
DEFAULT_LINK_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel to subscribe to; with `prev_id`, for what follows that id."""

    name: str
    filters: tuple[str, ...] = ()
    prev_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """What to send after a time in seconds: without a message meanwhile, or (`interval`) in any case."""

    content: bytes
    timeout: float
    interval: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """How to hold a connection; times in seconds. With mode "" the answer goes on at the `link`, at once."""

    mode: Literal["stream", "response", ""]
    channels: tuple[Channel, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT
    keep_alive: KeepAlive | None = None
    link: str = ""
    link_timeout: float = DEFAULT_LINK_TIMEOUT


def parse_hold(headers: Mapping[str, str]) -> Hold | None:
    """The hold that an answer asks for, or None; `headers` take names in any case, and join what stands twice with a comma."""
    mode = headers.get("grip-hold", "").strip()
    link, link_timeout = _link(headers.get("grip-link", ""))
    if mode not in ("stream", "response") and not link:
        return None
    return Hold(
        mode=cast(Literal["stream", "response", ""], mode if mode in ("stream", "response") else ""),
        channels=tuple(_channel(item) for item in _items(headers.get("grip-channel", ""))),
        meta=dict(_parameter(item) for item in _items(headers.get("grip-set-meta", ""))),
        timeout=max(MIN_TIMEOUT, _seconds(headers.get("grip-timeout"), DEFAULT_TIMEOUT)),
        keep_alive=_keep_alive(headers.get("grip-keep-alive")),
        link=link,
        link_timeout=link_timeout,
    )


def _channel(item: str) -> Channel:
    name, *rest = _parts(item)
    parameters = [_parameter(part) for part in rest]
    filters = tuple(value for key, value in parameters if key == "filter")
    return Channel(name, filters, dict(parameters).get("prev-id"))


def _link(value: str) -> tuple[str, float]:
    """The next link and its time-out; "" if there is none."""
    for item in _items(value):
        target, *rest = _parts(item)
        parameters = dict(map(_parameter, rest))
        if parameters.get("rel") == "next" and target.startswith("<") and target.endswith(">"):
            return target[1:-1], _seconds(parameters.get("timeout"), DEFAULT_LINK_TIMEOUT)
    return "", DEFAULT_LINK_TIMEOUT


def _keep_alive(value: str | None) -> KeepAlive | None:
    if not value:
        return None
    text, *rest = _parts(value)
    options = dict(map(_parameter, rest))
    content = _formatted(text, options.get("format", "raw"))
    return KeepAlive(content, _seconds(options.get("timeout"), DEFAULT_KEEP_ALIVE), options.get("mode") == "interval")


def _formatted(text: str, format: str) -> bytes:
    try:
        if format == "base64":
            return base64.b64decode(text, validate=True)
        if format == "cstring":
            return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
    except (binascii.Error, UnicodeError):
        return b""
    return text.encode()


def _seconds(value: str | None, default: float) -> float:
    return float(value) if value and value.strip().isdecimal() else default


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(";")]


def _parameter(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip(), value.strip().strip('"')
