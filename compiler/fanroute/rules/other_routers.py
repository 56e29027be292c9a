"""Checks for the syntax of other routers, which has another meaning here: FR406."""

import re
from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check
from fanroute.spec import raw
from fanroute.spec.placeholders import PLAIN, find_placeholders, is_rest, parameter_name, suggest_segment
from fanroute.spec.template import rest_name
from fanroute.syntax.source import Source

FR406 = Rule(
    "FR406",
    "warning",
    "a path, method or channel is written as for another router",
    "Other routers have placeholders such as `:room`, `[room]`, `<int:room>`, `$room`, `*rest` and `(.*)`. Here only `{room}` "
    "and a final `/*` are placeholders. Anything else in a path is text, and `*`, `ALL` or `get` is a method of exactly that "
    "name. A path such as `/$metadata` may be intended. Only whole segments are reported, also in locations and links. In a "
    "channel such as `room-[room]`, a placeholder is reported if the path has it or the match binds its name. Because "
    "`{tenant}:room` is a usual channel, `:room` with a bound `room` is reported only if it is the whole channel or stands alone "
    "between slashes. `[room]` or `<room>` as a whole channel is always reported.",
    START + "routes:\n  - match: {path: '/rooms/:room'}\n    forward: origin\n",
    "Write `{room}`, with `where` if only some values should match, or `/*` at the end. Remove `method` to match any method. If "
    "a segment is meant as text, percent-encode its first character: `/%24metadata`.",
)

# The keys of addresses and their paths.
_ADDRESSES = ("redirect", "location", "link", "path", "add_prefix")
# What other routers call any method.
_ANY_METHOD = ("*", "ALL", "ANY")
# What other routers call the method of a WebSocket. Its request is a GET.
_WEBSOCKET = ("websocket", "ws", "wss", "upgrade")


@plan_check
def check_other_syntax(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR406: a path, method, location or channel is written as for another router."""
    source = file.source
    for index, route in raw.routes(source):
        match = route.get("match", {})
        yield from _in_templates(source, index, route, match)
        for at, path in raw.items(("routes", index, "match", "path"), match.get("path", "")):
            for text, instead in _placeholders(path):
                suggestion = f"{instead}; '{_encoded(text)}' if that text is intended"
                message = f"'{text}' is not a placeholder here: it is matched as text"
                yield Diagnostic(FR406, message, source.value_span(at), suggestion)
        methods = [*raw.items(("routes", index, "match", "method"), match.get("method", []))]
        names = {method for _, method in methods}
        for path, method in methods:
            if "|" in method:
                suggestion = f"write [{', '.join(method.split('|'))}]"
            elif method.lower() in _WEBSOCKET:
                suggestion = "write 'websocket: true' instead"
            elif method.upper() in _ANY_METHOD:
                suggestion = "remove 'method': without it, any method matches"
            elif method.upper() not in names:
                suggestion = f"did you mean '{method.upper()}'? The case of a method counts"
            else:
                continue
            message = f"only a request whose method is '{method}' matches"
            yield Diagnostic(FR406, message, source.value_span(path), suggestion)


def _placeholders(path: str) -> Iterator[tuple[str, str]]:
    """Yields each placeholder of another router in a path, with a suggestion."""
    if expression := re.search(r"\(?\[\^/\](\+|\*|\{[0-9,]+\})\)?", path):  # the only one that need not be a whole segment
        yield expression[0], "write '{name}'"
    for segment in path.split("/"):
        if (instead := suggest_segment(segment)) is not None:
            yield segment, instead


def _encoded(text: str) -> str:
    """Returns the segment percent-encoded, so that nobody takes it for a placeholder."""
    return f"%{ord(text[0]):02X}{text[1:].replace('*', '%2A')}"  # also a '.', which `quote` leaves


def _in_templates(source: Source, index: int, route: dict[str, Any], match: dict[str, Any]) -> Iterator[Diagnostic]:
    """Reports FR406 for locations, links, channels and other texts that can refer to values of the match."""
    suspicious = [(path, text) for path, text in raw.templates(index, route) if not PLAIN.fullmatch(text)]
    if not suspicious:
        return
    bound = {parameter_name(written[1:-1].rpartition(".")[2]): written for written in raw.bound_references(match)}
    path_segments = [segment for _, path in raw.items((), match.get("path", "")) for segment in path.split("/")]
    for path, text in suspicious:
        span = source.value_span(path)
        if path[-1] in _ADDRESSES and path[-2] not in ("meta", "set"):
            for segment, instead in _address_placeholders(text, bound, rest_name(match.get("path"))):
                suggestion = f"{instead}; '{_encoded(segment)}' if that text is intended"
                yield Diagnostic(FR406, f"'{segment}' is not a placeholder here: it is sent as text", span, suggestion)
            continue
        for placeholder, name in find_placeholders(text):
            # `{tenant}:user` may be an ordinary name. So the route must know the placeholder, or the text has nothing else.
            whole = placeholder[0] != ":" or placeholder in text.split("/")
            if (name in bound and whole) or placeholder in path_segments or (placeholder == text and text[0] in "[<"):
                message = f"'{placeholder}' is not a placeholder here: it is text"
                yield Diagnostic(FR406, message, span, _suggest_reference(name, bound))


def _address_placeholders(text: str, bound: dict[str, str], rest: str) -> Iterator[tuple[str, str]]:
    """Yields each placeholder of another router in the path of a location or link, with a suggestion.

    `rest` is the name to which the match binds the rest of the path, "" if it binds none.
    """
    path = re.split("[?#]", re.sub("^https?://[^/]*", "", text), maxsplit=1)[0]
    for segment in path.split("/"):
        if segment == "*" or is_rest(segment):
            yield (
                segment,
                f"write '{{{rest}}}'" if rest else "end the path of the match with '/{rest...}', and write '{rest}' here",
            )
        elif re.fullmatch(r"\$\d", segment) or suggest_segment(segment):
            yield segment, _suggest_reference(next((name for _, name in find_placeholders(segment)), "name"), bound)


def _suggest_reference(name: str, bound: dict[str, str]) -> str:
    return f"write '{bound[name]}'" if name in bound else f"write '{{{name}}}', and have the match bind it"
