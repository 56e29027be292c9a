"""Turns the routing of a `vercel.json` into a draft of a routes.yaml. Pure.

Source: https://vercel.com/docs/project-configuration
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fanroute.foreign.draft import Data, Draft, NotImported, Remark, shown
from fanroute.foreign.joined import join_routes
from fanroute.foreign.literals import pattern_text, target_text
from fanroute.foreign.located import Located, read_json
from fanroute.foreign.path_to_regexp import UNBOUND, Paths, closing, read_expression, read_source
from fanroute.foreign.site import MAX_RULE, MAX_RULES, SITE, BadRule, Rule, Site
from fanroute.foreign.site_headers import AnswerHeaders, add_headers
from fanroute.spec.placeholders import parameter_name
from fanroute.spec.template import label_name, parameter_names

_LISTS = ("redirects", "rewrites", "headers", "routes")
_UNFORCED = "Vercel prefers a file of that path to the rule; a route never does"
_TOP_LEVEL = {
    "cleanUrls": "paths that end in .html are not redirected, and the server of the site's files must know the others",
    "trailingSlash": "no redirect adds or removes a slash at the end of a path",
    "bulkRedirectsPath": "left out: the redirects of another file",
    "crons": "no request is made at certain times",
    "middleware": "left out: code of the site's own",
}
# Keys that change no routing, or are read elsewhere.
_RULE = {"source", "destination", "has", "missing", "permanent", "statusCode", "headers", "src", "dest", "methods", "status"}
_RULE |= {"continue", "check", "important", "caseSensitive", "handle"}
# A text in which every character stands for itself, in a regular expression.
_PLAIN = re.compile(r"(?:[^\\.*+?^$()\[\]{}|]|\\[^\w])*")
_ANY = re.compile(r"\(?(?:\?<\w+>)?\.\*\)?")
_NAMED = re.compile(r"\(\?<(\w+)>")
_LABEL = re.compile(r"\(?(?:\?<(?P<name>[A-Za-z][A-Za-z0-9_]*)>)?\[\^\\?\.\]\+\)?\\?\.(?P<rest>(?:[\w-]|\\?\.)+)")
_SUBDOMAINS = re.compile(r"\(?(?:\?<\w+>)?(?P<one>\.[*+]|\[\^\.\]\+)\)?\\?\.(?P<rest>(?:[\w-]|\\?\.)+)")


def import_vercel(text: str) -> Draft:
    """Returns the draft for a `vercel.json`. Raises NotImported if nothing in it concerns routing."""
    file = read_json(text)
    if not isinstance(file.data, dict):
        raise NotImported("it is no JSON object")
    rules = {name: _rules(file, name) for name in _LISTS}
    if sum(map(len, rules.values())) > MAX_RULES:
        raise NotImported(f"the file has more than {MAX_RULES} rules")
    if not any(rules.values()):
        raise NotImported("it has no 'redirects', 'rewrites', 'headers' or 'routes'")
    importer = _Import(file)
    importer.add("redirects", rules["redirects"], _redirect)
    importer.add("rewrites", rules["rewrites"], _rewrite)
    importer.add("routes", rules["routes"], _legacy)
    for index, rule in rules["headers"]:
        importer.try_headers(file.line("headers", index), rule)
    importer.name_others()
    last = max(file.line(name) for name in _LISTS if name in file.data)
    draft = importer.site.finish(last, bool(importer.headers))
    add_headers(draft, importer.headers)
    return join_routes(draft)


def _rules(file: Located, name: str) -> list[tuple[int, Data]]:
    rules = file.data.get(name) or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise NotImported(f"'{name}' is no list of objects", file.line(name))
    return list(enumerate(rules))


class _Import:
    """Makes the draft of the lists of rules."""

    def __init__(self, file: Located) -> None:
        self.site = Site()
        self.headers: list[AnswerHeaders] = []
        self._file = file

    def add(self, name: str, rules: list[tuple[int, Data]], read: Callable[[int, Data], Iterator[Rule | AnswerHeaders]]) -> None:
        """Adds the routes of a list."""
        if name == "rewrites" and rules:
            self.site.draft.remarks.append(Remark(self._file.line(name, 0), _UNFORCED))
        if name == "routes" and rules:
            text = "Vercel's 'routes' ignore upper and lower case in paths; a route never does"
            self.site.draft.remarks.append(Remark(self._file.line(name, 0), text))
        for index, rule in rules:
            line = self._file.line(name, index)
            try:
                if sum(len(str(value)) for value in rule.values()) > MAX_RULE:
                    raise BadRule(f"the rule has more than {MAX_RULE} characters")
                unknown = [
                    Remark(self._file.line(name, index, key), f"{shown(key)} has no equal") for key in rule if key not in _RULE
                ]
                for made in read(line, rule):
                    if isinstance(made, AnswerHeaders):
                        self.headers.append(made)
                        self.site.draft.remarks += unknown
                    else:
                        self.site.add(replace(made, remarks=(*unknown, *made.remarks)))
                    unknown = []
            except BadRule as error:
                status = rule.get("status") or rule.get("statusCode")
                refuses = isinstance(status, int) and status >= 400
                self.site.leave_out(line, f"{error}. They are not refused" if refuses else error)

    def try_headers(self, line: int, rule: Data) -> None:
        """Adds a rule of `headers`."""
        try:
            if rule.get("has") or rule.get("missing"):
                raise BadRule(f"headers for '{shown(str(rule.get('source')))}' on a condition")
            paths = read_source(_text(rule, "source"))
            if paths.excluded:
                raise BadRule(f"headers for '{shown(_text(rule, 'source'))}', which cannot be matched")
            listed = rule.get("headers")
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise BadRule("its 'headers' are no list of objects")
            headers = {str(one.get("key")): one.get("value") for one in listed}
            for name in [
                name for name, value in headers.items() if paths.target(f"{name}={value}") != target_text(f"{name}={value}")
            ]:
                del headers[name]
                self.site.leave_out(line, f"the header {shown(name)}, which has a part of the path")
            self.headers.append(AnswerHeaders(line, _text(rule, "source"), paths.paths, _where(paths), headers))
        except BadRule as error:
            self.site.leave_out(line, error)

    def name_others(self) -> None:
        """Adds remarks about the other keys of the file."""
        others = []
        for key in self._file.data:
            if key in _TOP_LEVEL:
                self.site.draft.remarks.append(Remark(self._file.line(key), f"{key}: {_TOP_LEVEL[key]}"))
            elif key not in (*_LISTS, "$schema", "version"):
                others.append(key)
        if others:
            text = f"no part of routing: {shown(', '.join(others))}"
            self.site.draft.remarks.append(Remark(self._file.line(others[0]), text))


def _redirect(line: int, rule: Data) -> Iterator[Rule]:
    permanent, status = rule.get("permanent", True), rule.get("statusCode")
    if status is None:
        status = 308 if permanent else 307
    yield from _destination(line, rule, status, read_source(_text(rule, "source")))


def _rewrite(line: int, rule: Data) -> Iterator[Rule]:
    paths = read_source(_text(rule, "source"))
    yield from _destination(line, rule, rule.get("statusCode") or 200, paths, adds_parameters=True)


def _destination(line: int, rule: Data, status: Any, paths: Paths, adds_parameters: bool = False) -> Iterator[Rule]:
    """Yields the rules for a source and a destination."""
    if not isinstance(status, int):
        raise BadRule(f"'{shown(str(status))}' is no status")
    yield from _made(line, _text(rule, "source"), paths, rule, _text(rule, "destination"), status, adds_parameters)


def _legacy(line: int, rule: Data) -> Iterator[Rule | AnswerHeaders]:
    """Yields the rules for one of `routes`."""
    if "src" not in rule:
        raise BadRule(f"'handle: {shown(str(rule.get('handle')))}' decides for which requests the later rules are")
    source = _text(rule, "src")
    paths = read_expression(source)
    headers = rule.get("headers") or {}
    if not isinstance(headers, dict):
        raise BadRule("its 'headers' are no object")
    target = _text(rule, "dest") if "dest" in rule else ""
    status = rule.get("status")
    location = next((value for name, value in headers.items() if name.lower() == "location"), None)
    if rule.get("continue"):
        if target or status:
            raise BadRule(f"'continue' for '{shown(source)}', whose requests get later rules too")
        yield AnswerHeaders(line, source, paths.paths, _where(paths), headers)
        return
    if isinstance(location, str):
        headers = {name: value for name, value in headers.items() if value != location}
        target, status = location, status or 307
    if not isinstance(status or 200, int) or not (target or status):
        raise BadRule(f"it does not say where the requests for '{shown(source)}' go")
    local = target if not target or target.startswith(("/", "http://", "https://")) else f"/{target}"
    for made in _made(line, source, paths, rule, local, status or 200):
        yield replace(made, written=target, answer_headers=headers)


def _made(
    line: int, source: str, paths: Paths, rule: Data, written: str, status: int, adds_parameters: bool = False
) -> Iterator[Rule]:
    """Yields the rule of some paths, after one for what a negative lookahead leaves to the site's files."""
    # A rest of the path may get this name later.
    conditions = _Conditions(rule, {"rest", *parameter_names([*paths.paths])})
    match = conditions.match | _where(paths)
    paths.bound |= conditions.bound
    if adds_parameters:
        written = _with_parameters(written, paths.bound)
    if "methods" in rule:
        match["method"] = rule["methods"]
    if paths.excluded:
        excluded = tuple(word.removesuffix(".*").removesuffix("/").removeprefix("/") for word in paths.excluded)
        if not all(_PLAIN.fullmatch(word) for word in excluded):
            raise BadRule(f"'{shown(source)}' cannot be matched. Its requests get a later rule")
        beginnings = tuple(path for word in map(_unescaped, excluded) for path in (f"/{word}", f"/{word}/*"))
        text = (
            f"'{shown(source)}' leaves out all paths that begin so; these routes send them to the site's files, and no later rule"
        )
        prefix = paths.paths[0].removesuffix("/*")
        yield Rule(line, source, tuple(prefix + one for one in beginnings), "", SITE, {}, 200, remarks=(Remark(line, text),))
    target = UNBOUND if "source" in rule and set("{}") & set(written) else paths.target(written)
    remarks = [*paths.remarks, *conditions.remarks]
    remarks += [f"'{word}' stands for {reason}" for word, reason in conditions.unbound.items() if word in written]
    yield Rule(line, source, paths.paths, target, written, match, status, remarks=tuple(Remark(line, text) for text in remarks))


def _with_parameters(written: str, bound: Data) -> str:
    """Returns a destination to which Vercel adds all named parameters as a query, because its path has none of them."""
    names = [name[1:] for name in bound if name.startswith(":")]
    path, mark, query = written.partition("?")
    if any(re.search(rf":{name}(?!\w)", path) for name in names):
        return written
    known = {pair.partition("=")[0] for pair in query.split("&")}
    added = [f"{name}=:{name}" for name in names if name not in known and bound[f":{name}"] != UNBOUND]
    return "&".join(filter(None, [f"{path}?{query}" if mark else f"{path}?", *added])).replace("?&", "?") if added else written


def _where(paths: Paths) -> Data:
    return {"where": dict(paths.where)} if paths.where else {}


class _Conditions:
    """Reads `has` and `missing`. Raises BadRule for a condition that cannot be matched.

    Args:
        rule: the rule.
        taken: names that the path binds.

    Attributes:
        match: the conditions, as in routes.yaml.
        bound: the words of a destination that stand for something in a condition, as references of routes.yaml or UNBOUND.
        unbound: what the words stand for that cannot be referred to.
        remarks: in which the match differs.
    """

    def __init__(self, rule: Data, taken: set[str]) -> None:
        self._taken = taken
        self.match: Data = {}
        self.bound: dict[str, str] = {}
        self.unbound: dict[str, str] = {}
        self.remarks: list[str] = []
        for key in ("has", "missing"):
            listed = rule.get(key) or []
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise BadRule(f"its '{key}' is no list of objects")
            for one in listed:
                self._add(one, key == "has")

    def _add(self, one: Data, present: bool) -> None:
        part, name, value = _condition(one, present)
        conditions = self.match if part == "host" else self.match.setdefault(part, {})
        if (part if part == "host" else name) in conditions:
            raise _unmatched(one)
        conditions[part if part == "host" else name] = value
        label = label_name(value) if part == "host" else ""
        if label in self._taken:
            label = f"host_{label}"
            conditions[part] = f"{{{label}}}.{value.partition('.')[2]}"
        if present:
            self._bind(one, f"{{{label}}}" if label else f"{{{part}.{name}}}")

    def _bind(self, one: Data, reference: str) -> None:
        """Binds the names of a condition: its groups, the key if there is no value, and `host`."""
        kind, written = one.get("type"), one.get("value")
        text = written if isinstance(written, str) else ""
        names = _NAMED.findall(text)
        if not written and kind != "host":
            names = [str(one.get("key", ""))]
        bare = text.removeprefix("^").removesuffix("$")
        is_whole = not written or (_NAMED.match(bare) is not None and closing(bare, 0) == len(bare) - 1)
        for name in names:
            is_label = kind == "host" and label_name(self.match["host"])
            can_refer = is_label or (kind in ("header", "query") and is_whole and name == names[0])
            self._bind_name(name, reference if can_refer else UNBOUND, f"a part of the {kind}, to which no target can refer")
        if kind == "host":
            host = str(self.match["host"])
            self._bind_name("host", UNBOUND if host.startswith(("*", "{")) else host, "the host, to which no target can refer")

    def _bind_name(self, name: str, reference: str, reason: str) -> None:
        for word in (f":{name}", f"${name}"):
            self.bound[word] = reference
            self.unbound.pop(word, None)
            if reference == UNBOUND:
                self.unbound[word] = reason


def _unmatched(condition: Data) -> BadRule:
    word = " ".join(str(condition[key]) for key in ("type", "key", "value") if key in condition)
    return BadRule(f"the condition '{shown(word)}' cannot be matched. Its requests get a later rule")


def _condition(one: Data, present: bool) -> tuple[str, str, Any]:
    """Returns a condition as a key of `match`, a name within it, and what that has to be."""
    kind, key, value = one.get("type"), str(one.get("key", "")), one.get("value")
    if kind in ("header", "query"):
        name = key.lower() if kind == "header" else key
        if name.startswith("x-vercel-") or (not present and value is not None):
            raise _unmatched(one)
        return kind, name, _value(one, value) if present else {"present": False}
    if kind == "cookie" and present:
        pattern = "[^;]*" if value is None else _pattern(one, value)
        pattern = f"({pattern})" if "|" in pattern else pattern
        return "header", "cookie", {"pattern": f"(.*; ?)?{pattern_text(key)}={pattern}(;.*)?"}
    if kind == "host" and present and isinstance(value, str):
        if label := _LABEL.fullmatch(value):
            return "host", "", f"{{{parameter_name(label['name'] or 'label')}}}.{_unescaped(label['rest'])}"
        if below := _SUBDOMAINS.fullmatch(value):
            return "host", "", f"*.{_unescaped(below['rest'])}"
        if _PLAIN.fullmatch(value.replace(".", "")):
            return "host", "", _unescaped(value)
    raise _unmatched(one)


def _value(one: Data, value: Any) -> Any:
    """Returns what a header or query parameter has to be."""
    if value is None or (isinstance(value, str) and _ANY.fullmatch(value)):
        return {"present": True}
    if isinstance(value, dict) and set(value) == {"inc"} and isinstance(value["inc"], list):
        return [str(word) for word in value["inc"]]
    if isinstance(value, dict) and set(value) == {"eq"}:
        return str(value["eq"])
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return _unescaped(value)
    return {"pattern": _pattern(one, value)}


def _pattern(one: Data, value: Any) -> str:
    """Returns a value as a pattern."""
    if isinstance(value, str):
        return _NAMED.sub("(", value.removeprefix("^").removesuffix("$"))
    if isinstance(value, dict) and len(value) == 1:
        [(name, text)] = value.items()
        words = {"eq": "{}", "pre": "{}.*", "suf": ".*{}"}
        if name in words:
            return words[name].format(pattern_text(str(text)))
        if name == "re" and isinstance(text, str):
            return text.removeprefix("^").removesuffix("$")
    raise _unmatched(one)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _text(rule: Data, key: str) -> str:
    """Returns a text of a rule. Raises BadRule if it has none."""
    value = rule.get(key)
    if not isinstance(value, str) or not value:
        raise BadRule(f"its '{key}' is no text")
    return value
