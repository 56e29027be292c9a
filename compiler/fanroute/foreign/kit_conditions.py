"""Reads what an `if` of a starter kit's code asks of a request. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from fanroute.foreign.draft import Data, Draft
from fanroute.foreign.kit_matches import all_of, written
from fanroute.foreign.kit_words import LITERAL, Scope, after_brackets, literals_in, resolved, split, text_of, unquoted
from fanroute.foreign.literals import path_text
from fanroute.foreign.site import REFUSAL, is_valid

WEBSOCKET_EVENTS = "application/websocket-events"

_ABSENT = re.compile(r"is_none|[!=]==? ?(?:null|undefined|nil|None)|== ?\"\"")
# What leads to a part of a request, such as `request.`, `req.get_url().` or `new URL(request.url).`.
_OWNER = r"(?:new URL\([\w.]*\)\??\.|[\w?]+(?:\(\))?\??\.)*"
_SUBJECTS = {
    "path": re.compile(
        rf"{_OWNER}(?:pathname|path(?:\(\))?|get_path\(\)|EscapedPath\(\))|(?:url|req|request)_?path(?:name)?", re.IGNORECASE
    ),
    "method": re.compile(rf"{_OWNER}(?:method(?:\(\))?|get_method(?:_str)?\(\))", re.IGNORECASE),
    "host": re.compile(
        rf"{_OWNER}(?:host(?:name)?|host(?:_str)?\(\)|get_host\(\)"
        rf"|(?:headers\.get|get_header_str|Header\.Get)\([\"']host[\"']\))",
        re.IGNORECASE,
    ),
    "header": re.compile(rf"{_OWNER}(?:headers\.get|get_header(?:_str)?|Header\.Get)\((?P<name>{LITERAL})\)"),
    "query": re.compile(rf"{_OWNER}(?:searchParams\.get|get_query_parameter|Query\(\)\.Get)\((?P<name>{LITERAL})\)"),
}
# Calls after a subject that leave its text as it is.
_SAME = re.compile(
    r"\.(?:as_str|as_ref|as_deref|to_string|to_owned|clone|unwrap|unwrap_or_default|toString|String)\(\)"
    r"|\.unwrap_or\(\"\"\)|[?!]$"
)
_METHOD = re.compile(r"(?:\w+::)*(?:\w+\.)?Method(?:::)?(?P<name>[A-Z][A-Za-z]+)")
_VALUE = re.compile(r"(?:Some|HeaderValue::from_static|String::from)\((.*)\)|(.*)\.(?:to_string|into|to_owned)\(\)")


def _call(methods: str, function: str) -> re.Pattern[str]:
    """Returns an expression for calls with a part of the request and a text: as methods of JavaScript and Rust, and in Go."""
    return re.compile(rf"(?P<of>.+)\.(?:{methods})\((?P<word>[^,]+)\)|strings\.{function}\((?P<first>.+), ?(?P<second>[^,]+)\)")


# The calls, by what they ask.
_CALLS = {
    "begins": _call("startsWith|starts_with", "HasPrefix"),
    "ends": _call("endsWith|ends_with", "HasSuffix"),
    "contains": _call("includes|contains", "Contains"),
    "equal": _call("eq", "Equal"),
}
_PRESENT = re.compile(rf"{_OWNER}(?:headers\.has|contains_header)\((?P<name>{LITERAL})\)|(?P<subject>.+)\.is_some\(\)")
_EXPRESSION = re.compile(
    r"/(?P<text>(?:\\.|[^/\\])+)/\.test\((?P<of>[^()]*(?:\(\))?[^()]*)\)|(?P<subject>.+)\.match\(/(?P<same>(?:\\.|[^/\\])+)/\)"
)
# An expression of which every part is text, besides anchors.
_PLAIN = re.compile(r"(?P<start>\^?)(?P<text>(?:[\w~%,@ -]|/|\\[^\w])*)(?P<end>\$?)")


@dataclass(frozen=True, slots=True)
class Condition:
    """Represents what an `if` asks.

    Attributes:
        kind: if the request comes from Fanout (`fanout`), has a WebSocket's events (`events`), has one of some matches (`match`),
            lacks what every request has (`never`), or what is not understood (`unknown`).
        positive: for `fanout` and `events`, False if it must not be such a request.
        matches: for `match`, which requests it takes.
        without: those of them that it does not take.
    """

    kind: Literal["fanout", "events", "match", "never", "unknown"]
    positive: bool = True
    matches: tuple[Data, ...] = ()
    without: tuple[Data, ...] = ()


UNKNOWN = Condition("unknown")
_ALL: tuple[Data, ...] = ({},)


def read_condition(text: str, scope: Scope, flags: dict[str, list[Data]]) -> Condition:
    """Returns what a condition asks. `flags` are variables that earlier conditions have set to true."""
    text = bare(text)
    for operator in ("||", "&&"):
        parts = split(text, operator)
        if len(parts) > 1:
            return _joined([read_condition(part, scope, flags) for part in parts], operator)
    if text.startswith("!") and not text.startswith("!="):
        inner = text[1:].strip()
        if inner in flags or (inner.startswith("(") and after_brackets(inner) == len(inner)):
            return _opposite(read_condition(inner, scope, flags))
    if text in flags:
        return Condition("match", matches=tuple(flags[text]))
    name = text.removeprefix("!").strip()
    if re.fullmatch(r"\w+", name) and scope.get(name):
        text = text.replace(name, resolved(name, scope))
    return _asked(text, scope)


def subject_of(expression: str, scope: Scope) -> tuple[str, str] | None:
    """Returns the part of a request that an expression stands for: its kind, and the name of a header or query parameter."""
    text = resolved(_SAME.sub("", expression.strip().lstrip("&*")), scope)
    text = _SAME.sub("", text.strip().lstrip("&*"))
    for kind, pattern in _SUBJECTS.items():
        if found := pattern.fullmatch(text):
            return kind, unquoted(found["name"]) if kind in ("header", "query") else ""
    return None


def equal_to(subject: tuple[str, str], value: str, scope: Scope) -> Data | None:
    """Returns the match for requests that have a value. Returns None for a value that is not understood."""
    kind, name = subject
    while inner := _VALUE.fullmatch(value.strip()):
        value = inner[1] or inner[2]
    method = _METHOD.fullmatch(value.lstrip("&*")) if kind == "method" else None
    word = method["name"] if method else text_of(value, scope)
    if not word:
        return None
    if kind == "path":
        return {"path": path_text(word)} if word.startswith("/") else None
    if kind in ("header", "query"):
        return {kind: {name.lower() if kind == "header" else name: word}}
    return {kind: word.upper() if kind == "method" else word}


def bare(text: str) -> str:
    """Returns an expression without the parentheses around it."""
    text = text.strip()
    while text.startswith("(") and after_brackets(text) == len(text) and text.endswith(")"):
        text = text[1:-1].strip()
    return text


def _opposite(one: Condition) -> Condition:
    if one.kind == "fanout":
        return Condition("fanout", not one.positive)
    if one.kind != "match" or (one.without and one.matches != _ALL):
        return UNKNOWN
    if len(one.matches) == 1 and not one.without and (flipped := _flipped(one.matches[0])):
        return Condition("match", matches=(flipped,))
    return Condition("match", matches=one.without) if one.without else Condition("match", matches=_ALL, without=one.matches)


def _flipped(match: Data) -> Data | None:
    """Returns the match for all other requests, None if no match can say that."""
    match match:
        case {"websocket": bool(asks), **others} if not others:
            return {"websocket": not asks}
        case {"header": conditions, **others} | {"query": conditions, **others} if not others and len(conditions) == 1:
            [(name, condition)] = conditions.items()
            if isinstance(condition, dict) and "present" in condition:
                return {key: {name: {"present": not condition["present"]}} for key in match}
    return None


def _joined(found: list[Condition], operator: str) -> Condition:
    if not all(one.kind == "match" for one in found):
        return UNKNOWN
    if operator == "&&":
        without = tuple(match for one in found for match in one.without)
        return Condition("match", matches=_intersection(one.matches for one in found), without=without)
    if not any(one.without for one in found):
        return Condition("match", matches=tuple(match for one in found for match in one.matches))
    if all(one.without and one.matches == _ALL for one in found):
        return Condition("match", matches=_ALL, without=_intersection(one.without for one in found))
    return UNKNOWN


def _intersection(found: Iterable[tuple[Data, ...]]) -> tuple[Data, ...]:
    return reduce(lambda one, other: tuple(all_of(one, other)), found, _ALL)


def _asked(text: str, scope: Scope) -> Condition:
    """Returns what a condition without `&&` and `||` asks."""
    is_negative = text.startswith("!")
    is_absent = _ABSENT.search(text) is not None and "!=" not in text
    if "grip-sig" in text.lower():
        return Condition("fanout", is_negative == is_absent)
    if WEBSOCKET_EVENTS in text:
        return Condition("events", "!=" not in text)
    text = text[1:].strip() if is_negative else text
    if "!=" in text:
        text, is_negative = re.sub(r"!==?", "==", text, count=1), not is_negative
    if is_absent and (subject := subject_of(re.split(r"\.is_none| ?===? ?", text)[0], scope)) and subject[0] == "host":
        return Condition("never")
    if text.endswith(".is_none()"):
        text, is_negative = f"{text.removesuffix('.is_none()')}.is_some()", not is_negative
    matches = _matches(text, scope)
    if not matches or not all(_can_be_said(match) for match in matches):
        return UNKNOWN
    condition = Condition("match", matches=tuple(matches))
    return _opposite(condition) if is_negative else condition


def _can_be_said(match: Data) -> bool:
    routes = written(match)
    return routes is not None and all(is_valid(({"match": one} if one else {}) | REFUSAL, Draft()) for one in routes)


def _matches(text: str, scope: Scope) -> list[Data]:
    """Returns the matches of a comparison, [] if it is not understood."""
    if "upgrade" in text.lower() and "websocket" in literals_in(text):
        return [{"websocket": True}]
    if found := _PRESENT.fullmatch(text):
        subject = ("header", unquoted(found["name"])) if found["name"] else subject_of(found["subject"], scope)
        return _present(subject)
    if found := _EXPRESSION.fullmatch(text):
        return _of_expression(subject_of(found["of"] or found["subject"], scope), found["text"] or found["same"])
    sides = next((parts for operator in ("===", "==") if len(parts := split(text, operator)) == 2), None)
    if sides:
        return _equal(sides, scope)
    for kind, pattern in _CALLS.items():
        if found := pattern.fullmatch(text):
            groups = found.groupdict()
            return _called(kind, groups["of"] or groups["first"], groups["word"] or groups["second"], scope)
    return []


def _present(subject: tuple[str, str] | None, is_present: bool = True) -> list[Data]:
    if subject is None or subject[0] not in ("header", "query"):
        return []
    kind, name = subject
    return [{kind: {name.lower() if kind == "header" else name: {"present": is_present}}}]


def _equal(sides: list[str], scope: Scope) -> list[Data]:
    """Returns the match of a comparison, of which either side is a part of the request."""
    for expression, value in (sides, sides[::-1]):
        subject = subject_of(expression, scope)
        if subject and value in ("null", "undefined", "nil", "None"):
            return _present(subject, False)
        if subject and (match := equal_to(subject, value, scope)):
            return [match]
    return []


def _called(kind: str, of: str, word: str, scope: Scope) -> list[Data]:
    """Returns the matches of a call such as `path.startsWith("/a")`, or `["GET", "HEAD"].includes(method)`."""
    if kind == "contains" and of.startswith("[") and (subject := subject_of(word, scope)):
        found = [equal_to(subject, value, scope) for value in split(of[1:-1], ",")]
        return [one for one in found if one] if all(found) else []
    subject, text = subject_of(of, scope), text_of(word, scope)
    if subject is None or not text:
        return []
    if kind == "equal":
        match = equal_to(subject, word, scope)
        return [match] if match else []
    if subject[0] == "host":
        return [{"host": f"*{text}"}] if kind == "ends" and text.startswith(".") else []
    return _of_path(kind, text) if subject[0] == "path" else []


def _of_path(kind: str, text: str) -> list[Data]:
    """Returns the matches for paths that begin or end with a text, contain it, or are equal to it."""
    if kind in ("begins", "equal") and not text.startswith("/"):
        return []
    if kind == "contains" and text == "/":
        return [{}]
    path = path_text(text)
    return [{"path": f"{path}*"} if kind == "begins" else {"path": path} if kind == "equal" else {kind: path}]


def _of_expression(subject: tuple[str, str] | None, expression: str) -> list[Data]:
    """Returns the matches for paths in which an expression is found, if it is a text, perhaps with anchors."""
    plain = _PLAIN.fullmatch(expression)
    if plain is None or subject is None or subject[0] != "path":
        return []
    kinds = {(True, True): "equal", (True, False): "begins", (False, True): "ends", (False, False): "contains"}
    text = re.sub(r"\\(.)", r"\1", plain["text"])
    return _of_path(kinds[bool(plain["start"]), bool(plain["end"])], text) if text else []
