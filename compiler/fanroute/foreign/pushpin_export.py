"""Turns a routes.yaml into Pushpin's `routes` file, as far as that can say the same. Pure.

Pushpin prefers a line with `proto` to one without, and only then a longer `path_beg`. So all lines of a host name the same of
`proto` and `ssl`, and the longest `path_beg` decides. routes.yaml takes the first route, so each line is that of the first route
which takes all requests of its host, kind and `path_beg`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

from fanroute.analysis.box import box_of, intersect
from fanroute.analysis.budget import BudgetExceeded
from fanroute.diagnostics.diagnostic import Span
from fanroute.foreign.pushpin import CELLS, Cell, contains, prefixes_of, quoted
from fanroute.pipeline import Compiled
from fanroute.plan.backend import Backend
from fanroute.plan.routes import declared_index, is_generated, references, rewrite_of
from fanroute_runtime.plan import Forward, Handoff, Match, PathPattern, Respond, Route, Tunnel
from fanroute_runtime.plan.rewriting import Rewrite

_PROTO = {True: "ws", False: "http"}
_SSL = {"https": "yes", "http": "no"}
_ANSWERED = "the edge answers it"
# The statuses of answers that keep clients out (RFC 9110, 15.5.2 and 15.5.4).
_REFUSALS = (401, 403)


class NotExported(Exception):
    """Raised if Pushpin would let in clients that routes.yaml refuses. `span` is that of the route."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


@dataclass(frozen=True, slots=True)
class Omission:
    """Says what of a route Pushpin cannot say. `span` is that of the route, and has a file if it is an included one."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class _Line:
    """Represents a route that Pushpin can have: its conditions, and the rest of its line. `exact` is a path without a rest.

    Requests that get no line have no target.
    """

    hosts: tuple[str, ...]
    path: str
    exact: bool
    websocket: bool | None
    scheme: Literal["http", "https"] | None
    properties: str = ""
    target: str = ""

    def takes(self, host: str, path: str, cell: Cell) -> bool:
        """Returns True if the route takes all requests of a host and kind whose path begins with `path`."""
        fits = self.websocket in (None, cell[0]) and self.scheme in (None, cell[1])
        return fits and (not self.hosts or host in self.hosts) and contains(self.path, path)


def export_routes(compiled: Compiled, path: str = "routes.yaml") -> tuple[str, list[Omission]]:
    """Returns a `routes` file, and remarks about what it cannot say. Raises NotExported.

    `path` is that of the file. In the comments, names of included files begin at its folder.
    """
    backends = {backend.name: backend for backend in compiled.backends}
    lines: list[_Line] = []
    remarks: list[Omission] = []
    routes = [*_routes(compiled)]
    for number, (index, route) in enumerate(routes):
        span = compiled.source.key_span(("routes", index))
        if route.auth:
            raise NotExported(f"route '{route.name}' needs a token, which Pushpin does not check", span)
        if route.match.client_ips:
            raise NotExported(f"route '{route.name}' is for clients of some addresses, which Pushpin does not check", span)
        remarks += [Omission(span, f"route '{route.name}': {text}") for text in _left_out(route)]
        if _is_expressible(route):
            lines.append(_line(route, backends))
        elif list(_obstacles(route)) == [_ANSWERED] and not _path_beg(route.match):  # its requests get no line
            lines.append(_Line(route.match.hosts, "", False, route.match.websocket, route.match.scheme))
        elif taking := _takes_refused(route, [later for _, later in routes[number + 1 :]]):
            message = f"route '{route.name}' refuses requests that '{taking.name}' would get, and Pushpin cannot refuse them"
            raise NotExported(message, span)
    remarks += _widened(compiled, lines)
    hosts = [*dict.fromkeys(host for line in lines for host in line.hosts), "*"]
    written = [text for host in hosts for text in _lines_of(host, lines)]
    file = PurePosixPath(path)
    files = (PurePosixPath(one.span.file).relative_to(file.parent) if one.span.file else file.name for one in remarks)
    comments = [f"# {name}:{remark.span.line}: {remark.text}" for name, remark in zip(files, remarks, strict=True)]
    return "\n".join(["# Made by `fanroute export pushpin-routes`.", *comments, *written]) + "\n", remarks


def _routes(compiled: Compiled) -> Iterator[tuple[int, Route]]:
    """Yields the routes with their indices in routes.yaml. One with several paths is yielded for each of them."""
    routes = compiled.plan.routes
    yield from ((declared_index(routes, number), route) for number, route in enumerate(routes) if not is_generated(route))


def _takes_refused(route: Route, later: Iterable[Route]) -> Route | None:
    """Returns the first of the later routes whose line would take requests that a route refuses, or None."""
    if not isinstance(route.action, Respond) or route.action.status not in _REFUSALS:
        return None
    return next((each for each in later if _is_expressible(each) and _overlap(route.match, each.match)), None)


def _overlap(one: Match, other: Match) -> bool:
    """Returns True if a request may fit both matches."""
    try:
        return intersect(box_of(one), box_of(other)) is not None
    except BudgetExceeded:
        return True


def _is_expressible(route: Route) -> bool:
    return next(_obstacles(route), None) is None


def _left_out(route: Route) -> Iterator[str]:
    """Yields what is left out of a route, or why all of it is."""
    obstacles = list(_obstacles(route))
    if obstacles:
        yield f"left out, because {' and '.join(obstacles)}. Its requests get another line, or none"
        return
    if route.request_headers.add:
        yield "left out: `request_headers: {add: …}`, because Pushpin only sets and removes headers"
    if route.secret_headers:
        yield "left out: `request_headers` with secrets, because Pushpin cannot read a secret store"
    if route.response_headers.set or route.response_headers.add or route.response_headers.remove:
        yield "left out: `response_headers`, because Pushpin changes no headers of answers"
    if route.cors:
        yield "left out: `cors`, because Pushpin answers no preflight requests"
    if route.origins:
        yield "left out: `origins`. Pushpin lets pages of any origin open a WebSocket"
    if route.limit:
        yield "left out: `limit`, because Pushpin counts no requests"
    if isinstance(route.action, Tunnel) and route.match.websocket is not True:
        yield "left out: the 426 for requests that open no WebSocket. They get another line, or none"


def _obstacles(route: Route) -> Iterator[str]:
    match = route.match
    if not isinstance(route.action, Handoff | Forward | Tunnel):
        yield _ANSWERED
    if match.methods:
        yield "Pushpin cannot match `method`"
    if match.headers:
        yield "Pushpin cannot match `header`"
    if match.query:
        yield "Pushpin cannot match `query`"
    if match.host_parameter:
        yield "Pushpin binds no label of a host"
    elif any(host.startswith("*.") for host in match.hosts):
        yield "Pushpin has no '*.' in hosts"
    if match.path and (match.path.bound_rest or not all(isinstance(segment, str) for segment in match.path.segments)):
        yield "Pushpin has no parameters in paths"
    elif match.path and match.path == PathPattern(("",)):
        yield "Pushpin cannot match '/' alone"
    elif (rewrite := rewrite_of(route.action)) and _replace_beg(match, rewrite) is None:
        yield "Pushpin changes no query and can only replace the beginning of a path by another text"


def _line(route: Route, backends: dict[str, Backend]) -> _Line:
    match, action = route.match, route.action
    assert isinstance(action, Handoff | Forward | Tunnel)
    properties = "" if isinstance(action, Handoff) else ",no_grip"
    if action.rewrite and (replaced := _replace_beg(match, action.rewrite)):
        properties += f",{quoted(f'replace_beg={replaced}')}"
    for name, value in (*route.request_headers.set, *((name, b"") for name in route.request_headers.remove)):
        properties += f",{quoted(f'header={name}:{value.decode()}')}"
    backend = backends[action.backend]
    target = f"{backend.host}:{backend.port}{',ssl' if backend.tls else ''},host={backend.host_header}"
    target += ",over_http" if isinstance(action, Handoff) else ""
    websocket = True if isinstance(action, Tunnel) else match.websocket
    exact = match.path is not None and not match.path.rest
    return _Line(match.hosts, _path_beg(match), exact, websocket, match.scheme, properties, target)


def _path_beg(match: Match) -> str:
    """Returns the beginning of a match's paths, "" for any: "/a" for the path "/a", "/a/" for "/a/*"."""
    if match.path is None:
        return ""
    segments = [quote(segment, safe="-._~@+,!$&'()*;=:") for segment in match.path.segments if isinstance(segment, str)]
    path = "".join(f"/{segment}" for segment in segments) + ("/" if match.path.rest else "")
    return "" if path == "/" else path


def _replace_beg(match: Match, rewrite: Rewrite) -> str | None:
    """Returns what takes the place of a match's `path_beg` in the path for the backend, None if Pushpin cannot do that."""
    segments = match.path.segments if match.path else ()
    has_rest = match.path is None or match.path.rest
    if rewrite.set_query or rewrite.remove_query or references(rewrite.path) or (rewrite.strip is None and has_rest):
        return None
    path_beg, stripped = _path_beg(match), len(segments) if rewrite.strip is None else rewrite.strip
    prefix = "".join(part for part in rewrite.path if isinstance(part, str))
    left = path_beg.split("/")[1 + stripped :]
    return prefix + "".join(f"/{segment}" for segment in left) or ("/" if path_beg else None)


def _widened(compiled: Compiled, lines: list[_Line]) -> Iterator[Omission]:
    """Yields a remark for each path without a rest that Pushpin cannot say, unless its rest has the same line."""
    for index, route in _routes(compiled):
        path = _path_beg(route.match) if _is_expressible(route) else ""
        own = next((line for line in lines if line.exact and line.path == path), None)
        if own and not any(line.path == f"{path}/" and line.target == own.target for line in lines):
            span = compiled.source.key_span(("routes", index))
            text = f"{path} stands for all paths that begin so, because Pushpin has no whole paths"
            yield Omission(span, f"route '{route.name}': {text}")


def _lines_of(host: str, lines: list[_Line]) -> Iterator[str]:
    """Yields the lines of a host, or with "*" of any other host."""
    own = [line for line in lines if not line.hosts or host in line.hosts]
    protos = [_PROTO] if any(line.websocket is not None for line in own) else []
    schemes = [_SSL] if any(line.scheme is not None for line in own) else []
    cells = [cell for cell in CELLS if (protos or not cell[0]) and (schemes or cell[1] == "https")]
    chosen: dict[tuple[str, Cell], str] = {}
    for path in sorted(dict.fromkeys(line.path for line in own), key=len):
        for cell in cells:
            line = next((line for line in own if line.takes(host, path, cell)), None)
            shorter = [chosen[prefix, cell] for prefix in prefixes_of(path)[:-1] if (prefix, cell) in chosen]
            if line is None or not line.target:
                continue
            kind = (f",proto={_PROTO[cell[0]]}" if protos else "") + (f",ssl={_SSL[cell[1]]}" if schemes else "")
            rest = f"{line.properties} {line.target}"
            if not shorter or shorter[-1] != rest:
                chosen[path, cell] = rest
                yield host + kind + (f",{quoted(f'path_beg={path}')}" if path else "") + rest
