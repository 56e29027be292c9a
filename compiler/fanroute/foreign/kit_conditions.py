"""Reads what an `if` of a starter kit's code asks of a request. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fanroute.foreign.draft import Data
from fanroute.foreign.kit_words import Scope, after_brackets, literals_in, resolved, split, text_of

WEBSOCKET_EVENTS = "application/websocket-events"

_METHOD = re.compile(r"Method(?:::)?(?P<name>[A-Z][A-Za-z]+)$")
_ABSENT = re.compile(r"is_none|[!=]==? ?(?:null|undefined|nil)|== ?\"\"")
_EQUAL = re.compile(r"===?|\.eq\(")
_BEGINS, _ENDS = re.compile(r"starts_?with\(|HasPrefix\(", re.I), re.compile(r"ends_?with\(|HasSuffix\(", re.I)


@dataclass(frozen=True, slots=True)
class Condition:
    """Represents what an `if` asks.

    Attributes:
        kind: if the request comes from Fanout (`fanout`), has a WebSocket's events (`events`), has one of some matches (`match`),
            lacks what every request has (`never`), or what is not understood (`unknown`).
        positive: False if it asks for the opposite.
        matches: for `match`, as in routes.yaml.
    """

    kind: Literal["fanout", "events", "match", "never", "unknown"]
    positive: bool = True
    matches: tuple[Data, ...] = ()


UNKNOWN = Condition("unknown")


def read_condition(text: str, scope: Scope, flags: dict[str, list[Data]]) -> Condition:
    """Returns what a condition asks. `flags` are variables that earlier conditions have set to true."""
    text = _bare(text)
    for operator in ("||", "&&"):
        parts = split(text, operator)
        if len(parts) > 1:
            return _joined([read_condition(part, scope, flags) for part in parts], operator)
    if text in flags:
        return Condition("match", matches=tuple(flags[text]))
    name = text.removeprefix("!").strip()
    if re.fullmatch(r"\w+", name) and scope.get(name):
        text = text.replace(name, resolved(name, scope))
    return _asked(text, scope)


def both(one: Data, other: Data) -> Data | None:
    """Returns a match for the requests of both. Returns None if there are none."""
    made = dict(one)
    for key, value in other.items():
        old: Any = made.get(key, value)
        if key == "path" and old != value:
            if old.endswith("/*") and value.startswith(old[:-1]):
                made[key] = value
            elif not (value.endswith("/*") and old.startswith(value[:-1])):
                return None
        elif old != value:
            return None
        else:
            made[key] = value
    return made


def all_of(ones: list[Data], others: tuple[Data, ...]) -> list[Data]:
    """Returns the matches for requests that one of each list takes."""
    return [made for one in ones for other in others if (made := both(one, other)) is not None]


def _bare(text: str) -> str:
    """Returns a condition without the parentheses around it."""
    text = text.strip()
    while text.startswith("(") and after_brackets(text) == len(text) and text.endswith(")"):
        text = text[1:-1].strip()
    return text


def _joined(found: list[Condition], operator: str) -> Condition:
    if not all(one.kind == "match" for one in found):
        return UNKNOWN
    if operator == "||":
        return Condition("match", matches=tuple(match for one in found for match in one.matches))
    matches: list[Data] = [{}]
    for one in found:
        matches = all_of(matches, one.matches)
    return Condition("match", matches=tuple(matches))


def _asked(text: str, scope: Scope) -> Condition:
    """Returns what a condition without `&&` and `||` asks."""
    is_negative = text.startswith("!")
    is_absent = _ABSENT.search(text) is not None and "!=" not in text
    if "grip-sig" in text.lower():
        return Condition("fanout", is_negative == is_absent)
    if WEBSOCKET_EVENTS in text:
        return Condition("never") if "!=" in text else Condition("events")
    if "host" in text.lower() and is_absent:
        return Condition("never")
    if is_negative or "!=" in text:
        return UNKNOWN
    matches = tuple(_matches(text, scope))
    return Condition("match", matches=matches) if matches else UNKNOWN


def _matches(text: str, scope: Scope) -> Iterator[Data]:
    """Yields the matches of a comparison."""
    lower, words = text.lower(), literals_in(text)
    last = re.split(r"[(,=\s]+", text.rstrip(")"))[-1]
    word = words[-1] if words else text_of(last, scope)
    if "upgrade" in lower and "websocket" in words:
        yield {"websocket": True}
    elif method := _METHOD.search(last) if "method" in lower and _EQUAL.search(text) else None:
        yield {"method": method["name"].upper()}
    elif word:
        yield from _compared(text, lower, word)


def _compared(text: str, lower: str, word: str) -> Iterator[Data]:
    """Yields the matches of a comparison with a word."""
    is_equal = _EQUAL.search(text) is not None
    if _BEGINS.search(text) and "host" not in lower and word.startswith("/"):
        yield from [{"path": f"{word}*"}] if word.endswith("/") else [{"path": word}, {"path": f"{word}/*"}]
    elif _ENDS.search(text) and "host" in lower and word.startswith("."):
        yield {"host": f"*{word}"}
    elif is_equal and "method" in lower:
        yield {"method": word.upper()}
    elif is_equal and "host" in lower:
        yield {"host": word}
    elif is_equal and "path" in lower and word.startswith("/"):
        yield {"path": word}
