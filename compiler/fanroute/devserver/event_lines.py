"""Writes events as lines: text for people, or JSON for programs. Pure."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo

from fanroute.devserver.events import (
    Answered,
    AskedAgain,
    Closed,
    Connection,
    Event,
    Logged,
    Message,
    Notice,
    Opened,
    Output,
    Pass,
    Published,
    PublishRefused,
    Saved,
    Subscribed,
)
from fanroute.diagnostics.printable import counted
from fanroute_runtime.http.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.matching.predicates import host_name

# A part of a line, and the style in which a terminal shows it.
Span = tuple[str, str]

_ARROWS = {"client": "←", "backend": "→"}
# The styles of statuses, by their first digit.
_STATUS_STYLES = {"2": "green", "3": "cyan", "4": "yellow", "5": "red"}


def text_spans(event: Event, zone: tzinfo | None = None) -> list[Span]:
    """Returns an event as the spans of one line, or [] if the line would only repeat others.

    `zone` is the time zone of its time, None for the machine's.
    """
    spans = list(_spans(event))
    if not spans:
        return []
    time = datetime.fromtimestamp(event.time, zone).strftime("%H:%M:%S.%f")[:-3]
    number = f" #{event.request}" if event.request is not None else ""
    return [(f"{time}{number} ", "dim"), *spans]


def text_line(event: Event, zone: tzinfo | None = None) -> str:
    """Returns an event as one line of text, or "" if it would only repeat others."""
    return "".join(text for text, _ in text_spans(event, zone))


def json_line(event: Event) -> str:
    """Returns an event as one line of JSON."""
    time = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"kind": event.kind} | asdict(event) | {"time": time})


def _spans(event: Event) -> Iterator[Span]:
    match event:
        case Answered():
            yield from _answered_spans(event)
        case AskedAgain(made=made) if made.reason or not _is_of_websocket(made):
            yield from _pass_spans(made)
        case Opened() | Subscribed() | Message() | Closed():
            yield from _connection_spans(event)
        case Published():
            to = "" if event.receivers is None else f" to {counted(event.receivers, 'connection')}"
            id_ = "" if event.id is None else f", id {event.id}"
            yield f"published on {event.channel}{to}: {', '.join(event.formats)}{id_}", "magenta"
        case PublishRefused():
            yield f"publishing → {event.status}: {event.reason}", _status_style(event.status)
        case Saved():
            yield _saved_text(event), "red" if event.problems else "green"
        case Notice():
            yield event.text, "yellow"
        case Output():
            yield f"{event.program}: {event.line}", ""
        case Logged():
            yield f"{event.endpoint} :: {event.line}", "dim"


def _saved_text(event: Saved) -> str:
    after = f"{event.milliseconds:.0f} ms" if event.milliseconds < 1000 else _seconds(event.milliseconds / 1000)
    match event.outcome:
        case "wrong":
            return f"saved with {counted(len(event.problems), 'error')}: what was served before is still served"
        case "unchanged":
            return "saved without errors: this is what is served"
        case "interpreted":
            return f"saved: served after {after}, interpreted until the component is built"
        case "building":
            return "saved: served when the component is built and Viceroy has compiled it, in about 20 s"
        case "component":
            return f"saved: served by the component after {after}"
        case "not served":
            return "the component could not be built or started: what was served before is still served"
        case "build failed":
            return "the component could not be built: until the next save, the routes are served interpreted"


def _connection_spans(event: Opened | Subscribed | Message | Closed) -> Iterator[Span]:
    match event:
        case Opened():
            channels = f", subscribed to {', '.join(event.channels)}" if event.channels else ""
            yield f"{_name(event.connection)} opened{channels}", "cyan"
        case Subscribed():
            yield f"{'subscribed to' if event.subscribed else 'unsubscribed from'} {event.channel}", ""
        case Message() if event.sender != "publisher":
            yield f"{_ARROWS[event.sender]} {event.type}, {counted(event.size, 'byte')}", ""
        case Closed():
            yield f"{_name(event.connection)} closed after {_seconds(event.seconds)}: {_closing(event)}", "cyan"


def _answered_spans(event: Answered) -> Iterator[Span]:
    yield from _status_spans(event.status)
    # The names of this machine say nothing.
    host = "" if host_name(event.host) in LOCAL_NAMES else event.host
    target = ", ".join(event.channels) or event.backend
    action = ", ".join(filter(None, (event.action, target)))
    route = f"{event.route} ({action})" if event.route else ""
    passes = "+".join(str(made.number) for made in event.passes)
    parts = [route, f"pass {passes}" if passes else "", f"{event.milliseconds:g} ms"]
    yield f" {event.method} {host}{event.target} → {', '.join(filter(None, parts))}", ""
    yield from _reason_spans("the client left before" if event.status is None else event.reason, event.hint)


def _pass_spans(made: Pass) -> Iterator[Span]:
    yield from _status_spans(made.status)
    parts = [made.route, f"pass {made.number}", f"{made.milliseconds:g} ms"]
    yield f" {made.method} {made.url} → {', '.join(filter(None, parts))}", ""
    yield from _reason_spans(made.reason, made.hint)


def _status_spans(status: int | None) -> Iterator[Span]:
    yield str(status or "---"), _status_style(status)


def _status_style(status: int | None) -> str:
    return _STATUS_STYLES.get(str(status)[0], "dim")


def _reason_spans(reason: str, hint: str) -> Iterator[Span]:
    if reason:
        yield f": {reason}", "yellow"
    if hint:
        yield f" ({hint})", "dim"


def _name(connection: Connection) -> str:
    return "WebSocket" if connection == "websocket" else connection


def _closing(event: Closed) -> str:
    """Returns who closed a connection, and what the CLOSE of a WebSocket said."""
    code = "" if event.code is None else f", {event.code} {event.reason}".rstrip()
    return f"{event.how}{code}{f' ({event.hint})' if event.hint else ''}"


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{seconds:.1f} s" if seconds < 60 else f"{minutes:.0f} min {rest:.0f} s"


def _is_of_websocket(made: Pass) -> bool:
    """Returns True for a request with a WebSocket's events. Its messages have lines of their own."""
    return any(name == "content-type" and value == WEBSOCKET_EVENTS for name, value in made.headers)
