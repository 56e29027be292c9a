"""Describes what an edge serves to the console, as plain data for JSON. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fanroute.analysis.examples import example_address, example_headers, example_target, example_values, expand, needed_host
from fanroute.devserver.events import Problem
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.text_report import render
from fanroute.pipeline import Compiled
from fanroute.plan.describe import action_cells, match_text
from fanroute.plan.kinds import kind_of
from fanroute.plan.routes import is_declared
from fanroute.syntax.source import Source
from fanroute.syntax.variables import unexpander
from fanroute_runtime.plan import Hold, Route, WebSocket


def describe_diagnostics(
    diagnostics: Iterable[Diagnostic], file: str, text: str, others: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Returns the diagnostics of a file. `shown` of each is what `fanroute check` prints about it."""
    return [
        {
            "code": one.code,
            "severity": one.severity,
            "file": one.span.file or file,
            "line": one.span.line,
            "message": one.message,
            "shown": render([one], file, text, others),
        }
        for one in diagnostics
    ]


def describe_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Returns the errors of a save as `describe_diagnostics` returns diagnostics. The code, file and line can be missing."""
    return [
        {
            "code": one.code,
            "severity": "error",
            "file": one.file,
            "line": one.line,
            "message": one.message,
            "shown": one.shown,
        }
        for one in problems
    ]


def describe_routes(compiled: Compiled, diagnostics: Sequence[Diagnostic], own_host: str, first: int = 0) -> list[dict[str, Any]]:
    """Returns the routes in their order, and an example request for each.

    A route's `diagnostics` are the indices of those diagnostics that point into it. The values of variables are hidden, except in
    the example request, which needs them.

    Args:
        compiled: the routes.
        diagnostics: those of their file; none if the file has changed since.
        own_host: the host for which the local edge's own names stand.
        first: the index of the first diagnostic, if others are shown before.
    """
    hide = unexpander(compiled.source.unexpanded)
    starts = list(_starts(compiled.source))
    by_route: dict[int, list[int]] = {}
    for number, diagnostic in enumerate(diagnostics, first):
        span = diagnostic.span
        if (index := _index_at(starts, (span.file, span.line, span.column))) is not None:
            by_route.setdefault(index, []).append(number)
    lines = {index: line for (_, line, _), index in starts if index is not None}
    described = []
    index = -1  # of the last route that is in the file
    for route in compiled.plan.routes:
        declared = is_declared(route)
        index += declared
        action, channels, backend = map(hide, action_cells(route))
        described.append(
            {
                "number": index + 1 if declared else None,
                "name": route.name,
                "line": lines.get(index) if declared else None,
                "file": compiled.source.files.get(index, "") if declared else "",
                "match": hide(match_text(route.match)),
                "action": action,
                "channels": channels,
                "backend": backend,
                "diagnostics": by_route.get(index, []) if declared else [],
                **_example(route, own_host),
            }
        )
    return described


def _example(route: Route, own_host: str) -> dict[str, Any]:
    """Returns a request that fits a route's match: its method, target, headers and Host ("" for the edge's own).

    `client_ip` is the client's address, or None if any will do.

    If the edge holds the connection itself, there is also the kind, and an example of each channel.
    """
    match, action = route.match, route.action
    channels = action.channels if isinstance(action, Hold | WebSocket) else ()
    values = example_values(match)
    return {
        "method": match.methods[0] if match.methods else "GET",
        "target": example_target(match, values),
        "headers": example_headers(values),
        "client_ip": example_address(match),
        "host": needed_host(match, values, own_host),
        "kind": kind_of(action) if isinstance(action, Hold | WebSocket) else None,
        "examples": [expand(channel.name, values) for channel in channels],
        "needs_token": route.auth is not None,
        "protocols": list(action.protocols) if isinstance(action, WebSocket) else [],
    }


# The name of an included file ("" for routes.yaml), a line and a column. Then where a part of a file begins, and the index of the
# route that it is; None for a part that is no route.
_Place = tuple[str, int, int]
_Start = tuple[_Place, int | None]


def _starts(source: Source) -> Iterator[_Start]:
    """Yields the beginning of each route and of each other part of a file, in source order."""
    paths: list[tuple[tuple[str | int, ...], int | None]] = [((key,), None) for key in source.data]
    paths += [(("routes", index), index) for index in range(len(source.data.get("routes", ())))]
    spans = [(source.key_span(path), index) for path, index in paths]
    yield from sorted((((span.file, span.line, span.column), index) for span, index in spans), key=lambda start: start[0])


def _index_at(starts: Sequence[_Start], place: _Place) -> int | None:
    """Returns the index of the route at a place, or None."""
    before = bisect_right([start for start, _ in starts], place)
    return starts[before - 1][1] if before and starts[before - 1][0][0] == place[0] else None
