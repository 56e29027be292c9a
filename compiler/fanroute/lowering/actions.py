"""Lowers actions, and has their defaults."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from fanroute.lowering.auth import leeway_seconds, token_protocol
from fanroute.lowering.caching import lower_cache
from fanroute.lowering.publishing import SKIP_SELF, lower_meta, lower_publish, lower_socket_publish
from fanroute.lowering.rewriting import lower_rewrite
from fanroute.spec import actions, document
from fanroute.spec.auth import AuthRules
from fanroute.spec.channels import FullChannel
from fanroute.spec.inputs import media_type
from fanroute.spec.template import parse_template
from fanroute_runtime.grip.instructions import keep_alive, timeout
from fanroute_runtime.grip.websocket import keep_alive as socket_keep_alive
from fanroute_runtime.plan import (
    Action,
    Channel,
    Fallback,
    Forward,
    Handoff,
    Hold,
    Redirect,
    Respond,
    StoreEntry,
    Tunnel,
    WebSocket,
)

# The keep-alive messages of streams: a newline, or a comment of an event stream, which no listener sees.
STREAM_KEEP_ALIVE, SSE_KEEP_ALIVE = "\n", ":\n\n"
RESPOND_CONTENT_TYPE = "text/plain; charset=utf-8"
_LINE_END = re.compile(r"\r\n|\r|\n")


def lower_action(route: document.Route, loopback: str, files: Mapping[str, bytes], token: StoreEntry | None) -> Action:
    """Returns the action of a route.

    Args:
        route: the route, with the defaults of the file filled in.
        loopback: the name of the loopback backend, "" if there is none.
        files: the content of each file that a route names.
        token: that with which the edge publishes.
    """
    if route.handoff is not None:
        return Handoff(route.handoff.backend, lower_rewrite(route.handoff.rewrite))
    if route.forward is not None:
        return Forward(route.forward.backend, lower_rewrite(route.forward.rewrite), lower_cache(route.forward.cache))
    if route.tunnel is not None:
        return Tunnel(route.tunnel.backend, lower_rewrite(route.tunnel.rewrite))
    if route.stream is not None:
        return _stream(route.stream, route.stream.content_type, route.stream.body, STREAM_KEEP_ALIVE, loopback)
    if route.sse is not None:
        return _stream(route.sse, "text/event-stream", _initial_event(route.sse), SSE_KEEP_ALIVE, loopback)
    if route.long_poll is not None:
        return _long_poll(route.long_poll, loopback)
    if route.websocket is not None:
        return _websocket(route.websocket, loopback, route.auth, token)
    if route.publish is not None:
        return lower_publish(route.publish, route.auth, token)
    if route.redirect is not None:
        return _redirect(route.redirect)
    assert route.respond is not None  # a route without an action is FR205
    return _respond(route.respond, files)


def lower_fallback(backend: str, fallback: document.Fallback) -> Fallback:
    """Returns the answer that replaces an unreachable backend's."""
    return Fallback(backend, _headers(fallback.content_type, fallback.headers), fallback.body.encode(), fallback.status)


def _stream(stream: actions.Stream | actions.Sse, content_type: str, body: str, content: str, loopback: str) -> Hold:
    channels = _channels(stream.channel)
    # The filter build-id also reads directives (`%…`) in the beginning of the stream.
    has_directives = any("build-id" in channel.filters for channel in channels)
    return Hold(
        loopback,
        "stream",
        channels,
        _headers(content_type, stream.headers),
        instructions=(keep_alive(content, stream.keep_alive),) if stream.keep_alive else (),
        meta=lower_meta(stream.meta),
        link=parse_template(stream.link or ""),
        body=(body.replace("%", "%%") if has_directives else body).encode(),
    )


def _initial_event(sse: actions.Sse) -> str:
    """Returns the beginning of an event stream. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    event = sse.initial
    lines = [f"retry: {sse.retry * 1000}"] if sse.retry else []
    lines += [f"event: {event.event}"] if event.event is not None else []
    lines += [f"id: {event.id}"] if event.id is not None else []
    lines += [f"data: {line}" for line in _LINE_END.split(event.data)] if event.data is not None else []
    return "".join(f"{line}\n" for line in [*lines, ""]) if lines else ""


def _long_poll(poll: actions.LongPoll, loopback: str) -> Hold:
    return Hold(
        loopback,
        "response",
        _channels(poll.channel),
        _headers(poll.content_type, poll.headers),
        instructions=(timeout(poll.timeout),) if poll.timeout else (),
        meta=lower_meta(poll.meta),
        status=poll.on_timeout.status,
        body=poll.on_timeout.body.encode(),
    )


def _respond(respond: actions.Respond, files: Mapping[str, bytes]) -> Respond:
    body = respond.body.encode() if respond.file is None else files[respond.file]
    guessed = RESPOND_CONTENT_TYPE if respond.file is None else media_type(respond.file, body)
    return Respond(respond.status, _headers(respond.content_type or guessed, respond.headers), body)


def _redirect(redirect: actions.Redirect) -> Redirect:
    if redirect.location is not None:
        return Redirect(redirect.status, parse_template(redirect.location), keep_query=bool(redirect.keep_query))
    address = f"{redirect.scheme or 'https'}://{redirect.host}{redirect.path or ''}"
    keeps_query = redirect.keep_query is not False
    return Redirect(redirect.status, parse_template(address), keep_path=redirect.path is None, keep_query=keeps_query)


def _websocket(socket: actions.WebSocket, loopback: str, auth: AuthRules | None, token: StoreEntry | None) -> WebSocket:
    # The client answers a ping, which would count as activity. It does not answer a pong (RFC 6455, 5.5.3).
    frame: Literal["ping", "pong"] = "pong" if socket.idle_close else "ping"
    channels, publish = _channels(socket.channel), None
    if socket.publish:
        publish = lower_socket_publish(socket.publish, socket.max_message, token)
        # Fanout then drops a message whose sender is the connection's user.
        filters = (SKIP_SELF,) if publish.skips_sender else ()
        channels = tuple(replace(each, filters=tuple(dict.fromkeys((*each.filters, *filters)))) for each in channels)
    return WebSocket(
        loopback,
        channels,
        socket.echo,
        meta=lower_meta(socket.meta),
        instructions=(socket_keep_alive(frame, socket.keep_alive),) if socket.keep_alive else (),
        protocols=tuple(socket.protocols),
        idle_close=socket.idle_close or 0,
        max_message=socket.max_message or 0,
        refuse_code=socket.refuse_code or 0,
        requires_protocol=socket.require_protocol,
        token_protocol=token_protocol(auth),
        expiry_leeway=leeway_seconds(auth) if auth and auth.on_expiry == "close" else None,
        publish=publish,
    )


def _channels(channels: list[FullChannel]) -> tuple[Channel, ...]:
    return tuple(
        Channel(parse_template(channel.name), tuple(channel.filters), parse_template(channel.prev_id or ""))
        for channel in channels
    )


def _headers(content_type: str, headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return (("content-type", content_type.encode()), *header_pairs(headers))


def header_pairs(headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Returns headers as (name, value) pairs for the wire, with names in lower case."""
    return tuple((name.lower(), value.encode()) for name, value in headers.items())
