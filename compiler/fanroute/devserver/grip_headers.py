"""Reads the GRIP instructions in an answer's headers. Source: https://pushpin.org/docs/protocols/grip/"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

# In seconds. A Grip-Timeout is never shorter than the minimum; the defaults are for headers without a timeout.
DEFAULT_TIMEOUT, MIN_TIMEOUT = 55.0, 5.0
DEFAULT_KEEP_ALIVE = 55.0
DEFAULT_LINK_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Channel:
    """Holds a subscription to a channel. With a `prev_id`, the subscription is for the items that follow the one of that id."""

    name: str
    filters: tuple[str, ...] = ()
    prev_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Says what to send after `timeout` seconds: only if nothing was sent meanwhile or, with `interval`, in any case."""

    content: bytes
    timeout: float
    interval: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Says how to hold a connection. Times are in seconds. With mode "", the answer continues at the link at once."""

    mode: Literal["stream", "response", ""]
    channels: tuple[Channel, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT
    keep_alive: KeepAlive | None = None
    link: str = ""
    link_timeout: float = DEFAULT_LINK_TIMEOUT


def parse_hold(headers: Mapping[str, str]) -> Hold | None:
    """Returns the hold that an answer's headers ask for, or None if they ask for none.

    `headers` finds names in any case, and returns several values of a header as one, joined by commas.
    """
    mode = headers.get("grip-hold", "").strip()
    link, link_timeout = _next_link(headers.get("grip-link", ""))
    if mode not in ("stream", "response") and not link:
        return None
    return Hold(
        mode=cast(Literal["stream", "response", ""], mode if mode in ("stream", "response") else ""),
        channels=tuple(_channel(item) for item in _list_items(headers.get("grip-channel", ""))),
        meta=dict(_parameter(item) for item in _list_items(headers.get("grip-set-meta", ""))),
        timeout=max(MIN_TIMEOUT, _seconds(headers.get("grip-timeout"), DEFAULT_TIMEOUT)),
        keep_alive=_keep_alive(headers.get("grip-keep-alive")),
        link=link,
        link_timeout=link_timeout,
    )


def _channel(item: str) -> Channel:
    name, *rest = _split_parameters(item)
    parameters = [_parameter(text) for text in rest]
    filters = tuple(value for key, value in parameters if key == "filter")
    return Channel(name, filters, dict(parameters).get("prev-id"))


def _next_link(value: str) -> tuple[str, float]:
    """Returns the target and the timeout of the first link with rel=next; the target is "" if there is none."""
    for item in _list_items(value):
        target, *rest = _split_parameters(item)
        parameters = dict(map(_parameter, rest))
        if parameters.get("rel") == "next" and target.startswith("<") and target.endswith(">"):
            return target[1:-1], _seconds(parameters.get("timeout"), DEFAULT_LINK_TIMEOUT)
    return "", DEFAULT_LINK_TIMEOUT


def _keep_alive(value: str | None) -> KeepAlive | None:
    if not value:
        return None
    text, *rest = _split_parameters(value)
    parameters = dict(map(_parameter, rest))
    content = _decode(text, parameters.get("format", "raw"))
    return KeepAlive(content, _seconds(parameters.get("timeout"), DEFAULT_KEEP_ALIVE), parameters.get("mode") == "interval")


def _decode(text: str, format: str) -> bytes:
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


def _list_items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _split_parameters(item: str) -> list[str]:
    return [text.strip() for text in item.split(";")]


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')
