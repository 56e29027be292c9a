"""Warns of the syntax of other routers, which has another meaning here."""

import re
from collections.abc import Iterator

from fanroute import parts
from fanroute.diagnostics import Diagnostic
from fanroute.placeholders import instead_of
from fanroute.source import Source
from fanroute_runtime.plan import Plan

# What stands for any method elsewhere.
_ANY_METHOD = ("*", "ALL", "ANY")


def nothing_is_meant_otherwise(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR406: a path or method is written as for another router."""
    for index, route in parts.routes(source):
        match = route.get("match", {})
        for text, instead in _placeholders(match.get("path", "")):
            span = source.value_span(("routes", index, "match", "path"))
            encoded = f"%{ord(text[0]):02X}{text[1:].replace('*', '%2A')}"  # also a '.', which `quote` leaves
            mend = f"{instead}; '{encoded}' if that text is meant"
            yield Diagnostic("FR406", f"'{text}' is no placeholder here: it is matched as text", span, mend)
        methods = [*parts.items(("routes", index, "match", "method"), match.get("method", []))]
        given = {method for _, method in methods}
        for place, method in methods:
            if method.upper() in _ANY_METHOD:
                mend = "leave 'method' out: without it, any method matches"
            elif method.upper() not in given:
                mend = f"did you mean '{method.upper()}'? The case of a method counts"
            else:
                continue
            yield Diagnostic("FR406", f"only a request whose method is '{method}' matches", source.value_span(place), mend)


def _placeholders(path: str) -> Iterator[tuple[str, str]]:
    """Yields the placeholders of other routers in a path, each with what to write instead."""
    if expression := re.search(r"\(?\[\^/\](\+|\*|\{[0-9,]+\})\)?", path):  # the one that is no whole segment
        yield expression[0], "write '{name}'"
    for segment in path.split("/"):
        if (instead := instead_of(segment)) is not None:
            yield segment, instead
