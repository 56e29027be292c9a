"""Compares a component with the runtime's code in this process on a few requests, each as a client and as Fanout sends it.

The code in this process is what `host/interpreted.py` runs. It uses neither the component's Python nor the native module.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import wasmtime

from fanroute.analysis.witness import requests_of
from fanroute.devserver.load import load_component
from fanroute.host.component import EmbeddedComponent, Intercept
from fanroute.host.exchange import Exchange, Headers, HostError, Response
from fanroute.host.interpreted import InterpretedComponent
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.signing import LOCAL_ENTRIES, forged_grip_sig
from fanroute.plan.trace import Tracer
from fanroute.project.cache import Cache
from fanroute_runtime.grip.signature import HEADER
from fanroute_runtime.local import LOCAL_STORE

# The host calls that change nothing, of which Python makes those that it needs and the native `handle` all, and those of logs.
READING = re.compile(r".*\.(get-.*|downstream-.*|now)|log\..*")
# The time that the requests have, in seconds since 1970.
_NOW = 1_700_000_000


Handler = EmbeddedComponent | InterpretedComponent


@dataclass(frozen=True, slots=True)
class Outcome:
    """Represents what a component did with a request: the host functions it called, in order, its failure and its exchange.

    Calls that only read a request are left out, because the native `handle` makes all of them. So are those that write a line,
    because Python does that before the native `handle` carries a decision out.
    """

    calls: tuple[str, ...]
    failure: str
    exchange: tuple[Any, ...]


def behaves_as_planned(compiled: Compiled, wasm: Path, cache: Cache) -> bool:
    """Returns True if a component does with each request what its Plan says, False if wasmtime rejects the component.

    The cache keeps the component's machine code, which a local edge then uses.
    """
    requests = list(_requests(compiled))
    expected = _outcomes(compiled, requests, lambda intercept: InterpretedComponent(compiled.plan, intercept))
    try:
        engine, component = load_component(wasm, cache)
        return _outcomes(compiled, requests, lambda intercept: EmbeddedComponent(engine, component, intercept)) == expected
    except wasmtime.WasmtimeError:
        return False


def _requests(compiled: Compiled) -> Iterator[RequestData]:
    """Yields requests for `health`, the first route and perhaps no route, each as a client and as Fanout sends it.

    The last one has a forged Grip-Sig of Fastly's.
    """
    tracer = Tracer(compiled.plan, compiled.loopback)
    routes = compiled.plan.routes[: 1 if compiled.spec.health is None else 2]
    first = requests_of((route.match for route in routes), compiled.plan.refused_paths)
    for request in [*first, RequestData("GET", "http://localhost/")]:
        yield request
        yield tracer.through_fanout(replace(request, time=_NOW))
    yield RequestData("GET", "http://localhost/", ((HEADER, forged_grip_sig(_NOW)),))


def _outcomes(compiled: Compiled, requests: list[RequestData], make: Callable[[Intercept], Handler]) -> list[Outcome]:
    """Returns the outcome of each request in what `make` returns for a function that sees all host calls."""
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

    component = make(intercept)
    outcomes = []
    for request in requests:
        calls.clear()
        exchange = _exchange(compiled, request)
        failure = _failure(component, exchange)
        seen = (exchange.uri, exchange.headers, exchange.cached, exchange.handoff, exchange.tunnel, exchange.answer)
        outcomes.append(Outcome(tuple(calls), failure, seen))
    return outcomes


def _failure(component: Handler, exchange: Exchange) -> str:
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
    return Exchange(
        request.url,
        list(request.headers),
        backends,
        client_ip=request.address,
        method=request.verb,
        fetch=answer,
        clock=lambda: _NOW,
        config_stores=stores,
    )
