"""Defines how often a client may use a route."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from fanroute.diagnostics.printable import quoted
from fanroute.spec.claims import check_claim
from fanroute.spec.headers import check_matched_header
from fanroute.spec.types import DURATION, Model, Text, TextFormat, duration_between, parse_duration, value_error, with_example

# The highest rate that Fastly documents, per second, its windows and its longest penalty in seconds.
# Source: https://github.com/fastly/compute-sdk-go/blob/main/erl/erl.go
MAX_RATE = 10_000
WINDOWS = {"1s": 1, "10s": 10, "60s": 60}
MINUTE, MAX_PENALTY = 60, 3600

CLIENT_IP = "client_ip"
_RATE = re.compile(r"([1-9][0-9]{0,4})/s")
# A rate as other tools write it: `100`, `100r/s`, `100 per second`, `6000/m`, `6000 per minute`.
_OTHER_RATE = re.compile(
    r"([0-9]{1,7}) ?(?:r(?:eq(?:uest)?s?)?)? ?(?:(?:/|per) ?(?:1 ?)?(s(?:ec(?:ond)?)?|m(?:in(?:ute)?)?))?", re.IGNORECASE
)


def _check_rate(value: Any) -> int:
    rate = _RATE.fullmatch(str(value))
    if rate and int(rate[1]) <= MAX_RATE:
        return int(rate[1])
    suggestion = f"write a number of requests a second, from '1/s' to '{MAX_RATE}/s'"
    if other := None if rate else _OTHER_RATE.fullmatch(str(value)):
        number, unit = int(other[1]), (other[2] or "s").lower()
        seconds = 1 if unit.startswith("s") else MINUTE
        meant = f"{-(-number // seconds)}/s"
        if 0 < number <= MAX_RATE * seconds:
            suggestion = f"write '{meant}'" + ("" if seconds == 1 else " with 'window: 60s', which is an average over a minute")
    raise value_error(f"{quoted(value)} is not a rate", suggestion)


def _check_window(value: Any) -> int:
    if value in WINDOWS:
        return WINDOWS[value]
    raise value_error(f"{quoted(value)} is not a window of Fastly's", "write '1s', '10s' or '60s'")


def _check_penalty(value: Any) -> Any:
    seconds = parse_duration(value, MINUTE, MAX_PENALTY)
    if seconds % MINUTE and MINUTE <= seconds <= MAX_PENALTY:
        meant = f"{-(-seconds // MINUTE)}m"
        raise value_error("Fastly counts a penalty in whole minutes", f"write '{meant}'")
    return value


def _check_by(value: str) -> str:
    source, _, name = value.partition(".")
    if value == CLIENT_IP:
        return value
    if source == "claim" and name:
        check_claim(name)
        return value
    if source == "header" and name:
        return f"header.{check_matched_header(name).lower()}"
    if braces := re.fullmatch(r"\{((?:claim|header)\..+)\}", value):
        raise value_error(f"{quoted(value)} has braces", f"write '{braces[1]}'")
    suggestion = f"write '{CLIENT_IP}', 'claim.sub' or 'header.x-key', with any claim or header"
    raise value_error(f"{quoted(value)} does not tell clients apart", suggestion)


Rate = Annotated[int, BeforeValidator(_check_rate), TextFormat("a rate", _RATE.pattern, ("100/s",))]
Window = Annotated[int, BeforeValidator(_check_window), TextFormat("1s, 10s or 60s", "|".join(WINDOWS), tuple(WINDOWS))]
Penalty = Annotated[
    int,
    duration_between(MINUTE, MAX_PENALTY),
    BeforeValidator(_check_penalty),
    TextFormat("a duration from 1m to 60m, in whole minutes", DURATION.pattern, ("2m", "10m")),
]
By = Annotated[
    Text,
    AfterValidator(_check_by),
    TextFormat("what tells clients apart", rf"{CLIENT_IP}|(claim|header)\..+", (CLIENT_IP, "claim.sub", "header.x-key")),
]


class Limit(Model):
    """Limits how often a client may use the route. A client that uses it more often gets a 429 until its penalty is over.

    Fastly's Edge Rate Limiting must be enabled for the service.
    """

    model_config = with_example({"rate": "100/s", "window": "10s", "penalty": "2m", "by": "client_ip"})

    rate: Rate
    """Allows a client so many requests a second, on average over `window`."""
    window: Window | None = None
    """The time over which the average is taken: `1s`, `10s` or `60s`. If not given, `10s`."""
    penalty: Penalty | None = None
    """Says how long a client that has sent too many requests is refused, in whole minutes. If not given, `2m`."""
    by: By | None = None
    """Tells clients apart: by `client_ip`, a claim such as `claim.sub`, or a header such as `header.x-key`. A client without
    the claim or header is counted by its address. If not given, `client_ip`."""
