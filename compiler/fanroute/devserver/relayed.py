"""Reports the requests that pass through the relay before Viceroy, with the routes that they have.

The relay sees heads of requests and answers, and Viceroy does not tell which route a request has. So the code that ships decides
again, with the request's headers and the stores. If its answer has another status than Viceroy's, the route is not known.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TypeGuard

import h11

from fanroute.devserver.config import Stores
from fanroute.devserver.events import AskedAgain, Header, Outcome, Pass
from fanroute.devserver.judging import Judge, action_key, hint_text
from fanroute.devserver.visits import Reporter, Visit
from fanroute.plan.request import LOCAL_CLIENT, RequestData
from fanroute_runtime.explain import Verdict
from fanroute_runtime.grip import signature
from fanroute_runtime.messages import Answer, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import Plan

_OUTCOMES: Mapping[object, Outcome] = {
    ToFanout: "handed off",
    ToBackend: "forwarded",
    ToWebSocket: "tunnelled",
}


class RelayedService:
    """Decides again about requests to a service.

    Args:
        plan: that of the component, or None if no request has a route.
        stores: the service's own, and the one that only local edges have.
    """

    def __init__(self, plan: Plan | None, stores: Stores) -> None:
        self.judge = Judge(plan)
        self._stores = stores

    def read(self, request: h11.Request) -> RequestData:
        """Returns a request as the component gets it, without its body."""
        headers = tuple((name.decode("latin-1"), value) for name, value in request.headers)
        host = next((value.decode("latin-1") for name, value in headers if name == "host"), "")
        return RequestData(
            request.method.decode(),
            f"http://{host}{request.target.decode('latin-1')}",
            headers,
            time=int(time.time()),
            configs=self._stores.config,
            secrets=self._stores.secret,
            address=LOCAL_CLIENT,
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Represents a request that is not answered yet. `visit` is None if it is Fanout's.

    `mismatch` names a route that it does not match only because of its host.
    """

    request: RequestData
    verdict: Verdict | None
    mismatch: str
    visit: Visit | None
    began: float

    def describe(self, answer: h11.Response | h11.InformationalResponse) -> Pass:
        """Describes the pass that ends with this answer."""
        verdict = self.verdict
        if verdict and isinstance(verdict.decision, Answer) and verdict.decision.status != answer.status_code:
            verdict = None
        decision = verdict.decision if verdict else None
        # Fanout answers a request that is handed off.
        is_own = not isinstance(decision, ToFanout)
        route = verdict.route if verdict else None
        reason = verdict.refusal if verdict else ""
        return Pass(
            number=1 if self.visit else 2,
            method=self.request.verb,
            url=self.request.url,
            headers=_readable(self.request.headers),
            route=route.name if route else "",
            action=action_key(route) if route else "",
            outcome=_OUTCOMES.get(type(decision), "answered"),
            backend=decision.backend if isinstance(decision, ToFanout | ToBackend | ToWebSocket) else "",
            status=answer.status_code if is_own else None,
            answer=_readable((name.decode("latin-1"), value) for name, value in answer.headers) if is_own else (),
            reason=reason,
            hint=hint_text(reason, self.mismatch if verdict else "", route, self.request),
            milliseconds=round((monotonic() - self.began) * 1000, 1),
        )


class RelayedRequests:
    """Reports the requests of a connection, which gives it each message that h11 has read.

    Args:
        reporter: reports them.
        served: returns what is served at the moment.
    """

    def __init__(self, reporter: Reporter, served: Callable[[], RelayedService]) -> None:
        self._reporter = reporter
        self._served = served
        self._asked: deque[_Asked] = deque()

    def take(self, event: h11.Event) -> None:
        """Takes a request, or an answer to the first one that has none yet. Nothing else counts."""
        if isinstance(event, h11.Request):
            self._ask(event)
        elif self._asked and _is_final(event):
            asked = self._asked.popleft()
            made = asked.describe(event)
            if asked.visit is None:
                self._reporter.report(AskedAgain(time=self._reporter.clock(), made=made))
            else:
                asked.visit.passed(made)
                asked.visit.answered(event.status_code)

    def end(self) -> None:
        """Reports the requests that get no answer any more, because the connection has ended."""
        for asked in self._asked:
            if asked.visit:
                asked.visit.answered(None)

    def _ask(self, event: h11.Request) -> None:
        served = self._served()
        request = served.read(event)
        verdict = served.judge.judge(request)
        mismatch = served.judge.host_mismatch(request) if verdict else ""
        # Without a route, a Grip-Sig is not verified, so it can be a client's.
        is_second = bool(verdict.through_fanout and verdict.route) if verdict else _names_fanout(request)
        host, _, target = request.url.removeprefix("http://").partition("/")
        visit = None if is_second else self._reporter.begin(request.verb, host, f"/{target}")
        self._asked.append(_Asked(request, verdict, mismatch, visit, monotonic()))


def _names_fanout(request: RequestData) -> bool:
    return request.header(signature.HEADER) is not None


def _is_final(event: h11.Event) -> TypeGuard[h11.Response | h11.InformationalResponse]:
    """Returns True for the head of an answer, and False for an interim response before it."""
    return isinstance(event, h11.Response) or (isinstance(event, h11.InformationalResponse) and event.status_code == 101)


def _readable(headers: Iterable[tuple[str, bytes]]) -> tuple[Header, ...]:
    return tuple(Header(name, value.decode("latin-1")) for name, value in headers)
