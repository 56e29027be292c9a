"""The rules of a whole routes.yaml about header rules, one function a code."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED, STREAM_ACTIONS, UNSEEN_ANSWERS
from fanroute.spec.headers import CHANGED_BY_FANOUT, reserved_reason
from fanroute.spec.validate import FR204
from fanroute.syntax.source import Path, Source

FR232 = Rule(
    "FR232",
    "error",
    "header rules are only where the edge can apply them",
    "Rules for a request change the request that your backend gets, so they do nothing if the edge answers itself. Rules "
    "for a response change an answer that goes through the edge. The answer to a handoff goes from Fanout to the client, "
    "and the edge does not see it. So `cors: {backend_answers: true}` is for a `forward` alone.",
    START + "routes:\n  - handoff: origin\n    response_headers: {remove: [Server]}\n",
    "Leave the rules out, or let the backend set the headers of its answers.",
)

FR233 = Rule(
    "FR233",
    "error",
    "a header is only once in a set of rules",
    "Header names are case-insensitive, and the rules have no order, so one of two rules for a header would be lost.",
    START + "routes:\n  - handoff: origin\n    request_headers: {set: {X-Edge: a}, remove: [x-edge]}\n",
    "Keep one rule; `set` alone replaces all values that are there.",
)

FR234 = Rule(
    "FR234",
    "error",
    "header rules leave alone what the answer itself says",
    "Of an answer that the edge gives itself, the content type and a redirect's location are said by keys of the action; "
    "a rule for them would say it twice.",
    START + "routes:\n  - respond: {status: 200}\n    response_headers: {set: {Content-Type: text/html}}\n",
    "Write the action's own key.",
)


_MEND = "match on the path, or on a header of your own"

HEADER_RULES = ("request_headers", "response_headers")


def header_rules_have_something_to_do(source: Source) -> Iterator[Diagnostic]:
    """FR232"""
    for index, route in raw.routes(source):
        place: Path = ("routes", index)
        for key, action in ((key, action) for key in HEADER_RULES if key in route for action in raw.actions(route)[:1]):
            if key == "request_headers" and action not in BACKEND_ANSWERED:
                message, mend = f"'{key}' on '{action}': no backend of yours gets the request", "leave it out"
            elif key == "response_headers" and action in UNSEEN_ANSWERS:
                message = f"'{key}' on '{action}': the edge does not see the answer, {UNSEEN_ANSWERS[action]}"
                mend = "have the backend set them"
            else:
                continue
            note = Note("the action", source.key_span((*place, action)))
            yield Diagnostic(FR232, message, source.key_span((*place, key)), mend, (note,))


def header_rules_leave_the_answers_own(source: Source) -> Iterator[Diagnostic]:
    """FR234"""
    for place, owner in _owners(source):
        if any(action in BACKEND_ANSWERED for action in raw.actions(owner)):
            continue
        for name, span in named(source, (*place, "response_headers"), owner.get("response_headers")):
            if (mend := reserved_reason(name, "answer")) and not reserved_reason(name, "response"):
                yield Diagnostic(FR234, f"'{name}' of an answer that the edge gives itself", span, mend)


def headers_stand_once(source: Source) -> Iterator[Diagnostic]:
    """FR233"""
    for path, rules in (((*place, key), owner.get(key)) for place, owner in _owners(source) for key in HEADER_RULES):
        first: dict[str, Span] = {}
        for name, span in named(source, path, rules):
            if first.setdefault(name.lower(), span) != span:
                message = f"a second rule for the header '{name}'"
                yield Diagnostic(FR233, message, span, "keep one", (Note("the first", first[name.lower()]),))


def matched_headers_are_the_clients(source: Source) -> Iterator[Diagnostic]:
    """FR204"""
    for index, route in raw.routes(source):
        match = route.get("match")
        headers = match.get("header") if isinstance(match, dict) else None
        for name in headers if isinstance(headers, dict) else ():
            if isinstance(name, str) and name.lower() in CHANGED_BY_FANOUT and (note := _matched_later(source, match)):
                message = f"'{name}' cannot be matched here: Fanout changes it, and matching needs what the client sent"
                yield Diagnostic(FR204, message, source.key_span(("routes", index, "match", "header", name)), _MEND, (note,))


def _matched_later(source: Source, match: Any) -> Note | None:
    """Says why the route is matched after Fanout has changed a request, with the place that makes it so; None if it is not."""
    fanout = source.data.get("fanout")
    if isinstance(fanout, dict) and fanout.get("grip_sig", "verify") != "verify":
        return Note("without 'grip_sig: verify', requests without a pin are matched too", source.key_span(("fanout", "grip_sig")))
    if isinstance(fanout, dict) and fanout.get("keys"):
        return Note("what a proxy of yours sends is matched", source.key_span(("fanout", "keys")))
    for index, route in raw.routes(source):
        for kind in STREAM_ACTIONS:
            link = route[kind].get("link") if isinstance(route.get(kind), dict) else None
            if isinstance(link, str) and _leads_to(link, match.get("path")):
                return Note("this link may lead here", source.value_span(("routes", index, kind, "link")))
    return None


def _leads_to(link: str, path: Any) -> bool:
    """Returns True if a link may have a path of this form. A segment with something bound in it may be any."""
    if not isinstance(path, str):
        return True
    asked, wanted = link.partition("?")[0].split("/"), path.split("/")
    if wanted[-1] == "*":
        wanted = wanted[:-1]
        if len(asked) <= len(wanted):
            return False
    elif len(asked) != len(wanted):
        return False
    return all("{" in one or "{" in other or unquote(one) == other for one, other in zip(asked, wanted, strict=False))


def _owners(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What may have header rules, with its place: the defaults, which are for all answers, and each route."""
    yield ("defaults",), raw.defaults(source)
    yield from ((("routes", index), route) for index, route in raw.routes(source))


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
    matched_headers_are_the_clients: ("header",),
}
