"""Warns of the syntax of other routers, which has another meaning here."""

import re
from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.placeholders import REST_SUGGESTION, find_placeholders, parameter_name, suggest_segment
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Plan

FR406 = Rule(
    "FR406",
    "warning",
    "no path or method is written as for another router",
    "Other routers have the placeholders `:room`, `[room]`, `<int:room>`, `$room`, `*rest` and `(.*)`. Here only "
    "`{room}` and a final `/*` are placeholders. Anything else in a path is text, and `*`, `ALL` or `get` is a method of "
    "that very name. A path such as `/$metadata` may be meant. Only whole segments are reported, also of locations and "
    "links. In a channel such as `room-[room]`, a placeholder is reported if the path has it or the match binds its name. "
    "Because `{tenant}:room` is a usual channel, `:room` with a bound `room` is reported only if it is the whole channel or "
    "stands alone between slashes. `[room]` or `<room>` as a whole channel is always reported.",
    START + "routes:\n  - match: {path: '/rooms/:room'}\n    forward: origin\n",
    "Write `{room}`, with `where` if it has to fit something, or `/*` at the end. Leave `method` out for any method. If a "
    "segment is meant as text, percent-encode its first character: `/%24metadata`.",
)


# What stands for any method elsewhere.
_ANY_METHOD = ("*", "ALL", "ANY")
# What a WebSocket is matched by elsewhere. Its request is a GET.
_WEBSOCKET = ("websocket", "ws", "wss", "upgrade")


def nothing_is_meant_otherwise(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR406: a path, method, location or channel is written as for another router."""
    for index, route in raw.routes(source):
        match = route.get("match", {})
        yield from _in_templates(source, index, route, match)
        for text, instead in _placeholders(match.get("path", "")):
            span = source.value_span(("routes", index, "match", "path"))
            mend = f"{instead}; '{_encoded(text)}' if that text is meant"
            yield Diagnostic(FR406, f"'{text}' is no placeholder here: it is matched as text", span, mend)
        methods = [*raw.items(("routes", index, "match", "method"), match.get("method", []))]
        given = {method for _, method in methods}
        for place, method in methods:
            if method.lower() in _WEBSOCKET:
                mend = "write 'websocket: true' in its place"
            elif method.upper() in _ANY_METHOD:
                mend = "leave 'method' out: without it, any method matches"
            elif method.upper() not in given:
                mend = f"did you mean '{method.upper()}'? The case of a method counts"
            else:
                continue
            yield Diagnostic(FR406, f"only a request whose method is '{method}' matches", source.value_span(place), mend)


def _placeholders(path: str) -> Iterator[tuple[str, str]]:
    """Yields the placeholders of other routers in a path, each with what to write instead."""
    if expression := re.search(r"\(?\[\^/\](\+|\*|\{[0-9,]+\})\)?", path):  # the one that is no whole segment
        yield expression[0], "write '{name}'"
    for segment in path.split("/"):
        if (instead := suggest_segment(segment)) is not None:
            yield segment, instead


def _encoded(text: str) -> str:
    """Another way to write a segment, which nobody takes for a placeholder."""
    return f"%{ord(text[0]):02X}{text[1:].replace('*', '%2A')}"  # also a '.', which `quote` leaves


def _in_templates(source: Source, index: int, route: dict[str, Any], match: dict[str, Any]) -> Iterator[Diagnostic]:
    """Yields FR406 for placeholders in locations, links, channels and other texts that can refer to values of the match."""
    bound = {parameter_name(written[1:-1].rpartition(".")[2]): written for written in raw.bound_references(match)}
    of_path = match.get("path", "").split("/")
    for place, text in raw.templates(index, route):
        span = source.value_span(place)
        if place[-1] in ("location", "link"):
            for segment, mend in _of_address(text, bound):
                mend += f"; '{_encoded(segment)}' if that text is meant"
                yield Diagnostic(FR406, f"'{segment}' is no placeholder here: it is sent as text", span, mend)
            continue
        for placeholder, name in find_placeholders(text):
            # `{tenant}:user` is a name like any other. So the route must know this one, or the text be nothing else.
            whole = placeholder[0] != ":" or placeholder in text.split("/")
            if (name in bound and whole) or placeholder in of_path or (placeholder == text and text[0] in "[<"):
                yield Diagnostic(FR406, f"'{placeholder}' is no placeholder here: it is text", span, _reference(name, bound))


def _of_address(text: str, bound: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields each placeholder of another router in the path of a location or link, with what to write instead."""
    path = re.split("[?#]", re.sub("^https?://[^/]*", "", text), maxsplit=1)[0]
    for segment in path.split("/"):
        if segment == "*" or suggest_segment(segment) == REST_SUGGESTION:
            yield segment, "the rest of a path cannot stand here: bind each segment, as '{name}'"
        elif re.fullmatch(r"\$\d", segment) or suggest_segment(segment):
            yield segment, _reference(next((name for _, name in find_placeholders(segment)), "name"), bound)


def _reference(name: str, bound: dict[str, str]) -> str:
    return f"write '{bound[name]}'" if name in bound else f"write '{{{name}}}', and have the match bind it"
