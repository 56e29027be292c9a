"""Writes what is logged about a request: one line of JSON. It calls no host function.

A line says what was decided and why. Of what a client sends, it has only the path, without what looks like a token, and the
method. Channels are shown with the values that come from the path, and with the names of all others, such as `{claim.sub}`.
"""

import json
from binascii import crc32
from dataclasses import replace
from time import gmtime
from typing import Any
from urllib.parse import unquote_to_bytes

from fanroute_runtime.choose import Chooser, Chosen
from fanroute_runtime.decide import Decider, failure_answer
from fanroute_runtime.explain import Explainer, ObservedDecider, Verdict
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.matching.pin import action_of
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Answer, Decision, NextHop, Request, ToFanout
from fanroute_runtime.plan import Bound, HeaderRules, Hold, Parameter, PathPattern, Template, WebSocket, record
from fanroute_runtime.plan.logs import Logs

# With this header, the first pass hands its id over to the second.
ID = "fanroute-id"
# The longest id, path and reason in a line, in characters.
MAX_ID, MAX_PATH, MAX_REASON = 64, 1024, 256
# Stands for what is hidden, or cut off.
HIDDEN = "…"
# How often a path is decoded to find a token in it.
_MAX_DECODED = 4
# The methods that are named. Others are `_OTHER`, as in OpenTelemetry's conventions.
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:")
# A line is ASCII, and a line end in a value is escaped.
_encode = json.JSONEncoder(separators=(",", ":")).encode


@record
class Time:
    """Represents a time: seconds since 1970-01-01T00:00:00Z, and nanoseconds."""

    seconds: int
    nanoseconds: int


class LoggedDecider(Decider):
    """Decides as another Decider does, and remembers the latest request for a line about it.

    Args:
        decider: the other one.
        logs: says what is in a line.
    """

    def __init__(self, decider: Decider, logs: Logs) -> None:
        vars(self).update(vars(decider))
        self._decider = decider
        self._logs = logs
        self._observer = _Observer(decider)
        self._values: dict[str, Any] = {}
        self._began: Time | None = None

    def begin(self, request_id: str, began: Time | None, served: int) -> None:
        """Begins to remember a request. `request_id` is the host's id, and `served` counts the requests before it."""
        self._values = {"fanroute.request.id": request_id[:MAX_ID], "fanroute.sandbox.requests": served + 1}
        self._began = began

    def decide(self, request: Request) -> Decision:
        """Returns the decision about a request. Never raises Refused."""
        verdict = self._observer.judge(request)
        decision = verdict.decision
        if isinstance(self._decider, Explainer):
            decision = self._decider.explained(verdict, request)
        try:
            self._remember(request, verdict)
            return self._with_id(decision)
        except Exception:  # logging must not fail a request
            self._values = {}
            return decision

    def unreachable_answer(self, to: NextHop, status: int) -> Answer:
        """Returns the answer for a backend that cannot be reached, and remembers why."""
        self._values["fanroute.reason"] = _text(failure_answer(to.backend, status))
        return self._decider.unreachable_answer(to, status)

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox."""
        self._decider.forget()
        self._observer.forget_request()
        self._values, self._began = {}, None

    def note_answer(self, answer: Answer) -> None:
        """Remembers the edge's own answer."""
        self.note_status(answer.status, len(answer.body))

    def note_status(self, status: int, size: int | None) -> None:
        """Remembers the status of an answer, and the size of its content in bytes, or None if that is not known."""
        self._values["http.response.status_code"] = status
        if size is not None:
            self._values["http.response.body.size"] = 0 if self._values.get("http.request.method") == "HEAD" else size

    def needs(self, *fields: str) -> bool:
        """Returns True if a line has one of these fields."""
        return not set(fields).isdisjoint(self._logs.fields)

    @property
    def is_sampled(self) -> bool:
        """Returns True if there is to be a line about the request. Both passes have the same id, and so the same answer."""
        request_id = self._values.get("fanroute.request.id")
        return request_id is not None and crc32(request_id.encode()) < self._logs.sampled

    def line(self, now: Time | None) -> str:
        """Returns the line about the request, and forgets the request. `now` is None if no field needs it."""
        values, self._values = self._values, {}
        if now is not None:
            values["timestamp"] = _timestamp(now)
            if self._began is not None:
                values["fanroute.milliseconds"] = _milliseconds(self._began, now)
        return _encode({name: values[name] for name in self._logs.fields if name in values})

    def _remember(self, request: Request, verdict: Verdict) -> None:
        client, chosen, route = self._observer.client, self._observer.chosen, verdict.route
        through_fanout = client is not None and client.through_fanout
        values: dict[str, Any] = {"fanroute.pass": 2 if through_fanout else 1}
        if client is not None and client.pin is not None:
            values.update(_handed_over(request))
        method, uri = (request.method(), request.uri()) if client is None else (client.method, client.uri)
        values["http.request.method"] = method if method in _METHODS else "_OTHER"
        values["url.path"] = shown_path(split_uri(uri)[1])
        if route is not None and chosen is not None:
            values["fanroute.route"] = route.name
            values["fanroute.action"] = action_of(route.fingerprint) or type(route.action).__name__.lower()
            if route.match.path is not None:
                values["http.route"] = path_text(route.match.path)
            if isinstance(route.action, Hold | WebSocket) and not verdict.refusal:
                values["fanroute.channels"] = [_channel_text(one.name, chosen) for one in route.action.channels]
        if not isinstance(verdict.decision, Answer):
            values["fanroute.backend"] = verdict.decision.backend
        if verdict.refusal:
            values["fanroute.reason"] = _cut(verdict.refusal, MAX_REASON)
        self._values |= values

    def _with_id(self, decision: Decision) -> Decision:
        """Adds the id to a request that Fanout will send back to this service."""
        if not isinstance(decision, ToFanout) or not any(name == PIN for name, _ in decision.headers.set):
            return decision
        rules = decision.headers
        own = (ID, self._values["fanroute.request.id"].encode())
        return replace(decision, headers=HeaderRules((*rules.set, own), rules.add, rules.remove))


class _Observer(ObservedDecider):
    """Also notes who sent a request, and what its match has bound."""

    def __init__(self, decider: Decider) -> None:
        super().__init__(decider)
        self.chooser = _ObservedChooser(decider.chooser)
        self.chosen: Chosen | None = None

    @property
    def client(self) -> ClientRequest | None:
        return self.chooser.client  # type: ignore[attr-defined, no-any-return]

    def judge(self, request: Request) -> Verdict:
        self.forget_request()
        return super().judge(request)

    def forget_request(self) -> None:
        self.chosen = self.chooser.client = None  # type: ignore[attr-defined]

    def _decide_for_route(self, chosen: Chosen, client: ClientRequest, request: Request) -> Decision:
        self.chosen = chosen
        return super()._decide_for_route(chosen, client, request)


class _ObservedChooser(Chooser):
    """Also notes the client's request. It uses the state of another Chooser."""

    def __init__(self, chooser: Chooser) -> None:
        vars(self).update(vars(chooser))
        self.client: ClientRequest | None = None

    def _identify_client(self, request: Request) -> ClientRequest:
        self.client = super()._identify_client(request)
        return self.client


def _handed_over(request: Request) -> dict[str, str]:
    """Returns the id of the first pass, if a request from Fanout with a pin has one. Another program may have changed it."""
    found = [value.decode("latin-1") for value in request.values(ID)]
    return {"fanroute.request.id": found[0]} if len(found) == 1 and is_id(found[0]) else {}


def is_id(text: str) -> bool:
    """Returns True if a text can be the id of a request."""
    return 0 < len(text) <= MAX_ID and _ID_CHARACTERS.issuperset(text)


def shown_path(path: str) -> str:
    """Returns a path with at most MAX_PATH characters. A segment that may have a JSON Web Token, however encoded, is hidden."""
    return _cut("/".join(HIDDEN if _has_token(segment) else segment for segment in path.split("/")), MAX_PATH)


def _has_token(segment: str) -> bool:
    """Returns True if a segment of a path may have a token: a JSON object in base64url begins with `eyJ`."""
    if "%" not in segment:
        return "eyJ" in segment
    decoded = segment.encode("utf-8", "surrogatepass")
    for _ in range(_MAX_DECODED):
        if b"eyJ" in decoded:
            return True
        former, decoded = decoded, unquote_to_bytes(decoded)
        if decoded == former:
            return False
    return True


def path_text(path: PathPattern) -> str:
    """Returns a pattern of paths as routes.yaml has it."""
    segments = [f"{{{one.name}}}" if isinstance(one, Parameter) else one for one in path.segments]
    rest = [f"{{{path.bound_rest.name}...}}"] if path.bound_rest else ["*"] if path.rest else []
    return "".join(f"/{segment}" for segment in [*segments, *rest])


def _channel_text(name: Template, chosen: Chosen) -> str:
    """Returns a channel with the values that come from the path or host, and with the names of others."""
    return "".join(part if isinstance(part, str) else _shown_value(part, chosen) for part in name)


def _shown_value(bound: Bound, chosen: Chosen) -> str:
    if bound.source != "path":
        return f"{{{bound.source}.{bound.name}}}"
    value = chosen.values(bound)
    return HIDDEN if value is None else shown_path(value)


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + HIDDEN


def _text(answer: Answer) -> str:
    return answer.body.decode().strip()


def _timestamp(now: Time) -> str:
    """Returns a time in the form of RFC 3339, in UTC with milliseconds."""
    year, month, day, hour, minute, second, *_ = gmtime(now.seconds)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{now.nanoseconds // 1_000_000:03}Z"


def _milliseconds(began: Time, now: Time) -> float:
    """Returns the time between two times, in milliseconds. A clock that is set back gives 0."""
    return max(0.0, round((now.seconds - began.seconds) * 1e3 + (now.nanoseconds - began.nanoseconds) / 1e6, 3))
