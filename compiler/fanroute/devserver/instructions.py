"""Reads the instructions in a backend's answer: in its headers, and in a body of `application/grip-instruct`. Pure.

Source: https://pushpin.org/docs/protocols/grip/, and Pushpin's behaviour.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fanroute.devserver.grip_headers import DEFAULT_KEEP_ALIVE, MIN_TIMEOUT, Channel, Hold, KeepAlive, parse_hold
from fanroute.devserver.items import MAX_STATUS, malformed_part, reason_phrase
from fanroute.devserver.pushpin_json import (
    WrongType,
    content_bytes,
    header_pairs,
    integer,
    member,
    parse_json,
    strings,
    valid_text,
)
from fanroute_runtime.http.media_types import INSTRUCT

_INTEGER = re.compile(r"[0-9]{1,9}")

Headers = tuple[tuple[str, str], ...]


class BadInstructions(ValueError):
    """Reports that an answer's instructions are malformed."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """Holds an answer's instructions: how to hold the connection (None: not at all), and the answer that the client gets."""

    hold: Hold | None
    status: int
    reason: str
    headers: Headers
    body: bytes


def has_instructions(names: Iterable[str], content_type: str) -> bool:
    """Returns True if an answer has instructions, by the names of its headers and its Content-Type."""
    return _is_instruct(content_type) or any(name.lower().startswith("grip-") for name in names)


def read_instructions(status: int, reason: str, headers: Mapping[str, str], client_headers: Headers, body: bytes) -> Instructions:
    """Returns an answer's instructions. Raises BadInstructions.

    Args:
        status: the answer's status code.
        reason: its reason phrase.
        headers: its headers. The mapping finds names in any case, and returns several values as one, joined by commas.
        client_headers: the ones that the client may get.
        body: its body.
    """
    _check_headers(headers)
    hold = parse_hold(headers)
    client_status, reason = _client_status(headers.get("grip-status", ""), status, reason)
    exposed = [name.strip().lower() for name in headers.get("grip-expose-headers", "").split(",") if name.strip()]
    if exposed:
        client_headers = tuple((name, value) for name, value in client_headers if name.lower() in exposed)
    if not _is_instruct(headers.get("content-type", "")):
        return Instructions(hold, client_status, reason, client_headers, body)
    if status != 200:
        raise BadInstructions(f"an answer of type {INSTRUCT} must have the status 200")
    try:
        document = parse_json(body)
    except ValueError as error:
        raise BadInstructions(f"a body of type {INSTRUCT} must be JSON") from error
    try:
        return _with_document(Instructions(hold, client_status, reason, (), b""), document)
    except WrongType as error:
        raise BadInstructions(f"{INSTRUCT}: {valid_text(str(error))}") from error


def _with_document(instructions: Instructions, document: Any) -> Instructions:
    """Adds the instructions of a body to those of the headers. Raises WrongType and BadInstructions."""
    if not isinstance(document, dict):
        raise WrongType("instruct must be an object")
    hold = member(document, "hold", dict, "instruct")
    response = member(document, "response", dict, "instruct", {})
    if hold is not None:
        instructions = replace(instructions, hold=_hold(hold, instructions.hold or Hold("")))
    body = content_bytes(response, "body", "response")
    if body is None and instructions.hold is None:
        raise WrongType("neither a hold nor a body")
    status = integer(response, "code", "response", instructions.status, MAX_STATUS)
    default_reason = reason_phrase(status) if "code" in response else instructions.reason
    reason = member(response, "reason", str, "response", "") or default_reason
    headers = header_pairs(response, "headers", "response")
    if part := malformed_part(reason, headers):
        raise BadInstructions(f"{INSTRUCT}: {part} has a character that HTTP does not allow")
    return replace(instructions, status=status, reason=reason, headers=headers, body=body or b"")


def _hold(value: dict[str, Any], hold: Hold) -> Hold:
    """Returns the hold of a body, which adds to the one of the headers. Raises WrongType."""
    mode = member(value, "mode", str, "hold", "response")
    if mode not in ("response", "stream"):
        raise WrongType("hold 'mode' must be set to either 'response' or 'stream'")
    if "channels" not in value:
        raise WrongType("hold does not contain 'channels'")
    channels = tuple(map(_channel, member(value, "channels", list, "hold")))
    meta = member(value, "meta", dict, "hold", {})
    keep_alive = member(value, "keep-alive", dict, "hold")
    return replace(
        hold,
        mode=mode,
        channels=hold.channels + channels,
        timeout=max(MIN_TIMEOUT, float(integer(value, "timeout", "hold", int(hold.timeout)))),
        keep_alive=hold.keep_alive if keep_alive is None else _keep_alive(keep_alive),
        meta={**hold.meta, **{valid_text(name): member(meta, name, str, "'meta'") for name in meta}},
    )


def _channel(value: Any) -> Channel:
    if not isinstance(value, dict):
        raise WrongType("channel is not an object")
    name = member(value, "name", str, "channel")
    if name is None:
        raise WrongType("channel does not contain 'name'")
    return Channel(name, strings(value, "filters", "channel") or (), member(value, "prev-id", str, "channel"))


def _keep_alive(value: dict[str, Any]) -> KeepAlive:
    timeout = integer(value, "timeout", "keep-alive", int(DEFAULT_KEEP_ALIVE))
    return KeepAlive(content_bytes(value, "content", "keep-alive") or b"", float(max(1, timeout)), interval=True)


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raises BadInstructions for instructions in headers that Pushpin refuses."""
    if headers.get("grip-hold", "stream") not in ("stream", "response"):
        raise BadInstructions("Grip-Hold must be set to either 'response' or 'stream'")
    if not _INTEGER.fullmatch(headers.get("grip-timeout", "0")):
        raise BadInstructions("Grip-Timeout must be a number of seconds")


def _client_status(grip_status: str, status: int, reason: str) -> tuple[int, str]:
    """Returns the status and reason that the client gets: a Grip-Status, or else the answer's own. Raises BadInstructions."""
    if not grip_status:
        return status, reason
    code, _, phrase = grip_status.partition(" ")
    if not _INTEGER.fullmatch(code) or int(code) > MAX_STATUS:
        raise BadInstructions("Grip-Status contains invalid status code")
    return int(code), phrase or reason_phrase(int(code))


def _is_instruct(content_type: str) -> bool:
    return content_type.partition(";")[0].strip() == INSTRUCT
