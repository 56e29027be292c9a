"""Turns Netlify's `_redirects` file, and the routing of its `netlify.toml`, into a draft of a routes.yaml. Pure.

Sources: https://docs.netlify.com/manage/routing/redirects/overview/ and
https://docs.netlify.com/build/configure-builds/file-based-configuration/
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from fanroute.foreign.draft import Data, Draft, NotImported, Remark, shown
from fanroute.foreign.joined import join_routes
from fanroute.foreign.literals import filled, path_text, pattern_text
from fanroute.foreign.located import Located, read_toml
from fanroute.foreign.site import MAX_RULE, MAX_RULES, REDIRECTS, REST, BadRule, Rule, Site
from fanroute.foreign.site_headers import AnswerHeaders, add_headers

_STATUS = re.compile(r"(\d{3})!?")
# A placeholder of a path or a query: it follows a slash or an equals sign.
_PLACEHOLDER = re.compile(r"(?<=[/=]):([A-Za-z_][\w-]*)")
_UNFORCED = "without '!' after the status, Netlify prefers a file of that path to the line; a route never does"
_UNFORCED_TOML = "without 'force = true', Netlify prefers a file of that path to the rule; a route never does"

# The keys of a redirect, with their older names.
_KEYS = {
    "from": ("from", "origin"),
    "to": ("to", "destination"),
    "status": ("status",),
    "force": ("force",),
    "query": ("query", "params", "parameters"),
    "conditions": ("conditions",),
    "headers": ("headers",),
}
_NO_EQUAL = {
    "signed": "requests to the server are not signed",
    "sign": "requests to the server are not signed",
    "signing": "requests to the server are not signed",
    "rate_limit": "write it as `limit` of the route, which counts requests a second",
}


@dataclass(frozen=True, slots=True)
class _Line:
    """Represents a rule in Netlify's terms."""

    line: int
    source: str
    target: str
    query: tuple[tuple[str, str], ...] = ()
    status: int = 301
    forced: bool = False
    conditions: tuple[str, ...] = ()
    headers: Data = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


def import_redirects(text: str) -> Draft:
    """Returns the draft for a `_redirects` file. Raises NotImported if no line gives a route."""
    numbered = ((line, content.split()) for line, content in enumerate(text.split("\n"), 1))
    lines = [(line, words) for line, words in numbered if words and not words[0].startswith("#")]
    _check_number([line for line, _ in lines])
    site = Site()
    rules = []
    for line, words in lines:
        try:
            rules.append(_line(line, words))
        except BadRule as error:
            site.leave_out(line, error)
    _add(site, rules, _UNFORCED)
    return join_routes(site.finish(lines[-1][0] if lines else 0))


def import_toml(text: str) -> Draft:
    """Returns the draft for a `netlify.toml`. Raises NotImported if nothing in it concerns routing."""
    file = read_toml(text, "redirects", "headers", "edge_functions")
    redirects, headers = _tables(file, "redirects"), _tables(file, "headers")
    _check_number([file.line("redirects", index) for index, _ in redirects])
    site = Site()
    rules = []
    for index, table in redirects:
        try:
            rules.append(_table_line(file, index, table))
        except BadRule as error:
            site.leave_out(file.line("redirects", index), error)
    _add(site, rules, _UNFORCED_TOML)
    answers = [one for index, table in headers for one in _answer_headers(site, file, index, table)]
    for index, table in _tables(file, "edge_functions"):
        where = shown(str(table.get("path") or table.get("pattern") or ""))
        site.leave_out(
            file.line("edge_functions", index), f"the edge function '{shown(str(table.get('function')))}' for '{where}'"
        )
    others = sorted(set(file.data) - {"redirects", "headers", "edge_functions"}, key=file.line)
    if others:
        site.draft.remarks.append(Remark(file.line(others[0]), f"no part of routing: {shown(', '.join(others))}"))
    if not redirects and not answers:
        raise NotImported("it has no [[redirects]] and no [[headers]]")
    last = max(file.line(name) for name in ("redirects", "headers") if name in file.data)
    draft = site.finish(last, bool(answers))
    add_headers(draft, answers)
    return join_routes(draft)


def _check_number(lines: list[int]) -> None:
    if len(lines) > MAX_RULES:
        raise NotImported(f"the file has more than {MAX_RULES} rules", lines[MAX_RULES])


def _add(site: Site, rules: list[_Line], unforced: str) -> None:
    """Adds the routes of the rules, in order."""
    for rule in rules:
        try:
            site.add(_rule(rule))
        except BadRule as error:
            site.leave_out(rule.line, error)
    first = next((rule.line for rule in rules if not rule.forced), None)
    if site.draft.routes and first is not None:
        site.draft.remarks.append(Remark(first, unforced))


def _line(line: int, words: list[str]) -> _Line:
    """Reads a line: a path or URL, `name=value` for queries, where it goes, perhaps a status, and conditions."""
    if sum(map(len, words)) > MAX_RULE:
        raise BadRule(f"the line has more than {MAX_RULE} characters")
    comment = next((index for index, word in enumerate(words) if word.startswith("#")), len(words))
    source, *rest = words[:comment]
    at = next((index for index, word in enumerate(rest) if word.startswith(("/", "http://", "https://"))), None)
    if at is None:
        raise BadRule("it does not say where the requests go")
    pairs = [word.partition("=") for word in rest[:at]]
    if not all(name and equals for name, equals, _ in pairs):
        raise BadRule(f"'{shown(' '.join(rest[:at]))}' is no condition on a query")
    status, conditions = _STATUS.fullmatch(rest[at + 1]) if len(rest) > at + 1 else None, rest[at + 1 :]
    if status:
        conditions = conditions[1:]
    number, forced = (int(status[1]), status[0].endswith("!")) if status else (301, False)
    query = tuple((name, value) for name, _, value in pairs)
    return _Line(line, source, rest[at], query, number, forced, tuple(conditions))


def _table_line(file: Located, index: int, table: Data) -> _Line:
    """Reads a `[[redirects]]` table."""
    values = {name: next((table[key] for key in keys if key in table), None) for name, keys in _KEYS.items()}
    known = [key for keys in _KEYS.values() for key in keys]
    remarks = []
    for key in table:
        if key not in known:
            line = file.line("redirects", index, key)
            remarks.append(Remark(line, f"{shown(key)}: {_NO_EQUAL.get(key, 'unknown to Netlify')}"))
    source, target, status = values["from"], values["to"], values["status"]
    if not isinstance(source, str) or not isinstance(target or "", str):
        raise BadRule("it has no 'from', or no 'to', as text")
    if sum(len(str(value)) for value in values.values()) > MAX_RULE:
        raise BadRule(f"it has more than {MAX_RULE} characters")
    if not isinstance(301 if status is None else status, int) or isinstance(status, bool):
        raise BadRule(f"'{shown(str(status))}' is no status")
    query = _mapping(values["query"], "query")
    conditions = tuple(
        f"{name}={_joined(value)}" for name, value in _mapping(values["conditions"], "conditions").items() if value
    )
    return _Line(
        file.line("redirects", index),
        source,
        target or source,
        tuple((name, str(value)) for name, value in query.items()),
        301 if status is None else status,
        values["force"] is True,
        conditions,
        _mapping(values["headers"], "headers"),
        tuple(remarks),
    )


def _rule(line: _Line) -> Rule:
    """Returns a rule in the terms of routes.yaml. Netlify ignores a slash at the end of a path, and `/a/*` also takes `/a`."""
    if line.conditions:
        refused = ". They are not refused" if line.status >= 400 else ""
        raise BadRule(f"'{shown(' '.join(line.conditions))}' cannot be matched. Its requests get a later line{refused}")
    try:
        source = urlsplit(line.source)
    except ValueError:
        raise BadRule(f"'{shown(line.source)}' is not a URL") from None
    if source.query or source.fragment:
        raise BadRule(f"no path has a '?' or '#', as '{shown(line.source)}'")
    if len(dict(line.query)) < len(line.query):
        raise BadRule(f"'{shown(line.source)}' names a query parameter twice")
    bound = {f":{name}": f"{{{_parameter(name)}}}" for name in _PLACEHOLDER.findall(source.path)}
    bound |= {value: f"{{query.{name}}}" for name, value in line.query if value.startswith(":")}
    if source.path.endswith("/*"):
        bound[":splat"] = REST
    match: Data = {"host": source.hostname, "scheme": source.scheme} if source.netloc else {}
    if line.query:
        match["query"] = {name: {"present": True} if value.startswith(":") else unquote_plus(value) for name, value in line.query}
    if line.status in REDIRECTS and line.target.rstrip("/") == line.source.rstrip("/"):
        raise BadRule(f"'{shown(line.source)}' leads to its own path, at most with another slash at the end")
    target = filled(line.target, bound)
    unbound = (f"':{shown(name)}' stands for nothing, so it is text" for name in _PLACEHOLDER.findall(target))
    remarks = (*line.remarks, *(Remark(line.line, text) for text in unbound))
    paths = _paths(_written(source.path or "/"))
    return Rule(line.line, line.source, paths, target, line.target, match, line.status, line.headers, remarks=remarks)


def _answer_headers(site: Site, file: Located, index: int, table: Data) -> Iterable[AnswerHeaders]:
    """Yields the headers of a `[[headers]]` table, perhaps none."""
    line, source, values = file.line("headers", index), table.get("for"), table.get("values")
    if not isinstance(source, str) or not isinstance(values, dict):
        site.leave_out(line, "headers without 'for' or 'values'")
        return
    # A header can be written on several lines, between three quotes.
    headers = {name: " ".join(_joined(value).split()) for name, value in values.items()}
    for name in [name for name in headers if name.lower() == "basic-auth"]:
        del headers[name]
        site.leave_out(line, f"Basic-Auth for '{shown(source)}': the edge asks for no password, so anybody gets these files")
    yield AnswerHeaders(line, source, *_paths_of_headers(source), headers)


def _paths_of_headers(source: str) -> tuple[tuple[str, ...], Data]:
    """Returns the paths of a `[[headers]]` table, and a condition for what follows a `*` in the middle, as in `/a/*.js`."""
    before, star, after = source.partition("*")
    if not star or not after or "*" in after or not before.endswith("/"):
        return _paths(_written(source)), {}
    return (f"{_written(before)}{{rest...}}",), {"where": {"rest": f".*{pattern_text(after)}"}}


def _tables(file: Located, name: str) -> list[tuple[int, Data]]:
    """Returns the tables of a list, with their indices. Raises NotImported for anything else."""
    tables = file.data.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise NotImported(f"'{name}' is no list of tables", file.line(name))
    return list(enumerate(tables))


def _mapping(value: Any, name: str) -> Data:
    if value is not None and not isinstance(value, dict):
        raise BadRule(f"its '{name}' is no table")
    return value or {}


def _joined(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _written(path: str) -> str:
    """Returns a path with its placeholders as parameters, and everything else as text."""
    parts = _PLACEHOLDER.split(path)
    return "".join(f"{{{_parameter(part)}}}" if index % 2 else _text_of_path(part) for index, part in enumerate(parts))


def _text_of_path(text: str) -> str:
    """Returns a text as a part of a path, in which `*` stands for any rest."""
    return "*".join(map(path_text, text.split("*")))


def _parameter(name: str) -> str:
    return name.lower().strip("_-").replace("-", "_") or "name"


def _paths(path: str) -> tuple[str, ...]:
    """Returns the paths of a match: with and without a slash at the end, and with the rest if there is one."""
    base = path.removesuffix("/*").rstrip("/")
    if path.endswith("/*"):
        return (base, f"{base}/*") if base else ("/*",)
    return (base, f"{base}/") if base else ("/",)
