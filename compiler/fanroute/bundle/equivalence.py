"""Compares the behaviour of two components on a few requests, each as a client and as Fanout sends it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import wasmtime

from fanroute.analysis.witness import requests_of
from fanroute.host.component import EmbeddedComponent, Functions, compile_quickly
from fanroute.host.exchange import Exchange, Headers, HostError, Response
from fanroute.native.p256 import GRIP_SIG_INTERFACE, P256_INTERFACE
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.signing import LOCAL_ENTRIES, forged_grip_sig
from fanroute.plan.trace import Tracer
from fanroute.project.folder import MAX_COMPONENT, read
from fanroute_runtime.grip.signature import HEADER
from fanroute_runtime.jose.limbs import INVALID
from fanroute_runtime.local import LOCAL_STORE

# The native module's functions, for a component that it is not linked into. They leave each Grip-Sig to Python. So the only
# signature that they get is forged.
_UNLINKED: Functions = {
    P256_INTERFACE: {"make-table": lambda *_: None, "verify": lambda *_: INVALID},
    GRIP_SIG_INTERFACE: {"expiry": lambda *_: 0, "verify-token": lambda *_: 0},
}
# The host calls that change nothing. Python makes those that it needs, and the native `handle` all.
READING = re.compile(r".*\.(get-.*|downstream-.*|now)")
# The time that both components get, in seconds since 1970.
_NOW = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Represents what a component did with a request: the host functions it called, in order, its failure and its exchange.

    Calls that only read a request are left out, because the native `handle` makes all of them.
    """

    calls: tuple[str, ...]
    failure: str
    exchange: tuple[Any, ...]


def behave_alike(compiled: Compiled, one: Path, other: Path) -> bool:
    """Returns True if two components of a routes.yaml do the same with each request, False if wasmtime rejects one of them."""
    requests = list(_requests(compiled))
    try:
        return _outcomes(compiled, one, requests) == _outcomes(compiled, other, requests)
    except wasmtime.WasmtimeError:
        return False


def _requests(compiled: Compiled) -> Iterator[RequestData]:
    """Yields a request for the first route and one that may reach no route, each as a client and as Fanout sends it.

    The last one has a forged Grip-Sig of Fastly's.
    """
    tracer = Tracer(compiled.plan, compiled.loopback)
    first = requests_of((route.match for route in compiled.plan.routes[:1]), compiled.plan.refused_paths)
    for request in [*first, RequestData("GET", "http://localhost/")]:
        yield request
        yield tracer.through_fanout(replace(request, time=_NOW))
    yield RequestData("GET", "http://localhost/", ((HEADER, forged_grip_sig(_NOW)),))


def _outcomes(compiled: Compiled, wasm: Path, requests: list[RequestData]) -> list[Outcome]:
    calls: list[str] = []

    def intercept(name: str, call: Callable[[], Any]) -> Any:
        if not READING.fullmatch(name):
            calls.append(name)
        try:
            return call()
        except HostError as error:
            # This is the error for the removal of an absent header. The native module removes headers without looking for them.
            if name.endswith("remove-header") and error.case == "invalid-argument":
                calls.pop()
            raise

    component = EmbeddedComponent(*compile_quickly(read(wasm, MAX_COMPONENT)), intercept, _UNLINKED)
    outcomes = []
    for request in requests:
        calls.clear()
        exchange = _exchange(compiled, request)
        failure = _failure(component, exchange)
        seen = (exchange.uri, exchange.headers, exchange.handoff, exchange.tunnel, exchange.answer)
        outcomes.append(Outcome(tuple(calls), failure, seen))
    return outcomes


def _failure(component: EmbeddedComponent, exchange: Exchange) -> str:
    """Lets the component handle a request. Returns how that failed, or ""."""
    try:
        return "" if component.handle(exchange) else "it failed"
    except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
        return type(error).__name__


def _exchange(compiled: Compiled, request: RequestData) -> Exchange:
    def answer(backend: str, target: str, headers: Headers) -> Response:
        return Response(200, [("x-backend", backend.encode())], b"a backend's")

    backends = frozenset(backend.name for backend in compiled.backends)
    stores = {LOCAL_STORE: LOCAL_ENTRIES}
    headers = list(request.headers)
    return Exchange(request.url, headers, backends, method=request.verb, fetch=answer, clock=lambda: _NOW, config_stores=stores)
