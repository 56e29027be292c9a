"""Adds the headers that a site's host sets to the answers of the site's files. Pure."""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from fanroute.foreign.draft import Data, Draft, Part, Remark, shown
from fanroute.foreign.site import SITE, is_valid, possible_headers

_REST = "{rest...}"


@dataclass(frozen=True, slots=True)
class AnswerHeaders:
    """Represents headers of answers: the line, the requests in the words of the file, their paths and conditions, the headers."""

    line: int
    source: str
    paths: tuple[str, ...]
    match: Data
    headers: Data


def add_headers(draft: Draft, rules: list[AnswerHeaders]) -> None:
    """Adds headers to the routes for the site's files. Rules for a part of the files get routes of their own."""
    rules = [replace(rule, headers=possible_headers(rule.headers, "response", rule.line, draft.remarks)) for rule in rules]
    last = draft.routes.pop()
    known = [{**part.data["match"]} for part in draft.routes if part.data.get("forward") == SITE]
    refused: dict[tuple[int, str], None] = {}
    for path, rule in sorted(_places(rules), key=_order):
        match = {"path": path} | rule.match
        if match in known:
            continue
        known.append(match)
        if is_valid({"match": match, "forward": SITE}, draft):
            draft.routes.append(Part({"match": match, "forward": SITE}))
        else:
            refused[rule.line, rule.source] = None
    for line, source in refused:
        draft.remarks.append(Remark(line, f"left out: the headers for '{shown(source)}', which cannot be matched"))
    if second := [rule for rule in rules if rule.match][1:2]:
        text = "a file that several paths with a pattern take gets only the headers of the first such route"
        draft.remarks.append(Remark(second[0].line, text))
    draft.routes.append(last)
    for part in draft.routes:
        if part.data.get("forward") == SITE:
            _set_headers(part, rules)


def _places(rules: list[AnswerHeaders]) -> list[tuple[str, AnswerHeaders]]:
    """Returns the paths of the rules, and those that a rule with a pattern shares with another one."""
    own = [(path, rule) for rule in rules for path in rule.paths if rule.headers and (path != "/*" or rule.match)]
    shared = [
        (f"{path[:-1]}{_REST}", pattern)
        for pattern in rules
        for one in pattern.paths
        for path, rule in own
        if one.endswith(_REST) and not rule.match and path.endswith("/*") and path.startswith(one.removesuffix(_REST))
    ]
    return own + shared


def _order(place: tuple[str, AnswerHeaders]) -> tuple[bool, bool, int, str]:
    """Returns a key by which narrower paths come first."""
    path, rule = place
    return path.endswith(("*", "}")), not rule.match, -path.count("/"), path


def _set_headers(part: Part, rules: list[AnswerHeaders]) -> None:
    """Sets the headers of the rules that take all requests of a route."""
    match: Data = part.data.get("match", {})
    headers: dict[str, tuple[str, str]] = {}
    for rule in rules:
        if any(_takes(one, rule.match, match) for one in rule.paths):
            headers |= {name.lower(): (name, value) for name, value in rule.headers.items()}
    if headers:
        part.data["response_headers"] = {"set": dict(headers.values())}


def _takes(path: str, condition: Data, match: Data) -> bool:
    """Returns True if a rule's path and condition take all requests of a route."""
    inner = match.get("path", "/*")
    base = path.removesuffix(_REST)
    if not condition:
        return path == inner or (path.endswith("/*") and inner.startswith(path.removesuffix("*")))
    if condition.get("where") == match.get("where"):
        return path == inner or (base != path and inner.endswith(_REST) and inner.startswith(base))
    is_one = not inner.endswith("*") and "{" not in inner
    return is_one and base != path and inner.startswith(base) and _fits(condition["where"]["rest"], unquote(inner[len(base) :]))


def _fits(pattern: str, text: str) -> bool:
    try:
        return text != "" and re.fullmatch(pattern, text) is not None
    except re.error:
        return False
