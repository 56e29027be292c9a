"""Reads the channel that a starter kit's code names, as a template of routes.yaml. Pure."""

import re

from fanroute.foreign.draft import Data
from fanroute.foreign.kit_conditions import subject_of
from fanroute.foreign.kit_words import LITERAL, Scope, resolved, split, unquoted

_REST_OF_PATH = re.compile(
    rf"(?:substring|slice)\(1\)|(?:trim_start_matches|strip_prefix|TrimPrefix|replace)\((?:[\w.]+, ?)?(?P<prefix>{LITERAL})"
    r"|\[1(?:\.\.|:)\]"
)
_PARAMETER = re.compile(rf"(?:get_query_parameter|searchParams\.get|Query\(\)\.Get)\((?P<name>{LITERAL})\)")
_HEADER = re.compile(rf"(?:get_header_str|headers\.get|Header\.Get)\((?P<name>{LITERAL})\)")
_FORMATTED = re.compile(rf"&?(?:format!|fmt\.Sprintf)\((?P<text>{LITERAL}), ?(?P<values>.*)\)(?:\.as_str\(\))?")


def read_channel(expression: str, scope: Scope, match: Data) -> str | None:
    """Returns a channel with references, and adds to the match what they need. Returns None if it is not understood."""
    text = resolved(expression, scope)
    if re.fullmatch(LITERAL, text):
        return _plain(unquoted(text))
    if re.fullmatch(r"`.*`", text):
        return _filled(re.split(r"\$\{([^{}]*)\}", text[1:-1]), scope, match)
    if written := _FORMATTED.fullmatch(text):
        pieces, values = re.split(r"\{\}|%[sv]", unquoted(written["text"])), split(written["values"], ",")
        if len(pieces) != len(values) + 1:
            return None
        return _filled([part for pair in zip(pieces, [*values, ""], strict=True) for part in pair][:-1], scope, match)
    for pattern, key in ((_PARAMETER, "query"), (_HEADER, "header")):
        if found := pattern.search(text):
            name = unquoted(found["name"]) if key == "query" else unquoted(found["name"]).lower()
            match[key] = {name: {"present": True}, **match.get(key, {})}
            return f"{{{key}.{name}}}"
    return _rest_of_path(text, subject_of(text, scope) == ("path", ""), match)


def _plain(text: str) -> str | None:
    """Returns a text of a channel. Returns None if it has a brace, which would begin a reference."""
    return None if set("{}") & set(text) else text


def _rest_of_path(text: str, is_whole: bool, match: Data) -> str | None:
    """Returns a reference to the whole path, or to what follows its beginning."""
    rest = _REST_OF_PATH.search(text)
    path = match.get("path", "/*")
    if not (rest or is_whole) or not path.endswith("/*") or "%" in path:
        return None
    before = path[:-1]
    removed = (unquoted(rest["prefix"]) if rest["prefix"] else "/") if rest else ""
    if not before.startswith(removed):
        return None
    match["path"] = f"{before}{{rest...}}"
    return f"{before.removeprefix(removed)}{{rest}}"


def _filled(parts: list[str], scope: Scope, match: Data) -> str | None:
    """Returns texts and the expressions between them as one template."""
    filled = [_plain(part) if index % 2 == 0 else read_channel(part, scope, match) for index, part in enumerate(parts)]
    return None if None in filled else "".join(filter(None, filled))
