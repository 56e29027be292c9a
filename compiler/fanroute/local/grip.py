"""GRIP instructions as a proxy reads them. Source: https://pushpin.org/docs/protocols/grip/"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

# In seconds: a held response without a Grip-Timeout, and the shortest there is.
DEFAULT_TIMEOUT, MIN_TIMEOUT = 55.0, 5.0
DEFAULT_KEEP_ALIVE = 55.0


@dataclass(frozen=True, slots=True)
class Hold:
    """How to hold a connection; times in seconds. `keep_alive_timeout` None: nothing is sent meanwhile."""

    mode: Literal["stream", "response"]
    channels: tuple[str, ...]
    timeout: float = DEFAULT_TIMEOUT
    keep_alive: bytes = b""
    keep_alive_timeout: float | None = None


def parse_hold(headers: Mapping[str, str]) -> Hold | None:
    """The hold that an answer asks for, or None; `headers` take names in any case."""
    mode = headers.get("grip-hold", "").strip()
    if mode not in ("stream", "response"):
        return None
    channels = tuple(split[0] for item in headers.get("grip-channel", "").split(",") if (split := _parts(item))[0])
    keep_alive, keep_alive_timeout = _keep_alive(headers.get("grip-keep-alive"))
    return Hold(
        mode=cast(Literal["stream", "response"], mode),
        channels=channels,
        timeout=max(MIN_TIMEOUT, _seconds(headers.get("grip-timeout"), DEFAULT_TIMEOUT)),
        keep_alive=keep_alive,
        keep_alive_timeout=keep_alive_timeout,
    )


def _keep_alive(value: str | None) -> tuple[bytes, float | None]:
    if not value:
        return b"", None
    text, *parameters = _parts(value)
    options = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
    return _formatted(text, options.get("format", "raw")), _seconds(options.get("timeout"), DEFAULT_KEEP_ALIVE)


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


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(";")]
