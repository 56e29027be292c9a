"""Checks for texts that other programs would expand or compare in another way: FR480, FR481 and FR482."""

import re
from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.printable import in_yaml_item
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check
from fanroute.spec import raw
from fanroute.spec.other_meanings import find_variable, meant_host, meant_pattern, meant_type, own_reference, wildcard_in
from fanroute.syntax.source import Path

FR480 = Rule(
    "FR480",
    "warning",
    "a text has a variable or reference that is not replaced there",
    "The value of a header, the content of an answer, an issuer or an audience is sent or compared as it is written. So "
    "`$remote_addr`, `%{HTTP_HOST}e`, `{{ name }}` and `$API_KEY`, which other programs replace, stay as they are, and so does a "
    "reference such as `{room}`. A content may be a script, so there only references that the match binds are reported.",
    START + "routes:\n  - forward: origin\n    request_headers: {set: {X-Region: $REGION}}\n",
    "Write the value itself. A backend gets the client's address, host and scheme in `X-Forwarded-For`, `-Host` and `-Proto`.",
)

FR481 = Rule(
    "FR481",
    "warning",
    "a value is compared as text, but looks like a pattern",
    "A value in `header` or `query` of a match has to be the same, character by character: `de*` or `^pro$` is such a value too. "
    "So is the value of a claim, an issuer, an audience, and the name of a header or query parameter. "
    "In `where`, `int` is the pattern of just this word. A channel has exactly the name that is written: Fanout has no "
    "wildcards.",
    START + "routes:\n  - match: {header: {X-Plan: 'pro.*'}}\n    forward: origin\n",
    "Write `{pattern: 'pro.*'}` for a regular expression, or `{present: true}` for any value.",
)

FR482 = Rule(
    "FR482",
    "warning",
    "a host is only for the machine of whoever names it",
    "No client asks Fastly for `localhost` or `127.0.0.1`, so a route for only that host gets no request in production. On local "
    "edges, these names stand for a host of the service. A redirect to such a host leads clients to their own machine.",
    START + "routes:\n  - match: {host: localhost}\n    forward: origin\n",
    "Remove `host`, or name the domain of the service.",
)

# Texts that are sent as content, and may be scripts.
_CONTENTS = ("body", "data")
# What is compared or expanded, or can only be a name. Other checks look at these.
_ELSEWHERE = (
    *("match", "channel", "meta", "envelope", "location", "link", "redirect", "rewrite", "claims"),
    *("backends", "environments", "environment"),
)
# Texts that are expanded, under keys that have another meaning elsewhere.
_IDS = (("publish", "id"), ("publish", "prev_id"))
# Headers whose own syntax has a `*`.
_WITH_STAR = re.compile(r"accept(-.*)?|if-(none-)?match|content-(type|range)|range", re.IGNORECASE)


@plan_check
def check_variables_of_others(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR480: a text has a variable of another program, or a reference where none is replaced."""
    data, source = file.source.data, file.source
    yield from _report_variables(file, (), {key: value for key, value in data.items() if key not in ("routes", *_ELSEWHERE)}, ())
    for index, route in raw.routes(source):
        match = route.get("match", {})
        bound = (*raw.bound_references(match),)
        rest = {key: value for key, value in route.items() if key != "match"}
        yield from _report_variables(file, ("routes", index), rest, bound)


def _report_variables(file: ValidFile, path: Path, value: Any, bound: tuple[str, ...]) -> Iterator[Diagnostic]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if key not in _ELSEWHERE and (*path, key)[-2:] not in _IDS:
                yield from _report_variables(file, (*path, key), part, bound)
    elif isinstance(value, str) and ("{" in value or "$" in value or "%" in value or "<" in value or value[:1] == "@"):
        is_content = path[-1] in _CONTENTS
        if is_content and (named := re.fullmatch(r"(?:@|file://)([\w./-]+\.\w+)", value)):
            message, suggestion = f"'{value}' is the content itself, and no file", f"write file: {in_yaml_item(named[1])}"
        elif reference := own_reference(value, bound):
            message = f"'{reference}' is not a reference here: it is text"
            suggestion = "references are for channels, 'meta', locations, links, 'rewrite' and an 'envelope'"
        elif not is_content and (found := find_variable(value)):
            message, suggestion = f"'{found[0]}' is not replaced here: it is text", found[1]
        else:
            return
        yield Diagnostic(FR480, message, file.source.value_span(path), suggestion)


@plan_check
def check_patterns_of_others(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR481: a value is compared as text, but looks like a pattern or a wildcard."""
    source = file.source
    for index, route in raw.routes(source):
        match = route.get("match", {})
        for path, name, value in _compared(("routes", index, "match"), match):
            star = path[3] == "header" and _WITH_STAR.fullmatch(name) is not None
            if suggestion := meant_pattern(value, allow_star=star):
                message = f"only the text '{value}' itself matches: it is not a pattern here"
                yield Diagnostic(FR481, message, source.value_span(path), suggestion)
        for name, pattern in match.get("where", {}).items():
            if suggestion := meant_type(name, pattern):
                span = source.value_span(("routes", index, "match", "where", name))
                yield Diagnostic(FR481, f"this pattern fits only what begins like '{pattern}'", span, suggestion)
        for action_path, action in raw.action_mappings(index, route):
            for path, channel in raw.channels(action_path, action):
                text = channel.get("name") if isinstance(channel, dict) else channel
                if isinstance(text, str) and (wildcard := wildcard_in(text)):
                    place: Path = (*path, "name") if isinstance(channel, dict) else path
                    message = f"'{wildcard}' is no wildcard: this is the one channel with that name"
                    yield Diagnostic(FR481, message, source.value_span(place), "name each channel, or bind a part of it")


@plan_check
def check_wildcards_of_others(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR481: a name, issuer or audience has a `*`, or the value of a claim looks like a pattern."""
    source = file.source
    for path, name, is_key in _names(file):
        if re.fullmatch(r"\*.*|.*\*", name):
            span = source.key_span(path) if is_key else source.value_span(path)
            yield Diagnostic(FR481, f"'{name}' is one name: '*' is no wildcard here", span, "write each name")
    for path, auth in raw.auths(source):
        for key in ("issuer", "audience"):
            for place, value in raw.items((*path, key), auth.get(key, [])):
                if "*" in value:
                    message = f"only the text '{value}' itself fits: '*' is no wildcard here"
                    yield Diagnostic(FR481, message, source.value_span(place), f"write each {key}")
        for place, value in raw.claim_values(path, auth):
            if suggestion := meant_pattern(value, allow_star=False):
                is_word = {"word", "every_word"} & set(place)
                message = f"only the text '{value}' itself fits: it is not a pattern here"
                yield Diagnostic(FR481, message, source.value_span(place), "write each word" if is_word else suggestion)


def _names(file: ValidFile) -> Iterator[tuple[Path, str, bool]]:
    """Yields names of headers and query parameters, each with its path, and True if it is the key there."""
    source = file.source
    owners: list[tuple[Path, dict[str, Any]]] = [(("defaults",), raw.defaults(source))]
    for index, route in raw.routes(source):
        owners += [(("routes", index), route), *raw.action_mappings(index, route)]
        for kind in ("header", "query"):
            yield from ((("routes", index, "match", kind, name), name, True) for name in route.get("match", {}).get(kind, {}))
    for path, owner in owners:
        for rules, value in ((key, owner.get(key, {})) for key in ("request_headers", "response_headers")):
            yield from (((*path, rules, key, name), name, True) for key in ("set", "add") for name in value.get(key, {}))
            yield from ((at, name, False) for at, name in raw.items((*path, rules, "remove"), value.get("remove", [])))
        for key in ("headers", "expose"):
            found = raw.items((*path, "cors", key), (owner.get("cors") or {}).get(key, []))
            yield from ((at, name, False) for at, name in found if name != "*")  # alone, it stands for any
    for _, path, rewrite in raw.rewrites(source):
        query = rewrite.get("query") or {}
        yield from (((*path, "query", "set", name), name, True) for name in query.get("set", {}))
        yield from ((at, name, False) for at, name in raw.items((*path, "query", "remove"), query.get("remove", [])))


def _compared(path: Path, match: dict[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Yields the values that headers and query parameters are compared with: each with its path and the name."""
    for kind in ("header", "query"):
        for name, condition in match.get(kind, {}).items():
            at: Path = (*path, kind, name)
            values = condition.get("values", []) if isinstance(condition, dict) else condition
            where = (*at, "values") if isinstance(condition, dict) else at
            yield from ((place, name, value) for place, value in raw.items(where, values))


@plan_check
def check_hosts_of_machines(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR482: a match or a redirect names only the machine of whoever reads it."""
    source = file.source
    for index, route in raw.routes(source):
        places = [*raw.items(("routes", index, "match", "host"), route.get("match", {}).get("host", []))]
        if places and all(meant_host(host) for _, host in places):
            path, host = places[0]
            yield Diagnostic(FR482, f"no client asks Fastly for the host '{host}'", source.value_span(path), meant_host(host))
        for path, text in raw.templates(index, route):
            is_location = path[-1] in ("location", "redirect")
            local = re.match(r"https?://(localhost|127\.0\.0\.1)(?=[:/]|\Z)", text) if is_location else None
            if local:
                message = f"this leads clients to their own machine: '{local[1]}'"
                yield Diagnostic(FR482, message, source.value_span(path), "write a path, or the public host")
