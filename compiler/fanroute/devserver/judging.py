"""Says what the component did with a request, and which route and reason it had.

The component does not tell its route. But its decision depends only on the facts that it reads of the request. So the same code
decides again here, with exactly these facts: also the same time, body and stores. If the two decisions differ, as they do for a
header that is too long for the edge, the route is not known.
"""

from collections.abc import Iterable
from time import monotonic

from fanroute.devserver.events import Header, Outcome, Pass
from fanroute.devserver.refusals import hint_for
from fanroute.devserver.request_log import ONLY_ADDRESS, ONLY_HOST, has_hosts, mismatch_text
from fanroute.host.exchange import Exchange
from fanroute.plan.request import RequestData
from fanroute.plan.trace import make_full_decider, mismatches
from fanroute_runtime.explain import ObservedDecider, Verdict, shown_secret
from fanroute_runtime.grip import signature
from fanroute_runtime.http.headers import DEBUG
from fanroute_runtime.http.secret import header_secret
from fanroute_runtime.matching.pin import action_of
from fanroute_runtime.matching.predicates import match_predicates
from fanroute_runtime.messages import Answer, Publication, Refused, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import Plan, Route

# Longest reason that is taken from an answer, in characters.
MAX_REASON = 200


class Observed:
    """Represents a request as the component reads it: keeps the facts that nobody can read a second time.

    `exchange` is the request, before the component gets it. From now on, what the component reads is kept here.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        # The backend that the component has waited for, and why it gave no answer.
        self.backend = self.failure = ""
        self.headers = tuple((name.lower(), value) for name, value in exchange.headers)
        self.uri = exchange.uri
        self.began = monotonic()
        self._read, self._clock = exchange.read, exchange.clock
        self._content = bytearray()
        self._time: float | None = None
        exchange.read, exchange.clock = self._read_and_keep, self._tell_time

    def request(self) -> RequestData:
        """Returns the request with these facts."""
        exchange = self.exchange
        return RequestData(
            exchange.method,
            self.uri,
            self.headers,
            bytes(self._content),
            int(self._clock() if self._time is None else self._time),
            exchange.service_id,
            exchange.config_stores,
            exchange.secret_stores,
            exchange.client_ip,
            exchange.penalized,
        )

    def _read_and_keep(self, size: int) -> bytes:
        chunk = self._read(size)
        self._content += chunk
        return chunk

    def _tell_time(self) -> float:
        now = self._clock()
        if self._time is None:
            self._time = now  # the component keeps it, too
        return now


class Judge:
    """Describes passes through the component. Without its Plan, they have no route."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self._decider = ObservedDecider(make_full_decider(plan)) if plan else None
        routes = plan.routes if plan and has_hosts(plan) else ()
        self._tests = [(route, match_predicates(route.match)) for route in routes]

    @property
    def knows_routes(self) -> bool:
        """Returns True if the passes have routes."""
        return self.plan is not None

    def describe(self, observed: Observed, failure: str = "") -> Pass:
        """Describes a pass that is over.

        Args:
            observed: the request.
            failure: why the component gave no answer.
        """
        exchange = observed.exchange
        request = observed.request()
        verdict = self._verdict(request, observed)
        route = verdict.route if verdict else None
        reason = failure or (verdict.refusal if verdict else "") or observed.failure or _own_error(exchange, verdict)
        is_second = verdict.through_fanout if verdict else None
        if is_second is None:
            is_second = request.header(signature.HEADER) is not None
        answer = exchange.answer
        backend = exchange.handoff or exchange.tunnel or observed.backend
        return Pass(
            number=2 if is_second else 1,
            method=exchange.method,
            url=observed.uri,
            headers=_readable(observed.headers),
            route=route.name if route else "",
            action=action_key(route) if route else "",
            outcome=_outcome(exchange),
            backend=backend,
            sent=_readable(exchange.headers) if backend else (),
            status=answer.status if answer else None,
            answer=_readable(answer.headers) if answer else (),
            reason=reason,
            hint=hint_text(reason, self.host_mismatch(request) if verdict else "", route, request),
            milliseconds=round((monotonic() - observed.began) * 1000, 1),
        )

    def debug_denial(self, observed: Observed) -> str:
        """Returns why the component does not tell a client who asks with Fanroute-Debug, or "" if it does or nobody asks."""
        request, entry = observed.request(), self.plan.debug if self.plan else None
        if self.plan is None or not request.values(DEBUG):
            return ""
        try:
            if entry is None:
                raise ValueError("routes.yaml has no `debug`")
            shown_secret(entry, request)
        except ValueError as error:
            return f"Fanroute-Debug is ignored: {error}"
        return ""

    def _verdict(self, request: RequestData, observed: Observed) -> Verdict | None:
        """Returns what the code decides about a request, or None if the component did something else."""
        verdict = self.judge(request)
        return verdict if verdict and _agrees(verdict, observed) else None

    def judge(self, request: RequestData) -> Verdict | None:
        """Returns what the code decides about a request, or None if it cannot."""
        if self._decider is None:
            return None
        try:
            return self._decider.judge(request)
        except Exception:  # the component answers 500 then
            return None

    def host_mismatch(self, request: RequestData) -> str:
        """Names the first route that a request misses only by its host or its client's address. Returns "" if there is none."""
        try:
            client = self._decider.chooser.client_request(request) if self._decider else None
        except Refused:
            return ""
        if client is None or client.pin:
            return ""
        for route, tests in self._tests:
            failed = mismatches(tests, client)
            if failed in ((), ONLY_HOST, ONLY_ADDRESS):
                return mismatch_text(route, failed) if failed else ""
        return ""


# Knows no routes.
NO_JUDGE = Judge(None)


def hint_text(reason: str, mismatch: str, route: Route | None, request: RequestData) -> str:
    """Returns what a developer can do about a refusal.

    Args:
        reason: the reason of the refusal, "" if there is none.
        mismatch: the result of `Judge.host_mismatch`.
        route: that of the request, or None if it is not known.
        request: the request.
    """
    unusable = unusable_secret(route, request) if route and reason else ""
    return "; ".join(filter(None, (unusable, hint_for(reason), mismatch)))


def unusable_secret(route: Route, request: RequestData) -> str:
    """Returns which secret of a route's headers cannot be used, and why. Returns "" if all can."""
    for _, _, entry in route.secret_headers:
        try:
            header_secret(entry, request)
        except ValueError as error:
            return str(error)
    return ""


def action_key(route: Route) -> str:
    """Returns the key of a route's action in routes.yaml, such as `sse`."""
    return action_of(route.fingerprint) or type(route.action).__name__.lower()


def _agrees(verdict: Verdict, observed: Observed) -> bool:
    """Returns True if the component did what was decided."""
    exchange = observed.exchange
    match verdict.decision:
        case Answer(status, _, body):
            return exchange.answer is not None and (exchange.answer.status, exchange.answer.body) == (status, body)
        case ToFanout(backend):
            return exchange.handoff == backend
        case ToWebSocket(backend):
            return exchange.tunnel == backend
        case ToBackend(backend):
            return observed.backend == backend
        case Publication(published=published, failures=failures):
            # The id of the message in the body is another one, because it depends on the time.
            possible = {published.status, *(answer.status for _, answer in failures)}
            return exchange.answer is not None and exchange.answer.status in possible


def _outcome(exchange: Exchange) -> Outcome:
    if exchange.handoff is not None:
        return "handed off"
    if exchange.tunnel is not None:
        return "tunnelled"
    if exchange.answer is None:
        return "failed"
    return "answered" if isinstance(exchange.answer.body, bytes) else "forwarded"


def _own_error(exchange: Exchange, verdict: Verdict | None) -> str:
    """Returns the first line of an error that the edge itself answers, in place of what was decided."""
    answer = exchange.answer
    is_decided = verdict is not None and isinstance(verdict.decision, Answer)
    if answer is None or is_decided or answer.status < 400 or not isinstance(answer.body, bytes):
        return ""
    return answer.body.decode(errors="replace").partition("\n")[0][:MAX_REASON]


def _readable(headers: Iterable[tuple[str, bytes]]) -> tuple[Header, ...]:
    return tuple(Header(name, value.decode("latin-1")) for name, value in headers)
