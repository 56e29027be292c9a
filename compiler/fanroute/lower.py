"""A checked Spec to a Plan, and to what is set up around it. The only place for defaults."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fanroute import spec as user
from fanroute.template import PARAMETER, parse
from fanroute_runtime.grip import keep_alive, timeout
from fanroute_runtime.plan import (
    Action,
    Condition,
    Handoff,
    Hold,
    Match,
    Parameter,
    PathPattern,
    Plan,
    Redirect,
    Respond,
    Route,
    Template,
    WebSocket,
)

# Where a Fastly service answers without a domain of its own.
DEFAULT_DOMAIN = "edgecompute.app"
PORTS = {"http": 80, "https": 443}
# What is sent on a quiet stream: a newline, or a comment that no listener sees.
STREAM_KEEP_ALIVE, SSE_KEEP_ALIVE = "\n", ":\n\n"


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend as it is set up: where it is in production and, unless it is this service itself, locally.

    `host` is the Host it is asked with in production; `local` the URL of a server to use locally, or None.
    """

    name: str
    host: str
    port: int
    tls: bool
    loopback: bool
    local: str | None

    @property
    def url(self) -> str:
        """The URL in production, without a path."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}" + (f":{self.port}" if self.port != PORTS[scheme] else "")


def lower_plan(spec: user.Spec) -> Plan:
    """The Plan of a Spec."""
    loopback = next((name for name, backend in spec.backends.items() if backend.loopback), "")
    routes = tuple(_route(route, index, loopback) for index, route in enumerate(spec.routes))
    return Plan(service=spec.service.name, routes=routes)


def lower_backends(spec: user.Spec) -> tuple[Backend, ...]:
    """The backends to set up for a Spec, by name."""
    return tuple(_backend(name, spec.backends[name], spec.service.name) for name in sorted(spec.backends))


def _backend(name: str, backend: user.Backend, service: str) -> Backend:
    if backend.url is None:
        host = backend.host or f"{service.lower().replace('_', '-')}.{DEFAULT_DOMAIN}"
        return Backend(name, host.lower(), PORTS["https"], tls=True, loopback=True, local=None)
    url = urlsplit(backend.url)
    port = url.port or PORTS[url.scheme]
    return Backend(name, url.hostname or "", port, url.scheme == "https", loopback=False, local=backend.local)


def _route(route: user.Route, index: int, loopback: str) -> Route:
    return Route(
        name=route.name or f"route-{index + 1}",
        match=_match(route.match),
        action=_action(route, loopback),
    )


def _match(match: user.Match) -> Match:
    return Match(
        hosts=tuple(host.lower() for host in match.host or ()),
        path=_path(match.path),
        methods=tuple(match.method or ()),
        scheme=match.scheme,
        websocket=match.websocket,
        headers=tuple(_condition(name.lower(), condition) for name, condition in match.header.items()),
        query=tuple(_condition(name, condition) for name, condition in match.query.items()),
    )


def _condition(name: str, condition: user.Condition) -> Condition:
    return Condition(name, tuple(condition.values or ()), present=condition.present is not False)


def _path(path: str | None) -> PathPattern | None:
    if path is None:
        return None
    segments = tuple(_segment(segment) for segment in path.split("/")[1:])
    return PathPattern(segments[:-1], rest=True) if segments[-1] == "*" else PathPattern(segments)


def _segment(segment: str) -> str | Parameter:
    parameter = PARAMETER.fullmatch(segment)
    return Parameter(parameter.group(1)) if parameter else segment


def _action(route: user.Route, loopback: str) -> Action:
    if route.handoff is not None:
        return Handoff(route.handoff)
    if route.stream is not None:
        return _stream(route.stream, route.stream.content_type, STREAM_KEEP_ALIVE, loopback)
    if route.sse is not None:
        return _stream(route.sse, "text/event-stream", SSE_KEEP_ALIVE, loopback)
    if route.long_poll is not None:
        return _long_poll(route.long_poll, loopback)
    if route.websocket is not None:
        return WebSocket(loopback, _channels(route.websocket.channel), route.websocket.echo)
    if route.redirect is not None:
        return Redirect(route.redirect.status, parse(route.redirect.location))
    assert route.respond is not None  # checks.py: a route has an action
    respond = route.respond
    return Respond(respond.status, _headers(respond.content_type, respond.headers), respond.body.encode())


def _stream(stream: user.Stream | user.Sse, content_type: str, content: str, loopback: str) -> Hold:
    return Hold(
        loopback,
        "stream",
        _channels(stream.channel),
        _headers(content_type, stream.headers),
        instructions=(keep_alive(content, stream.keep_alive),) if stream.keep_alive else (),
        body=stream.body.encode(),
    )


def _long_poll(poll: user.LongPoll, loopback: str) -> Hold:
    return Hold(
        loopback,
        "response",
        _channels(poll.channel),
        _headers(poll.content_type, poll.headers),
        instructions=(timeout(poll.timeout),) if poll.timeout else (),
        status=poll.on_timeout.status,
        body=poll.on_timeout.body.encode(),
    )


def _channels(channels: list[str]) -> tuple[Template, ...]:
    return tuple(map(parse, channels))


def _headers(content_type: str, headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    given = ((name.lower(), value.encode()) for name, value in headers.items())
    return (("content-type", content_type.encode()), *given)
