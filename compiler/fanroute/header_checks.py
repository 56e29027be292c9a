"""The rules of a whole routes.yaml about header rules, one function a code."""

from collections.abc import Iterator
from typing import Any

from fanroute import parts
from fanroute.diagnostics import Diagnostic, Note, Span
from fanroute.headers import reserved
from fanroute.source import Path, Source
from fanroute.spec import BACKEND_ANSWERED, UNSEEN

HEADER_RULES = ("request_headers", "response_headers")


def header_rules_have_something_to_do(source: Source) -> Iterator[Diagnostic]:
    """FR232"""
    for index, route in parts.routes(source):
        place: Path = ("routes", index)
        for key, action in ((key, action) for key in HEADER_RULES if key in route for action in parts.actions(route)[:1]):
            if key == "request_headers" and action not in BACKEND_ANSWERED:
                message, mend = f"'{key}' on '{action}': no backend of yours gets the request", "leave it out"
            elif key == "response_headers" and action in UNSEEN:
                message = f"'{key}' on '{action}': the edge does not see the answer, {UNSEEN[action]}"
                mend = "have the backend set them"
            else:
                continue
            note = Note("the action", source.key_span((*place, action)))
            yield Diagnostic("FR232", message, source.key_span((*place, key)), mend, (note,))


def header_rules_leave_the_answers_own(source: Source) -> Iterator[Diagnostic]:
    """FR234"""
    for place, owner in _owners(source):
        if any(action in BACKEND_ANSWERED for action in parts.actions(owner)):
            continue
        for name, span in named(source, (*place, "response_headers"), owner.get("response_headers")):
            if (mend := reserved(name, "answer")) and not reserved(name, "response"):
                yield Diagnostic("FR234", f"'{name}' of an answer that the edge gives itself", span, mend)


def headers_stand_once(source: Source) -> Iterator[Diagnostic]:
    """FR233"""
    for path, rules in (((*place, key), owner.get(key)) for place, owner in _owners(source) for key in HEADER_RULES):
        first: dict[str, Span] = {}
        for name, span in named(source, path, rules):
            if first.setdefault(name.lower(), span) != span:
                message = f"a second rule for the header '{name}'"
                yield Diagnostic("FR233", message, span, "keep one", (Note("the first", first[name.lower()]),))


def _owners(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What may have header rules, with its place: the defaults, which are for all answers, and each route."""
    yield ("defaults",), parts.defaults(source)
    yield from ((("routes", index), route) for index, route in parts.routes(source))


def named(source: Source, path: Path, rules: Any, keys: tuple[str, ...] = ("set", "add", "remove")) -> Iterator[tuple[str, Span]]:
    """The headers that some rules name under some keys, with their places."""
    for key in keys if isinstance(rules, dict) else ():
        names = rules.get(key)
        if isinstance(names, dict):
            yield from ((name, source.key_span((*path, key, name))) for name in names if isinstance(name, str))
        elif isinstance(names, list):
            yield from ((name, source.value_span((*path, key, i))) for i, name in enumerate(names) if isinstance(name, str))


RULES = {
    header_rules_have_something_to_do: HEADER_RULES,
    headers_stand_once: HEADER_RULES,
    header_rules_leave_the_answers_own: HEADER_RULES,
}
