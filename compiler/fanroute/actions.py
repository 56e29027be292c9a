"""Actions as a user writes them to those of the Plan. With lower.py the only place for defaults."""

from collections.abc import Mapping

from fanroute import endpoints, spec
from fanroute.files import media_type
from fanroute.template import parse
from fanroute_runtime.grip import keep_alive, timeout
from fanroute_runtime.plan import Action, Handoff, Hold, Redirect, Respond, Template, WebSocket

# What is sent on a quiet stream: a newline, or a comment that no listener sees.
STREAM_KEEP_ALIVE, SSE_KEEP_ALIVE = "\n", ":\n\n"
RESPOND_CONTENT_TYPE = "text/plain; charset=utf-8"


def lower_action(route: spec.Route, loopback: str, files: Mapping[str, bytes]) -> Action:
    """The action of a checked route.

    `loopback` is the name of the loopback backend, `files` has the content of each file that a route names.
    """
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
    return _respond(route.respond, files)


def _stream(stream: endpoints.Stream | endpoints.Sse, content_type: str, content: str, loopback: str) -> Hold:
    return Hold(
        loopback,
        "stream",
        _channels(stream.channel),
        _headers(content_type, stream.headers),
        instructions=(keep_alive(content, stream.keep_alive),) if stream.keep_alive else (),
        body=stream.body.encode(),
    )


def _long_poll(poll: endpoints.LongPoll, loopback: str) -> Hold:
    return Hold(
        loopback,
        "response",
        _channels(poll.channel),
        _headers(poll.content_type, poll.headers),
        instructions=(timeout(poll.timeout),) if poll.timeout else (),
        status=poll.on_timeout.status,
        body=poll.on_timeout.body.encode(),
    )


def _respond(respond: endpoints.Respond, files: Mapping[str, bytes]) -> Respond:
    body = respond.body.encode() if respond.file is None else files[respond.file]
    guessed = RESPOND_CONTENT_TYPE if respond.file is None else media_type(respond.file, body)
    return Respond(respond.status, _headers(respond.content_type or guessed, respond.headers), body)


def _channels(channels: list[str]) -> tuple[Template, ...]:
    return tuple(map(parse, channels))


def _headers(content_type: str, headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return (("content-type", content_type.encode()), *header_pairs(headers))


def header_pairs(headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Headers as they go on the wire."""
    return tuple((name.lower(), value.encode()) for name, value in headers.items())
