"""Runs a component in this process, with wasmtime's Python package and the host functions of runtime/wit/edge.wit."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

import wasmtime
from wasmtime import _bindings as bindings
from wasmtime.component import Component, Linker, Record, ResourceAny, ResourceHost, ResourceType, Variant
from wasmtime.component import _types as component_types

from fanroute.host.exchange import (
    BACKEND,
    CONFIG_STORE,
    EXTRA,
    LOG_ENDPOINT,
    PENALTY_BOX,
    POLLABLE,
    RATE_COUNTER,
    REQUEST,
    RESPONSE,
    SECRET,
    SECRET_STORE,
    Exchange,
    HostError,
)
from fanroute.wasm.component import WALL_CLOCK

# The number of Winch, wasmtime's compiler that is fast and makes slower code. The Python package has no name for it.
_WINCH = 2
INTERFACE = "fastly:compute/{}@0.1.0"
_RENAMED = {"wall-clock": WALL_CLOCK[1]}

# wasmtime's package recognizes a result's case by the class of its value, which does not work for result<option<T>, E>. With
# this change it takes Variant("ok", value) and Variant("err", value) for every result.
component_types.ResultType._tagged = lambda self: True  # type: ignore[method-assign]

Code = TypeVar("Code", Component, wasmtime.Module)
Call = Callable[[], Any]
# Gets each host call with its name, such as "http-req.request.get-uri", and makes it or raises HostError.
Intercept = Callable[[str, Call], Any]

# Functions by interface and name.
Functions = Mapping[str, Mapping[str, Callable[..., Any]]]

# The host functions, by interface and name. Their arguments do not include resources.
FUNCTIONS: Functions = {
    "types": {},
    "http-types": {},
    "async-io": {},
    "http-body": {"new": Exchange.new_body, "read": lambda exchange, size: exchange.read(size), "write": Exchange.write},
    "backend": {"[static]backend.open": Exchange.open_backend},
    "http-resp": {
        "[static]response.new": Exchange.new_response,
        "[method]response.get-header-names": Exchange.get_response_header_names,
        "[method]response.get-header-values": Exchange.get_response_header_values,
        "[method]response.insert-header": Exchange.insert_response_header,
        "[method]response.remove-header": Exchange.remove_response_header,
        "[method]response.append-header": Exchange.append_response_header,
        "[method]response.get-status": Exchange.get_status,
        "[method]response.set-status": Exchange.set_status,
        "send-downstream": Exchange.send_downstream,
    },
    "http-req": {
        "[static]request.new": Exchange.new_request,
        "[method]request.get-header-names": Exchange.get_header_names,
        "[method]request.get-header-values": Exchange.get_header_values,
        "[method]request.insert-header": Exchange.insert_header,
        "[method]request.append-header": Exchange.append_header,
        "[method]request.remove-header": Exchange.remove_header,
        "[method]request.get-method": Exchange.get_method,
        "[method]request.set-method": Exchange.set_method,
        "[method]request.get-uri": Exchange.get_uri,
        "[method]request.set-uri": Exchange.set_uri,
        "[method]request.set-cache-override": Exchange.set_cache_override,
        "[method]request.redirect-to-websocket-proxy": Exchange.redirect_to_websocket_proxy,
        "[method]request.redirect-to-grip-proxy": Exchange.redirect_to_grip_proxy,
        "send": Exchange.send,
        "send-uncached": Exchange.send_uncached,
    },
    "http-downstream": {
        "next-request": lambda exchange, options: exchange.next_request(vars(options)["timeout-ms"]),
        "await-request": Exchange.await_request,
        "downstream-client-ip-addr": Exchange.downstream_client_ip_addr,
        "downstream-tls-protocol": Exchange.downstream_tls_protocol,
        "downstream-client-request-id": Exchange.downstream_client_request_id,
    },
    "log": {"[static]endpoint.open": Exchange.open_log_endpoint, "[method]endpoint.write": Exchange.write_log},
    "secret-store": {
        "[method]secret.plaintext": Exchange.plaintext,
        "[static]store.open": Exchange.open_secret_store,
        "[method]store.get": Exchange.get_secret,
    },
    "config-store": {"[static]store.open": Exchange.open_config_store, "[method]store.get": Exchange.get_config},
    "erl": {
        "[static]rate-counter.open": Exchange.open_rate_counter,
        "[method]rate-counter.check-rate": Exchange.check_rate,
        "[static]penalty-box.open": Exchange.open_penalty_box,
    },
    "compute-runtime": {"get-heap-mib": Exchange.get_heap_mib, "get-service-id": Exchange.get_service_id},
    "wall-clock": {"now": Exchange.now},
}
RESOURCES = {
    "async-io": {"pollable": POLLABLE},
    "backend": {"backend": BACKEND},
    "http-resp": {"response": RESPONSE},
    "http-req": {"request": REQUEST, "extra-send-error-detail": EXTRA, "extra-cache-override-details": EXTRA},
    "http-downstream": {"extra-next-request-options": EXTRA},
    "log": {"endpoint": LOG_ENDPOINT},
    "secret-store": {"secret": SECRET, "store": SECRET_STORE},
    "config-store": {"store": CONFIG_STORE},
    "erl": {"rate-counter": RATE_COUNTER, "penalty-box": PENALTY_BOX},
}
# The functions that send a request to a backend.
SENDING = frozenset({"http-req.send", "http-req.send-uncached"})
# The functions that wait for a client or a backend. Other sandboxes run meanwhile.
_WAITING = SENDING | {"http-body.read", "http-downstream.await-request"}
# The functions that cannot fail: they do not return a `result`.
INFALLIBLE = frozenset(
    {
        "http-downstream.downstream-client-ip-addr",
        "log.endpoint.write",
        "compute-runtime.get-heap-mib",
        "compute-runtime.get-service-id",
        "wall-clock.now",
    }
)


def call_name(interface: str, function: str) -> str:
    return f"{interface}.{function.partition(']')[2] or function}"


# The names of all host functions, as an Intercept gets them.
CALLS = tuple(call_name(interface, function) for interface, functions in FUNCTIONS.items() for function in functions)


def quick_engine() -> wasmtime.Engine:
    """Returns an engine that compiles with Winch. Raises wasmtime.WasmtimeError on machines that Winch does not support."""
    config = wasmtime.Config()
    bindings.wasmtime_config_strategy_set(config.ptr(), _WINCH)
    return wasmtime.Engine(config)


def compile_quickly(content: bytes, kind: type[Code] = Component) -> tuple[wasmtime.Engine, Code]:  # type: ignore[assignment]
    """Compiles a component or core module with Winch, or with wasmtime's default compiler if the machine cannot run Winch.

    Raises wasmtime.WasmtimeError if wasmtime rejects it.
    """
    try:
        engine = quick_engine()
        return engine, kind(engine, content)
    except wasmtime.WasmtimeError:
        engine = wasmtime.Engine()
        return engine, kind(engine, content)


class EmbeddedComponent:
    """Runs a compiled component. One sandbox runs at a time; while it waits for a client or a backend, others can run.

    Args:
        engine: the one that compiled the component.
        component: the compiled component.
        intercept: makes each host call, or replaces it.
        further: the functions of interfaces that are not Fastly's. They get the store, and then their arguments.
    """

    def __init__(
        self,
        engine: wasmtime.Engine,
        component: Component,
        intercept: Intercept = lambda name, call: call(),
        further: Functions | None = None,
    ) -> None:
        self._engine = engine
        self._component = component
        self._intercept = intercept
        self._exchange: Exchange
        # wasmtime's package has global state while it converts values.
        self._lock = threading.Lock()
        self._further = further or {}
        self._linker = self._link()

    def handle(self, exchange: Exchange) -> bool:
        """Handles a request in a new sandbox, and those that the sandbox takes after it. Returns False if `handle` failed.

        Raises wasmtime.WasmtimeError or wasmtime.Trap if the component trapped.
        """
        return self.sandbox()(exchange)

    def sandbox(self) -> Callable[[Exchange], bool]:
        """Returns a function that handles requests as `handle` does, all in one new sandbox."""
        with self._lock:
            store = wasmtime.Store(self._engine)
            instance = self._linker.instantiate(store, self._component)
            incoming = instance.get_export_index(store, INTERFACE.format("http-incoming"))
            function = instance.get_func(store, instance.get_export_index(store, "handle", incoming))  # type: ignore[arg-type]
            assert function is not None

        def handle(exchange: Exchange) -> bool:
            with self._lock:
                self._exchange = exchange
                result = function(store, ResourceHost.own(0, REQUEST), ResourceHost.own(0, POLLABLE))
                return bool(result.tag == "ok")

        return handle

    @contextmanager
    def _unlocked(self) -> Iterator[None]:
        """Lets other sandboxes run as long as the context lasts."""
        exchange = self._exchange
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._exchange = exchange

    def _link(self) -> Linker:
        linker = Linker(self._engine)
        with linker.root() as root:
            for interface, functions in FUNCTIONS.items():
                with root.add_instance(_RENAMED.get(interface, INTERFACE.format(interface))) as instance:
                    for name, number in RESOURCES.get(interface, {}).items():
                        instance.add_resource(name, ResourceType.host(number), lambda store, rep: None)
                    for function, implementation in functions.items():
                        instance.add_func(function, self._host_function(call_name(interface, function), implementation))
            for interface, functions in self._further.items():
                with root.add_instance(interface) as instance:
                    for function, implementation in functions.items():
                        instance.add_func(function, implementation)
        return linker

    def _host_function(self, name: str, implementation: Callable[..., Any]) -> Callable[..., Any]:
        def call(store: Any, *arguments: Any) -> Any:
            exchange = self._exchange
            values = [argument for argument in arguments if not isinstance(argument, ResourceAny)]
            try:
                with self._unlocked() if name in _WAITING else nullcontext():
                    value = self._intercept(name, partial(implementation, exchange, *values))
            except HostError as error:
                return Variant("err", _error(name, error))
            finally:
                for argument in arguments:
                    if isinstance(argument, ResourceAny):
                        argument.drop(store)  # no handle may be left when the host function returns
            if isinstance(value, Exchange):
                self._exchange = value
                value = ResourceHost.own(0, REQUEST), ResourceHost.own(0, POLLABLE)
            return value if name in INFALLIBLE else Variant("ok", value)

        return call


def _error(name: str, error: HostError) -> Any:
    """Returns an error as a value of the type that the host function has for it."""
    if name.endswith(".open"):
        return error.case
    case = Variant(error.case, error.payload)
    if name not in SENDING:
        return case
    send_error = Record()
    send_error.detail = Variant(error.detail, _payload(error.detail)) if error.detail else None  # type: ignore[attr-defined]
    send_error.error = case  # type: ignore[attr-defined]
    return send_error


def _payload(detail: str) -> Record | None:
    """Returns the payload of a case of `send-error-detail`, with empty fields; None if the case has no payload."""
    fields: dict[str, dict[str, Any]] = {"dns-error": {"rcode": None, "info-code": None}, "tls-alert-received": {"id": None}}
    fields["h2-error"] = {"frame-type": 0, "error-code": 0}
    if detail not in fields:
        return None
    payload = Record()
    vars(payload).update(fields[detail])
    return payload
