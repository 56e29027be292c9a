"""Reads what a backend's answer says to Fanout, in its headers and in a body of `application/grip-instruct`. Pure.

Source: https://pushpin.org/docs/protocols/grip/, and Pushpin's behaviour.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fanroute.devserver.grip_headers import DEFAULT_KEEP_ALIVE, MIN_TIMEOUT, Channel, Hold, KeepAlive, parse_hold
from fanroute.devserver.items import MAX_STATUS, content_of, reason_of
from fanroute.devserver.pushpin_json import WrongType, clean, integer, member, pairs, parse, strings
from fanroute_runtime.media_types import INSTRUCT

_INTEGER = re.compile(r"[0-9]{1,9}")

Headers = tuple[tuple[str, str], ...]


class BadInstructions(ValueError):
    """Reports that an answer's instructions are malformed."""


@dataclass(frozen=True, slots=True)
class Instructed:
    """Holds an answer's instructions: how Fanout holds the connection (None: not at all), and the answer for the client."""

    hold: Hold | None
    status: int
    reason: str
    headers: Headers
    body: bytes


def has_instructions(names: Iterable[str], content_type: str) -> bool:
    """Returns True if an answer has instructions, by the names of its headers and its Content-Type."""
    return _is_instruct(content_type) or any(name.lower().startswith("grip-") for name in names)


def read_instructions(status: int, reason: str, given: Mapping[str, str], headers: Headers, body: bytes) -> Instructed:
    """Returns an answer's instructions. Raises BadInstructions.

    Args:
        status: the answer's own, as are `reason` and `body`.
        given: its headers; names can be in any case, and several values of a header are joined with a comma.
        headers: the headers that its client may get.
    """
    _check(given)
    hold = parse_hold(given)
    shown, reason = _status(given.get("grip-status", ""), status, reason)
    exposed = [name.strip().lower() for name in given.get("grip-expose-headers", "").split(",") if name.strip()]
    if exposed:
        headers = tuple((name, value) for name, value in headers if name.lower() in exposed)
    if not _is_instruct(given.get("content-type", "")):
        return Instructed(hold, shown, reason, headers, body)
    if status != 200:
        raise BadInstructions(f"an answer of {INSTRUCT} has the status 200")
    try:
        document = parse(body)
    except ValueError as error:
        raise BadInstructions(f"a body of {INSTRUCT} is JSON") from error
    try:
        return _of_body(document, Instructed(hold, shown, reason, (), b""))
    except WrongType as wrong:
        raise BadInstructions(f"{INSTRUCT}: {clean(str(wrong))}") from wrong


def _of_body(document: Any, said: Instructed) -> Instructed:
    if not isinstance(document, dict):
        raise WrongType("instruct must be an object")
    hold = member(document, "hold", dict, "instruct")
    response = member(document, "response", dict, "instruct", {})
    if hold is not None:
        said = replace(said, hold=_hold(hold, said.hold or Hold("")))
    body = content_of(response, "body", "response")
    if body is None and said.hold is None:
        raise WrongType("neither a hold nor a body")
    status = integer(response, "code", "response", said.status, MAX_STATUS)
    reason = member(response, "reason", str, "response", "") or (reason_of(status) if "code" in response else said.reason)
    return replace(said, status=status, reason=reason, headers=pairs(response, "headers", "response"), body=body or b"")


def _hold(given: dict[str, Any], of_headers: Hold) -> Hold:
    mode = member(given, "mode", str, "hold", "response")
    if mode not in ("response", "stream"):
        raise WrongType("hold 'mode' must be set to either 'response' or 'stream'")
    if "channels" not in given:
        raise WrongType("hold does not contain 'channels'")
    channels = tuple(map(_channel, member(given, "channels", list, "hold")))
    meta = member(given, "meta", dict, "hold", {})
    keep_alive = member(given, "keep-alive", dict, "hold")
    return replace(
        of_headers,
        mode=mode,
        channels=of_headers.channels + channels,
        timeout=max(MIN_TIMEOUT, float(integer(given, "timeout", "hold", int(of_headers.timeout)))),
        keep_alive=of_headers.keep_alive if keep_alive is None else _keep_alive(keep_alive),
        meta={**of_headers.meta, **{clean(name): member(meta, name, str, "'meta'") for name in meta}},
    )


def _channel(given: Any) -> Channel:
    if not isinstance(given, dict):
        raise WrongType("channel is not an object")
    name = member(given, "name", str, "channel")
    if name is None:
        raise WrongType("channel does not contain 'name'")
    return Channel(name, strings(given, "filters", "channel") or (), member(given, "prev-id", str, "channel"))


def _keep_alive(given: dict[str, Any]) -> KeepAlive:
    timeout = integer(given, "timeout", "keep-alive", int(DEFAULT_KEEP_ALIVE))
    return KeepAlive(content_of(given, "content", "keep-alive") or b"", float(max(1, timeout)), interval=True)


def _check(given: Mapping[str, str]) -> None:
    """Checks instructions in headers. Raises BadInstructions for those that Pushpin refuses."""
    if given.get("grip-hold", "stream") not in ("stream", "response"):
        raise BadInstructions("Grip-Hold must be set to either 'response' or 'stream'")
    if not _INTEGER.fullmatch(given.get("grip-timeout", "0")):
        raise BadInstructions("Grip-Timeout is no number of seconds")


def _status(given: str, status: int, reason: str) -> tuple[int, str]:
    """Returns the status and reason that a Grip-Status gives, if there is one. Raises BadInstructions."""
    if not given:
        return status, reason
    code, _, phrase = given.partition(" ")
    if not _INTEGER.fullmatch(code) or int(code) > MAX_STATUS:
        raise BadInstructions("Grip-Status contains invalid status code")
    return int(code), phrase or reason_of(int(code))


def _is_instruct(content_type: str) -> bool:
    return content_type.partition(";")[0].strip() == INSTRUCT
