"""The Plan: all the edge app knows of a routes.yaml. Plain frozen data, equal when its fields are equal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path as decoded segments.

    `segments` of `/test/sse` are `("test", "sse")`. With `rest`, anything may follow them: `/test/*` is
    `PathPattern(("test",), rest=True)` and matches `/test/` and `/test/a/b`, but not `/test`.
    """

    segments: tuple[str, ...]
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Handoff:
    """Hand the request off to `backend` through Fanout."""

    backend: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Have Fanout ask `backend` (this service), which answers with `headers`: a GRIP hold.

    `headers` are (name, value) pairs as they go on the wire.
    """

    backend: str
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Have Fanout ask `backend` (this service), which speaks WebSocket-over-HTTP.

    On OPEN the connection is subscribed to `channel`; with `echo`, each message goes back to its sender.
    """

    backend: str
    channel: str
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer at the edge, without Fanout. `headers` are (name, value) pairs as they go on the wire."""

    status: int
    headers: tuple[tuple[str, bytes], ...]
    body: bytes


Action = Handoff | Hold | WebSocket | Respond


@dataclass(frozen=True, slots=True)
class Route:
    """One rule: a request that fits `hosts` and `path` gets `action`.

    `hosts` are lower-case names, or `*.` and a suffix; empty means any host. `path` None means any path.
    """

    name: str
    hosts: tuple[str, ...]
    path: PathPattern | None
    action: Action


@dataclass(frozen=True, slots=True)
class Plan:
    """The routes of a service, in order: the first that matches wins."""

    service: str
    routes: tuple[Route, ...]
