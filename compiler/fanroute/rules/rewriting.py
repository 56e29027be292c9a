"""Checks `rewrite`: FR215, FR413 and FR414."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from fanroute.analysis.automata import SEGMENT, automaton_of, intersection, shortest_text
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_index
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.template import PARAMETER, parse_template, rest_name
from fanroute.spec.types import is_address_path
from fanroute.syntax.source import Path, Source
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.pattern import compile_pattern
from fanroute_runtime.matching.pattern_syntax import BadPattern
from fanroute_runtime.messages import Refused

FR215 = Rule(
    "FR215",
    "error",
    "a rewrite cannot be applied to the requests of its route",
    "The match has to guarantee the segments that `strip_prefix` removes. Otherwise others would be removed. This is found "
    "exactly: a parameter counts if its pattern fits only that text. A `path` replaces the whole path, so there is nothing to "
    "strip or to put before it. A query parameter is either set or removed. The path for the backend must not have what `paths` "
    "refuses.",
    START + "routes:\n  - match: {path: /*}\n    forward: {backend: origin, rewrite: {strip_prefix: /api}}\n",
    "Have the match begin with the prefix, as in `match: {path: /api/*}`, or write a route for the requests that have it.",
)
_OF_PREFIX = ("strip_prefix", "add_prefix")


@source_check("rewrite")
def check_rewrites(source: Source) -> Iterator[Diagnostic]:
    """Reports FR215: a rewrite strips what the match does not guarantee, contradicts itself, or changes nothing."""
    routes = dict(raw.routes(source))
    for index, path, rewrite in raw.rewrites(source):
        yield from _contradictions(source, path, rewrite)
        yield from _refused_texts(source, path, rewrite)
        prefix, match = rewrite.get("strip_prefix"), routes[index].get("match")
        if isinstance(prefix, str) and prefix.startswith("/") and not prefix.endswith("/"):
            yield from _unguaranteed(source, index, (*path, "strip_prefix"), prefix, match if isinstance(match, dict) else {})


def _contradictions(source: Source, path: Path, rewrite: dict[str, Any]) -> Iterator[Diagnostic]:
    query = rewrite.get("query")
    if not rewrite or (rewrite == {"query": query} and query in ({}, {"set": {}}, {"remove": []}, {"set": {}, "remove": []})):
        suggestion = "add 'strip_prefix', 'add_prefix', 'path' or 'query', or remove it"
        yield Diagnostic(FR215, "this rewrite changes nothing", source.key_span(path), suggestion)
    for key in (key for key in _OF_PREFIX if key in rewrite and "path" in rewrite):
        note = Note("the 'path'", source.key_span((*path, "path")))
        message = f"'{key}' and 'path' cannot be used together, because 'path' replaces the whole path"
        yield Diagnostic(FR215, message, source.key_span((*path, key)), "keep one of them", (note,))
    values = query.get("set") if isinstance(query, dict) else None
    for at, name in raw.items((*path, "query", "remove"), query.get("remove") if isinstance(query, dict) else []):
        if isinstance(values, dict) and isinstance(name, str) and name and name in values:
            note = Note("it is set here", source.key_span((*path, "query", "set", name)))
            message = f"the query parameter '{name}' is set and removed"
            yield Diagnostic(FR215, message, source.value_span(at), "remove one of the two", (note,))


def _refused_texts(source: Source, path: Path, rewrite: dict[str, Any]) -> Iterator[Diagnostic]:
    """Reports the text of a path for a backend that `paths` refuses, so that no request could get there."""
    for key in ("path", "add_prefix"):
        text = rewrite.get(key)
        if not isinstance(text, str) or not is_address_path(text):  # FR204
            continue
        text = "".join(part if isinstance(part, str) else "x" for part in parse_template(text))
        for fault in raw.refused_paths(source):
            try:
                Paths([fault]).check(text)
            except Refused as refused:
                note = Note("it is refused here", source.key_span(("paths", fault)))
                message = f"every request gets a 400: {refused.reason[0].lower()}{refused.reason[1:-1]}, which 'paths' refuses"
                notes = (note,) if source.has(("paths", fault)) else ()
                yield Diagnostic(FR215, message, source.value_span((*path, key)), f"write it without, or '{fault}: keep'", notes)


def _unguaranteed(source: Source, index: int, at: Path, prefix: str, match: dict[str, Any]) -> Iterator[Diagnostic]:
    """Reports a prefix that a path of the match does not begin with."""
    where = match.get("where")
    patterns = where if isinstance(where, dict) else {}
    paths = [*raw.items(("routes", index, "match", "path"), match["path"])] if "path" in match else []
    if not paths:
        message = f"the match does not guarantee that paths begin with '{prefix}'"
        yield Diagnostic(FR215, message, source.value_span(at), f"write match: {{path: {prefix}/*}}")
    for path, value in paths:
        # A path that does not begin with '/' is an error of its own.
        if isinstance(value, str) and value.startswith("/") and not _guarantees(value, patterns, prefix):
            note = Note("the path", source.value_span(path))
            message = f"the match does not guarantee that paths begin with '{prefix}'"
            suggestion = f"strip what all its paths begin with, or write match: {{path: {prefix}/*}}"
            yield Diagnostic(FR215, message, source.value_span(at), suggestion, (note,))
            return


def _guarantees(path: str, patterns: dict[str, Any], prefix: str) -> bool:
    """Returns True if all paths that fit a path of a match begin with a prefix, segment by segment."""
    segments, wanted = path.split("/")[1:], prefix.split("/")[1:]
    if segments[-1] == "*" or segments[-1].endswith("...}"):  # the rest, which can be anything
        segments.pop()
    return len(wanted) <= len(segments) and all(map(_is_always, segments, wanted, [patterns] * len(wanted)))


def _is_always(segment: str, wanted: str, patterns: dict[str, Any]) -> bool:
    """Returns True if a segment of a path is always the wanted one: the same text or parameter, or its pattern fits no other."""
    parameter = PARAMETER.fullmatch(segment)
    if parameter is None or segment == wanted:
        return unquote(segment) == unquote(wanted)
    pattern = patterns.get(parameter[1])
    try:
        values = intersection(SEGMENT, compile_pattern(pattern)) if isinstance(pattern, str) else SEGMENT
    except BadPattern:
        return True  # FR216
    return shortest_text(values, rejected_by=[automaton_of([unquote(wanted)])]) is None


FR414 = Rule(
    "FR414",
    "note",
    "a rewrite drops the rest of the path",
    "A `path` replaces the whole path. If the match ends with `/*`, the backend gets all of its requests with the same path. "
    "Some other servers, such as nginx with `proxy_pass`, put the rest after it.",
    START + "routes:\n  - match: {path: /api/*}\n    forward: {backend: origin, rewrite: {path: /v2}}\n",
    "Write `{strip_prefix: /api, add_prefix: /v2}` if the backend needs the rest, or bind it as `{rest...}` and use `{rest}` in "
    "the `path`. Leave it if the backend does not need it.",
)


@plan_check
def check_dropped_rests(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR414: a rewrite drops the rest of the path."""
    if "rewrite" not in file.source.keys:
        return
    routes = dict(raw.routes(file.source))
    for index, path, rewrite in raw.rewrites(file.source):
        match = routes[index].get("match", {})
        for _, value in raw.items((), match.get("path", "/*")):
            rest = rest_name(value)
            prefix = value.rpartition("/")[0] if rest else value.removesuffix("/*")
            if "path" not in rewrite or prefix == value or (rest and f"{{{rest}}}" in rewrite["path"]):
                continue
            keys = {"strip_prefix": prefix, "add_prefix": rewrite["path"].rstrip("/")}
            instead = ", ".join(f"{key}: {text}" for key, text in keys.items() if text)
            suggestion = f"write {{{instead}}} if the backend needs the rest"
            message = f"every request of this route reaches the backend as '{rewrite['path']}', without the rest of its path"
            yield Diagnostic(FR414, message, file.source.value_span((*path, "path")), suggestion)
            break


FR413 = Rule(
    "FR413",
    "warning",
    "a rewrite leads around the `auth` or `client_ip` of another route",
    "The backend knows only the path that it gets. If a route that requires no token sends requests to a path for which "
    "another route requires one, everybody reaches that path through the first route. The same holds for a route with "
    "`client_ip`. Backends with one URL are one server. The warning shows one such request for each route. It is found exactly, "
    "except where a value of the request becomes a part of a segment or of a query parameter.",
    START + "routes:\n  - match: {path: /admin/*}\n    forward: origin\n    auth: {token: {query: token}, keys: {"
    "algorithm: HS256, secret_store: keys, name: login}}\n"
    "  - match: {path: /api/*}\n    forward: {backend: origin, rewrite: {strip_prefix: /api}}\n",
    "Require a token on both routes, or restrict the match of the rewrite, or add a prefix that the backend serves to everybody. "
    "If it is intended, write `public: true`.",
)


@plan_check
def check_ways_around_auth(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR413: a rewrite leads around the `auth` or `client_ip` of another route."""
    if "rewrite" not in file.source.keys or not {"auth", "client_ip"} & file.source.keys:
        return
    from fanroute.analysis.rewritten import find_ways_around_guards  # late, here and below: few files need it
    from fanroute.analysis.witness import match_arguments

    routes, rewritten = file.plan.routes, {index: path for index, path, _ in raw.rewrites(file.source)}
    told: set[int] = set()
    for number, guarded, found, backend_path in find_ways_around_guards(file.plan, file.boxes, raw.servers(file.source)):
        index, other = (declared_index(routes, each) for each in (number, guarded))
        if index in told or "public" in file.source.data["routes"][index]:
            continue
        told.add(index)
        request = match_arguments(found)
        needs = f"for which '{routes[guarded].name}' requires a token"
        if not routes[guarded].auth:
            needs = f"which '{routes[guarded].name}' sends for other clients"
        message = f"the backend gets this request as {backend_path}, {needs}: {request}"
        note = Note(f"'{routes[guarded].name}'", file.source.key_span(("routes", other)))
        required = "require a token" if routes[guarded].auth else "write its 'client_ip'"
        suggestion = f"{required} here too, or write 'public: true' if this is intended"
        place = rewritten.get(index, ("routes", index))
        yield Diagnostic(FR413, message, file.source.key_span(place), suggestion, (note,), request)
