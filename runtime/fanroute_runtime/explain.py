"""Tells those who may know it which route a request has, and why it is refused.

A client may know it if it shows the secret of `debug` in routes.yaml. The first pass never sends the secret on. It sends a proof
to the second pass: a MAC of the pin, which nobody can make without the secret.
"""

import hmac
from dataclasses import replace
from typing import Any

from fanroute_runtime.choose import Chosen
from fanroute_runtime.decide import Decider, Handler, failure_answer
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import DEBUG, PIN, apply_rules
from fanroute_runtime.messages import (
    Answer,
    Binding,
    Decision,
    Headers,
    NextHop,
    Publication,
    Refused,
    Request,
    ToBackend,
    ToFanout,
)
from fanroute_runtime.plan import HeaderRules, Plan, Route, StoreEntry, WebSocket, record

# The headers that say which route a request has, why it is refused, and that its limit does not work.
ROUTE, REASON, LIMIT = "fanroute-route", "fanroute-reason", "fanroute-limit"
NOT_COUNTED = "not counted: the host refuses it, as where Edge Rate Limiting is not enabled"
# The shortest secret, in bytes. It is as long as the MAC.
MIN_SECRET = 32

# An explained answer is for its client alone. Some shared caches obey the other two headers and not Cache-Control (RFC 9213).
_NOT_CACHED: Headers = (("cache-control", b"no-store"),)
_CACHED = ("cdn-cache-control", "surrogate-control")
_EXPOSED = ("access-control-expose-headers", b"Fanroute-Route, Fanroute-Reason, Fanroute-Limit")
_ALLOWED = "access-control-allow-origin"
# The events that accept a WebSocket only to close it begin like this. The length follows, and on a line of its own the content:
# two bytes of code, and the reason.
_CLOSED_AT_ONCE = b"OPEN\r\nCLOSE "


@record
class Verdict:
    """Represents a decision with its reasons.

    `route` and `through_fanout`, which is True on the second pass, are None if the request was refused before. `refusal` is the
    reason of a refusal, or "". `limit_failed` says that the host did not count the request for the route's limit.
    """

    decision: Decision
    route: Route | None
    through_fanout: bool | None
    refusal: str
    limit_failed: bool = False


class ObservedDecider(Decider):
    """Decides as another Decider does, and notes which route was chosen and what the route's handler answered.

    It uses the other one's state, so making it costs little. It is for one request at a time.
    """

    def __init__(self, decider: Decider) -> None:
        vars(self).update(vars(decider))
        self._handlers = {kind: self._observed(handler) for kind, handler in self._handlers.items()}
        self._route: Route | None = None
        self._through_fanout: bool | None = None
        self._handled: Answer | Publication | None = None
        self._reason = ""

    def judge(self, request: Request) -> Verdict:
        """Decides about a request."""
        self._route = self._through_fanout = self._handled = None
        self._reason = ""
        if self._limiter:
            self._limiter.failed = False
        decision = self.decide(request)
        failed = self._limiter is not None and self._limiter.failed
        return Verdict(decision, self._route, self._through_fanout, self._refusal(decision), failed)

    def _decide_for_route(self, chosen: Chosen, client: ClientRequest, request: Request) -> Decision:
        self._route, self._through_fanout = chosen.route, client.through_fanout
        return super()._decide_for_route(chosen, client, request)

    def _refuse(self, refused: Refused) -> Answer:
        self._reason = refused.reason
        return super()._refuse(refused)

    def _observed(self, handler: Handler) -> Handler:
        def handle(action: Any, request: Request, value_of: Binding) -> Answer | Publication:
            self._handled = handled = handler(action, request, value_of)
            return handled

        return handle

    def _refusal(self, decision: Decision) -> str:
        """Returns the reason of a refusal, or "" for another decision. Without a Refused, the answer's text is the reason."""
        if self._reason or not isinstance(decision, Answer):
            return self._reason
        if self._handled is None:
            return _text(decision)
        if isinstance(self._handled, Publication):
            return "The token does not allow this, because of the channel."
        if self._route is None or not isinstance(self._route.action, WebSocket):
            return ""
        if self._handled.status != 200:
            return _text(self._handled)
        # With `refuse_code`, a connection is accepted only to be closed.
        if self._route.action.refuse_code and self._handled.body.startswith(_CLOSED_AT_ONCE):
            return self._handled.body.split(b"\r\n", 2)[2][2:-2].decode()
        return ""


class Explainer(Decider):
    """Decides as a Decider does. If a client shows the secret of `debug`, its answers also say what was decided, and why."""

    def __init__(self, plan: Plan, *arguments: Any, **features: Any) -> None:
        super().__init__(plan, *arguments, **features)
        assert plan.debug is not None
        self._entry = plan.debug

    def decide(self, request: Request) -> Decision:
        """Returns the decision about a request. Never raises Refused."""
        secret = self._secret(request)
        return super().decide(request) if secret is None else _explained(ObservedDecider(self).judge(request), secret)

    def explained(self, verdict: Verdict, request: Request) -> Decision:
        """Returns the decision of a verdict about a request, with its reasons if the request's client may know them."""
        secret = self._secret(request)
        return verdict.decision if secret is None else _explained(verdict, secret)

    def _secret(self, request: Request) -> bytes | None:
        """Returns the secret if a request shows it."""
        try:
            return shown_secret(self._entry, request) if request.values(DEBUG) else None
        except (Refused, ValueError):
            return None

    def unreachable_answer(self, to: NextHop, status: int) -> Answer:
        """Returns the answer for a backend that cannot be reached, with the reason if its client may know it."""
        answer = super().unreachable_answer(to, status)
        if not any(name == ROUTE for name, _ in answer.headers):
            return answer
        reason = _text(failure_answer(to.backend, status))
        return replace(answer, headers=(*answer.headers, (REASON, header_value(reason))))


def shown_secret(entry: StoreEntry, request: Request) -> bytes:
    """Returns the secret if a request shows it: itself on the first pass, or the proof of it beside a pin.

    Raises ValueError, with the reason, if it does not. Raises Refused (500) if the store cannot be read.
    """
    shown = request.values(DEBUG)
    if len(shown) > 1:
        raise ValueError("the request has it more than once")
    # Whoever stores a secret often adds a line end, which no header can have.
    secret = (request.secret(entry.store, entry.name) or b"").strip()
    if len(secret) < MIN_SECRET:
        raise ValueError(f"the store {entry.store!r} has no secret {entry.name!r} with at least {MIN_SECRET} bytes")
    pins = request.values(PIN)
    if not shown or not hmac.compare_digest(shown[0], _proof(secret, pins[0]) if pins else secret):
        raise ValueError(f"it is not the secret {entry.name!r} of the store {entry.store!r}")
    return secret


def header_value(text: str) -> bytes:
    """Returns a text as a header's value: printable ASCII, with other characters escaped."""
    return (text if text.isascii() and text.isprintable() else ascii(text)[1:-1]).encode()


def _text(answer: Answer) -> str:
    """Returns the text of a refusal."""
    return answer.body.decode().strip()


def _proof(secret: bytes, pin: bytes) -> bytes:
    """Returns what the first pass sends beside a pin in place of the secret."""
    return hmac.digest(secret, pin, "sha256").hex().encode()


def _explained(verdict: Verdict, secret: bytes) -> Decision:
    """Returns a decision whose answer tells the client the route, and why the request is refused."""
    limit = NOT_COUNTED if verdict.limit_failed else ""
    reasons = ((ROUTE, verdict.route.name if verdict.route else ""), (REASON, verdict.refusal), (LIMIT, limit))
    told = (*_NOT_CACHED, *((name, header_value(text)) for name, text in reasons if text))
    match verdict.decision:
        case Answer() as answer:
            return _telling(told, answer)
        case Publication() as publication:
            failures = tuple((status, _telling(told, answer)) for status, answer in publication.failures)
            return replace(publication, published=_telling(told, publication.published), failures=failures)
        case ToBackend() as to:
            rules = to.response_headers
            rules = HeaderRules(rules.set + told, rules.add, rules.remove + _CACHED)
            return replace(to, response_headers=rules, cors_headers=to.cors_headers + _exposing(to.cors_headers))
        case ToFanout() as to:
            proofs = tuple((DEBUG, _proof(secret, value)) for name, value in to.headers.set if name == PIN)
            passed_on = replace(to.headers, set=to.headers.set + proofs)
            return replace(to, headers=passed_on, cors_headers=to.cors_headers + told + _exposing(to.cors_headers))
    return verdict.decision


def _telling(told: Headers, answer: Answer) -> Answer:
    """Returns an answer with the headers that tell its client what was decided."""
    headers = apply_rules(HeaderRules(set=told, remove=_CACHED), answer.headers)
    return replace(answer, headers=headers + _exposing(headers))


def _exposing(headers: Headers) -> Headers:
    """Returns the header that lets a page of another origin read the reasons, if the page may read the answer."""
    return (_EXPOSED,) if any(name == _ALLOWED for name, _ in headers) else ()
