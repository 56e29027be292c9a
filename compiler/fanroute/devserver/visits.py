"""Follows each client's request, from its arrival to the end of its connection, and reports it as events."""

import secrets
import time
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import TypedDict
from weakref import WeakValueDictionary

from aiohttp import web

from fanroute.devserver.events import (
    Answered,
    AskedAgain,
    Closed,
    Connection,
    Emit,
    Event,
    Logged,
    Message,
    Notice,
    Opened,
    Output,
    Pass,
    Published,
    PublishRefused,
    Sender,
    Subscribed,
)
from fanroute.devserver.items import Item
from fanroute.devserver.refusals import hint_for
from fanroute.devserver.request_log import make_redactor, redacted, secret_headers, token_parameters
from fanroute_runtime.explain import REASON, ROUTE, header_value
from fanroute_runtime.plan import Plan

# The header with which the GRIP proxy says for which visit it asks this service. The edge removes it, so the component never
# sees it.
VISIT_HEADER = "Fanroute-Visit"
# Headers with which a local edge says why a client got its answer.
ROUTE_HEADER, REASON_HEADER = ROUTE.title(), REASON.title()
# Says how long each pass took (https://www.w3.org/TR/server-timing/). Browsers show it.
TIMING_HEADER = "Server-Timing"
# How a held connection ends if its client closes the TCP connection.
CLIENT_LEFT = "the client left"


class _Stamp(TypedDict):
    """Holds the fields that every event of a visit has."""

    time: float
    request: int


class Reporter:
    """Reports what happens on a local edge. No event contains a secret.

    Args:
        emit: takes each event.
        clock: returns the time, in seconds since 1970.
    """

    def __init__(self, emit: Emit, clock: Callable[[], float] = time.time) -> None:
        self._emit = emit
        self._parameters: set[str] = set()
        self._hidden_headers: set[str] = set()
        self._log_endpoints: set[str] = set()
        self._redact = make_redactor(())
        self.clock = clock
        self._numbers = count(1)
        self._is_closed = False
        self._visits: WeakValueDictionary[str, Visit] = WeakValueDictionary()

    def report(self, event: Event) -> None:
        """Reports an event, without its secrets."""
        if not self._is_closed:
            self._emit(redacted(event, self._redact, self._hidden_headers))

    def hide_secrets_of(self, plan: Plan) -> None:
        """Hides the tokens that a Plan's routes take from the query, and the secrets that they send to backends.

        Those of earlier Plans stay hidden, because clients may not know of the change.
        """
        self._parameters.update(token_parameters(plan))
        self._log_endpoints.update([plan.logs.endpoint] if plan.logs else [])
        self._hidden_headers.update(secret_headers(plan))
        self._redact = make_redactor(self._parameters)

    def close(self) -> None:
        """Reports nothing from now on: the edge ends, so its connections end too."""
        self._is_closed = True

    def notice(self, text: str) -> None:
        """Reports something that a developer should know, and that belongs to no request."""
        self.report(Notice(time=self.clock(), text=text))

    def output(self, program: str, line: str) -> None:
        """Reports a line that a program of the edge has printed. Viceroy prints what is written to a log endpoint."""
        endpoint, is_log, written = line.partition(" :: ")
        if is_log and endpoint in self._log_endpoints:
            self.logged(endpoint, written)
            return
        self.report(Output(time=self.clock(), program=program, line=line))

    def logged(self, endpoint: str, line: str) -> None:
        """Reports a line that the component has written to a log endpoint."""
        self.report(Logged(time=self.clock(), endpoint=endpoint, line=line))

    def published(self, item: Item, receivers: int | None) -> None:
        """Reports an item that was published. `receivers` counts the connections that got it, None if that is not known."""
        formats = tuple(item.formats)
        self.report(Published(time=self.clock(), channel=item.channel, formats=formats, id=item.id, receivers=receivers))

    def publish_refused(self, status: int, reason: str) -> None:
        """Reports that a request to publish was refused."""
        self.report(PublishRefused(time=self.clock(), status=status, reason=reason))

    def begin(self, method: str, host: str, target: str, explains: bool = False) -> "Visit":
        """Begins to follow a client's request. Takes the arguments of Visit."""
        visit = Visit(self, next(self._numbers), method, host, target, explains)
        self._visits[visit.token] = visit
        return visit

    def find(self, token: str) -> "Visit | None":
        """Returns the visit with a token, or None. Only the GRIP proxy of this edge knows tokens."""
        return self._visits.get(token)


class Visit:
    """Represents a client's request, and its connection as long as that is held. Each method reports what has happened.

    Args:
        reporter: reports it.
        number: tells the request from all others.
        method: the request's method.
        host: the host that it is for.
        target: its target, as the client wrote it.
        explains: True if the client's answer gets headers that explain it.
    """

    def __init__(self, reporter: Reporter, number: int, method: str, host: str, target: str, explains: bool) -> None:
        self.token = secrets.token_hex(16)
        self._reporter = reporter
        self._number = number
        self._method, self._host, self._target = method, host, target
        self._explains = explains
        self._began = monotonic()
        self._passes: list[Pass] = []
        self._reason = ""
        self._is_answered = False
        self._connection: Connection | None = None
        self._channels: tuple[str, ...] = ()
        self._opened_at: float | None = None

    @property
    def passes(self) -> tuple[Pass, ...]:
        """Returns the passes through the component until the answer to the client began."""
        return tuple(self._passes)

    def passed(self, made: Pass) -> None:
        """Notes a pass through the component. Reports it at once if the answer to the client has begun."""
        if self._is_answered:
            self._reporter.report(AskedAgain(**self._stamp(), made=made))
        else:
            self._passes.append(made)

    def fail(self, reason: str) -> None:
        """Notes why the client gets an error, if the component is not the one that knows."""
        self._reason = reason

    def answered(self, status: int | None) -> None:
        """Reports that the answer begins, or with None that the client has left before. Does nothing the second time."""
        if self._is_answered:
            return
        self._is_answered = True
        first, last = (self._passes[0], self._passes[-1]) if self._passes else (None, None)
        self._reporter.report(
            Answered(
                **self._stamp(),
                method=self._method,
                host=self._host,
                target=self._target,
                status=status,
                milliseconds=_milliseconds(self._began),
                route=first.route if first else "",
                action=first.action if first else "",
                backend=first.backend if first else "",
                channels=self._channels,
                passes=self.passes,
                reason=self._final_reason(),
                hint=last.hint if last and not self._reason else hint_for(self._reason),
            )
        )

    def explanation(self) -> list[tuple[str, str]]:
        """Returns the headers that say which route the request has, why it is refused, and how long each pass took."""
        if not self._explains:
            return []
        timing = ", ".join(f"pass-{made.number};dur={made.milliseconds:g}" for made in self._passes)
        route = self._passes[0].route if self._passes else ""
        texts = ((ROUTE_HEADER, route), (REASON_HEADER, self._final_reason()), (TIMING_HEADER, timing))
        return [(name, header_value(text).decode()) for name, text in texts if text]

    def _final_reason(self) -> str:
        """Returns why the client's request was refused or has failed, "" if it was served."""
        return self._reason or (self._passes[-1].reason if self._passes else "")

    def opening(self, connection: Connection, channels: tuple[str, ...] = ()) -> None:
        """Notes that the client's connection will be held."""
        self._connection, self._channels = connection, channels

    def opened(self) -> None:
        """Reports that the connection is held from now on."""
        assert self._connection is not None
        self._opened_at = monotonic()
        route = self._passes[0].route if self._passes else ""
        opened = Opened(**self._stamp(), connection=self._connection, route=route, channels=self._channels)
        self._reporter.report(opened)

    def subscribed(self, channel: str, is_subscribed: bool) -> None:
        """Reports a further subscription of the connection, or the end of one."""
        if self._opened_at is not None:
            self._reporter.report(Subscribed(**self._stamp(), channel=channel, subscribed=is_subscribed))

    def message(self, sender: Sender, type_: str, size: int) -> None:
        """Reports a message on the connection, with the length of its content in bytes."""
        self._reporter.report(Message(**self._stamp(), sender=sender, type=type_, size=size))

    def closed(self, how: str, code: int | None = None, reason: str = "") -> None:
        """Reports that the connection has ended. Does nothing if it was not held."""
        if self._opened_at is None or self._connection is None:
            return
        seconds, self._opened_at = monotonic() - self._opened_at, None
        self._reporter.report(
            Closed(
                **self._stamp(),
                connection=self._connection,
                seconds=round(seconds, 3),
                how=how,
                code=code,
                reason=reason,
                hint=hint_for(reason),
            )
        )

    def notice(self, text: str) -> None:
        """Reports something about the request that a developer should know."""
        self._reporter.report(Notice(**self._stamp(), text=text))

    def _stamp(self) -> _Stamp:
        return {"time": self._reporter.clock(), "request": self._number}


class ReportedRequest(web.BaseRequest):
    """Reports when the answer to a client's request begins, and adds the headers that explain it."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        visit = self.get(VISIT)
        if visit is not None:
            visit.answered(response.status)
            # The component has set the same headers if the client has shown the secret of `debug`.
            response.headers.update(visit.explanation())
        await super()._prepare_hook(response)


# Under this key, a client's request has its visit. The request that the GRIP proxy sends for it has none.
VISIT = web.RequestKey("visit", Visit)


def visit_of(request: web.BaseRequest) -> Visit:
    """Returns the visit of a client's request."""
    return request[VISIT]


def _milliseconds(since: float) -> float:
    return round((monotonic() - since) * 1000, 1)
