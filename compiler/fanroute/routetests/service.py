"""Asks a running service which routes it serves, and runs the route tests on it that do no harm there."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import httpx

from fanroute.pipeline import Compiled
from fanroute.plan.health import Health
from fanroute.plan.request import CLIENT_ADDRESS, LOCAL_CLIENT, RequestData, with_fanout_headers
from fanroute.plan.routes import is_health
from fanroute.plan.trace import Tracer
from fanroute.routetests.compare import answer_differences
from fanroute.routetests.judge import Result
from fanroute.routetests.live import TIMEOUT, send
from fanroute.routetests.outcome import predict
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Answer
from fanroute_runtime.plan import Hold

# How much of the answer of `health` is read, in bytes.
MAX_HEALTH = 4096
# An address that no test of a route is likely to name (RFC 5737).
_OTHER_ADDRESS = "203.0.113.254"
_FANOUT_HEADERS = frozenset(name for name, _ in with_fanout_headers((), 0))


class NoHealth(Exception):
    """Raised if a service does not tell which routes it serves. The message says why, and what to do."""


def make_client(url: str) -> httpx.AsyncClient:
    """Returns a client for a service. It follows no redirects, and uses the proxies of the environment unless it is local."""
    return httpx.AsyncClient(timeout=TIMEOUT, trust_env=not is_local(url), follow_redirects=False)


def is_local(url: str) -> bool:
    """Returns True for the URL of a local edge."""
    return (urlsplit(url).hostname or "") in {*LOCAL_NAMES, "::1"}


async def ask_health(url: str, path: str) -> Health:
    """Returns what the answer of `health` tells. Raises NoHealth.

    Args:
        url: the URL of the service, without a path.
        path: the path of `health`.
    """
    asked = f"{url}{path}"
    try:
        async with make_client(url) as client:
            answer = await send(client, url, RequestData("GET", asked), MAX_HEALTH)
    except (TimeoutError, httpx.TimeoutException):
        raise NoHealth(f"{asked} gives no answer within {TIMEOUT:g} s") from None
    except httpx.HTTPError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NoHealth(f"{asked} cannot be reached ({reason}): is the URL right, and is the service published?") from None
    headers = dict(answer.headers)
    if 300 <= answer.status < 400:
        to = headers.get("location", b"").decode("latin-1") or "elsewhere"
        raise NoHealth(f"{asked} redirects to {to}: name the URL at which the edge itself answers")
    health = _read_health(answer.body) if answer.status == 200 else None
    if health is None:
        kind = headers.get("content-type", b"no Content-Type").decode("latin-1")
        why = "is this the URL of the service, and is it published with this 'health'?"
        raise NoHealth(f"{asked} answers {answer.status} with {kind}, which is not the answer of 'health': {why}")
    return health


def _read_health(body: bytes) -> Health | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in Health._fields):
        return None
    return Health(*(told[name] for name in Health._fields))


async def judge_on_service(result: Result, client: httpx.AsyncClient, url: str, compiled: Compiled, tracer: Tracer) -> Result:
    """Runs a test on a service, if it does no harm there. Returns how the answer differs from what the routes say."""
    request, reason = _request_for(result, url, compiled, tracer)
    answer = result.outcome.answer
    if reason or answer is None:
        return replace(result, skipped=reason)
    held = result.outcome.backend != ""
    try:
        # Of a held connection, there is no more than the beginning.
        actual = await send(client, url, request, len(answer.body) + (not held))
    except (TimeoutError, httpx.HTTPError) as error:
        return replace(result, differences=(f"gives no answer: {error!r}",))
    expected = _as_client_gets(answer)
    if result.outcome.route is not None and is_health(compiled.plan.routes[result.outcome.route]):
        expected = replace(expected, body=actual.body)  # the hash was compared before
    return replace(result, differences=tuple(answer_differences(expected, actual, request.verb)))


async def judge_all(results: list[Result], url: str, compiled: Compiled, tracer: Tracer) -> list[Result]:
    """Runs tests on a service, one after the other."""
    async with make_client(url) as client:
        return [await judge_on_service(one, client, url, compiled, tracer) for one in results]


def _as_client_gets(answer: Answer) -> Answer:
    """Returns an answer without the instructions that Fanout keeps for itself."""
    return replace(answer, headers=tuple((name, value) for name, value in answer.headers if not name.startswith("grip-")))


def _request_for(result: Result, url: str, compiled: Compiled, tracer: Tracer) -> tuple[RequestData, str]:
    """Returns a test's request as it is sent to a service, and the reason why it is not sent, or ""."""
    test, outcome = result.test, result.outcome
    request = with_service_url(result.request, url)
    reason = ""
    if test.request.via_fanout or _FANOUT_HEADERS & set(request.names()):
        reason = "only Fanout can send its request"
    elif test.request.claims is not None:
        reason = "only your login can sign its token"
    elif outcome.answer is None:
        reason = f"the backend '{outcome.backend}' would get its request"
    elif outcome.backend and not _is_stream(outcome.route, compiled):
        reason = "its answer is a WebSocket, or comes only with a message"
    elif replace(predict(tracer, request), sent=()) != replace(outcome, sent=()):
        reason = f"at {url} its request has another outcome: its scheme or host is another one"
    elif result.request.address != CLIENT_ADDRESS or any(
        predict(tracer, replace(request, address=address)).answer != outcome.answer for address in (LOCAL_CLIENT, _OTHER_ADDRESS)
    ):
        reason = "the client's address decides about its outcome"
    return request, reason


def _is_stream(route: int | None, compiled: Compiled) -> bool:
    action = None if route is None else compiled.plan.routes[route].action
    return isinstance(action, Hold) and action.mode == "stream"


def with_service_url(request: RequestData, url: str) -> RequestData:
    """Returns a request as it is sent to a service: with the scheme of its URL and, unless it is a local edge, with its host."""
    authority, path, query = split_uri(request.url)
    parts = urlsplit(url)
    host = authority if is_local(url) else parts.netloc
    return replace(request, url=f"{parts.scheme}://{host}{path}{f'?{query}' if query else ''}")
