"""Checks header rules and the headers of a match: FR232, FR233, FR234 and a part of FR204.

Header rules are the keys `request_headers` and `response_headers`, and `headers` of an action.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import source_check
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED, STREAM_ACTIONS, UNSEEN_ANSWERS
from fanroute.spec.headers import CHANGED_BY_FANOUT, reserved_reason
from fanroute.spec.template import rest_name
from fanroute.spec.validate import FR204
from fanroute.syntax.source import Path, Source

HEADER_RULES = ("request_headers", "response_headers")

FR232 = Rule(
    "FR232",
    "error",
    "header rules are on a route where the edge cannot apply them",
    "Rules for a request change the request that your backend gets, so they have no effect if the edge answers itself. Rules for "
    "a response change an answer that goes through the edge. The answer to a handoff goes from Fanout to the client, and the "
    "edge does not see it. `cors: {backend_answers: true}` changes a backend's answer too, so it works only with `forward`.",
    START + "routes:\n  - handoff: origin\n    response_headers: {remove: [Server]}\n",
    "Remove the rules, or let the backend set the headers of its answers.",
)

_SET_BY_BACKEND = "let the backend set these headers"


@source_check(*HEADER_RULES)
def check_header_rule_places(source: Source) -> Iterator[Diagnostic]:
    """Reports FR232: header rules are on a route where the edge cannot apply them."""
    for index, route in raw.routes(source):
        path: Path = ("routes", index)
        for key, action in ((key, action) for key in HEADER_RULES if key in route for action in raw.actions(route)[:1]):
            if key == "request_headers" and action not in BACKEND_ANSWERED:
                message, suggestion = f"'{key}' has no effect on '{action}': the request reaches no backend of yours", "remove it"
            elif key == "response_headers" and action in UNSEEN_ANSWERS:
                message = (
                    f"'{key}' has no effect on '{action}': the edge does not see the answer, because {UNSEEN_ANSWERS[action]}"
                )
                suggestion = _SET_BY_BACKEND
            else:
                continue
            note = Note("the action", source.key_span((*path, action)))
            yield Diagnostic(FR232, message, source.key_span((*path, key)), suggestion, (note,))


@source_check("backend_answers")
def check_backend_answers(source: Source) -> Iterator[Diagnostic]:
    """Reports FR232: `backend_answers` is on an action other than `forward`."""
    for path, owner in ((("defaults",), raw.defaults(source)), *(mapping for _, mapping in routes_and_mappings(source))):
        cors, action = owner.get("cors"), path[-1]
        if isinstance(cors, dict) and "backend_answers" in cors and action != "forward":
            where = f"on '{action}'" if len(path) > 1 else "by default"
            if action in UNSEEN_ANSWERS:
                reason, suggestion = f"the edge does not see the answer, because {UNSEEN_ANSWERS[str(action)]}", _SET_BY_BACKEND
            else:
                reason, suggestion = "no backend answers there", "remove it; the edge's own answers have the headers anyway"
            yield Diagnostic(
                FR232,
                f"'backend_answers' has no effect {where}: {reason}",
                source.key_span((*path, "cors", "backend_answers")),
                suggestion,
            )


FR233 = Rule(
    "FR233",
    "error",
    "two header rules are for the same header",
    "Header names are case-insensitive, and the rules have no order. So one of two rules for a header would be lost.",
    START + "routes:\n  - handoff: origin\n    request_headers: {set: {X-Edge: a}, remove: [x-edge]}\n",
    "Keep one rule. `set` alone replaces all values that the header has.",
)


@source_check(*HEADER_RULES)
def check_duplicate_headers(source: Source) -> Iterator[Diagnostic]:
    """Reports FR233: two header rules are for the same header."""
    for path, rules in (((*path, key), owner.get(key)) for path, owner in _owners(source) for key in HEADER_RULES):
        first: dict[str, Span] = {}
        for name, span in header_names(source, path, rules):
            if first.setdefault(name.lower(), span) != span:
                note = Note("the first one", first[name.lower()])
                yield Diagnostic(FR233, f"a second rule is for the header '{name}'", span, "keep one of them", (note,))


FR234 = Rule(
    "FR234",
    "error",
    "a header rule sets what a key of the action sets",
    "If the edge answers itself, the action's own keys set Content-Type and, for a redirect, Location. A header rule for them "
    "would set them twice.",
    START + "routes:\n  - respond: {status: 200}\n    response_headers: {set: {Content-Type: text/html}}\n",
    "Use the action's own key.",
)


@source_check(*HEADER_RULES)
def check_action_headers(source: Source) -> Iterator[Diagnostic]:
    """Reports FR234: a header rule sets what a key of the action sets."""
    for path, owner in _owners(source):
        if any(action in BACKEND_ANSWERED for action in raw.actions(owner)):
            continue
        for name, span in header_names(source, (*path, "response_headers"), owner.get("response_headers")):
            if (suggestion := reserved_reason(name, "answer")) and not reserved_reason(name, "response"):
                yield Diagnostic(FR234, f"a header rule cannot change '{name}' of the edge's own answer", span, suggestion)


@source_check("header")
def check_matched_headers(source: Source) -> Iterator[Diagnostic]:
    """Reports FR204: a match is on a header that Fanout changes, and Fanout's own requests are matched too."""
    for index, route in raw.routes(source):
        match = route.get("match")
        headers = match.get("header") if isinstance(match, dict) else None
        for name in headers if isinstance(headers, dict) else ():
            if isinstance(name, str) and name.lower() in CHANGED_BY_FANOUT and (note := _why_matched_after_fanout(source, match)):
                message = f"'{name}' cannot be matched here: Fanout changes it, and a match needs what the client sent"
                span = source.key_span(("routes", index, "match", "header", name))
                yield Diagnostic(FR204, message, span, "match on the path, or on a header of your own", (note,))


def _why_matched_after_fanout(source: Source, match: Any) -> Note | None:
    """Returns a note on what causes requests from Fanout to be matched with this match; None if nothing does."""
    fanout = source.data.get("fanout")
    if isinstance(fanout, dict) and fanout.get("grip_sig", "verify") != "verify":
        return Note("without 'grip_sig: verify', requests without a pin are matched too", source.key_span(("fanout", "grip_sig")))
    if isinstance(fanout, dict) and fanout.get("keys"):
        return Note("requests from your own proxy are matched", source.key_span(("fanout", "keys")))
    for index, route in raw.routes(source):
        for kind in STREAM_ACTIONS:
            link = route[kind].get("link") if isinstance(route.get(kind), dict) else None
            rest = rest_name(route["match"].get("path")) if isinstance(route.get("match"), dict) else ""
            patterns = [pattern for _, pattern in raw.items((), match.get("path"))]
            if isinstance(link, str) and any(_leads_to(link, rest, pattern) for pattern in patterns):
                return Note("this link may lead here", source.value_span(("routes", index, kind, "link")))
    return None


def _leads_to(link: str, rest: str, pattern: Any) -> bool:
    """Returns True if the path of a link may match a pattern. A segment with a reference or parameter may match any.

    `rest` is the name of the rest of a path in the link, "" if there is none.
    """
    if not isinstance(pattern, str):
        return True
    segments, expected = link.partition("?")[0].split("/"), pattern.split("/")
    size = len(segments)
    link_goes_on, pattern_goes_on = f"{{{rest}}}" in "".join(segments), expected[-1] == "*" or bool(rest_name(pattern))
    if link_goes_on:
        segments = segments[: next(index for index, segment in enumerate(segments) if f"{{{rest}}}" in segment)]
    if pattern_goes_on:
        expected = expected[:-1]
    if not link_goes_on and (size <= len(expected) if pattern_goes_on else size != len(expected)):
        return False
    if link_goes_on and not pattern_goes_on and size > len(expected):
        return False
    return all("{" in one or "{" in other or unquote(one) == other for one, other in zip(segments, expected, strict=False))


def _owners(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields each mapping that may have header rules, with its path: the defaults, then each route."""
    yield ("defaults",), raw.defaults(source)
    yield from ((("routes", index), route) for index, route in raw.routes(source))


def header_names(
    source: Source, path: Path, rules: Any, keys: tuple[str, ...] = ("set", "add", "remove")
) -> Iterator[tuple[str, Span]]:
    """Yields the name and place of each header that header rules have under the given keys."""
    for key in keys if isinstance(rules, dict) else ():
        names = rules.get(key)
        if isinstance(names, dict):
            yield from ((name, source.key_span((*path, key, name))) for name in names if isinstance(name, str))
        elif isinstance(names, list):
            yield from ((name, source.value_span((*path, key, i))) for i, name in enumerate(names) if isinstance(name, str))


def routes_and_mappings(source: Source) -> Iterator[tuple[dict[str, Any], tuple[Path, dict[str, Any]]]]:
    """Yields each route together with each of its actions that is a mapping, and the path of that."""
    yield from ((route, mapping) for index, route in raw.routes(source) for mapping in raw.action_mappings(index, route))
