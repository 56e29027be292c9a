"""The functions of runtime/wit/edge.wit for wasmtime's Python package: the real component inside this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime.component import Component, Linker, Record, ResourceAny, ResourceHost, ResourceType, Variant
from wasmtime.component import _types as component_types

from fanroute.workspace import write

INTERFACE = "fastly:compute/{}@0.1.0"

# wasmtime's package tells a result's cases apart by the class of the value, which fails for
# result<option<T>, E>; told that they always need a tag, it takes Variant("ok" or "err", value) for each.
component_types.ResultType._tagged = lambda self: True  # type: ignore[method-assign]


class HostError(Exception):
    """A host function's error: the name of a case of the WIT's `error` or `open-error`, and its payload.

    `detail` is the name of a case of `send-error-detail`, or "" where there is none.
    """

    def __init__(self, case: str, payload: int | None = None, detail: str = "") -> None:
        super().__init__(case)
        self.case = case
        self.payload = payload
        self.detail = detail


# wasmtime's numbers for the types of resource.
_POLLABLE, _BACKEND, _RESPONSE, _REQUEST, _EXTRA = range(1, 6)

Headers = list[tuple[str, bytes]]

Call = Callable[[], Any]
# Sees every host call by its name ("http-req.request.get-uri") and makes it, or raises HostError instead.
Intercept = Callable[[str, Call], Any]


@dataclass(slots=True)
class Response:
    """A response: what the component has set on it, or a backend's, whose `body` is bytes or whatever `Exchange.ask` gave."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: Any = b""


def _nobody(backend: str, headers: Headers) -> Response:
    raise HostError("generic-error", detail="destination-not-found")


@dataclass(slots=True)
class Exchange:
    """One request as the host knows it, and what becomes of it.

    After the call `handoff` or `tunnel` names a backend, and `headers` are those that go there, or `answer` is set, or none of
    them if the component failed. `read` gives the next bytes of the request's body, at most as many as asked for; `ask` gives a
    backend's answer to the request with some headers; `take` is how many bytes of the answer's body are taken at once.
    """

    uri: str
    headers: Headers
    backends: frozenset[str]
    read: Callable[[int], bytes] = lambda size: b""
    client_ip: str | None = "127.0.0.1"
    tls: str | None = None
    method: str = "GET"
    take: int = 1 << 20
    ask: Callable[[str, Headers], Response] = _nobody
    handoff: str | None = None
    tunnel: str | None = None
    answer: Response | None = None
    # What the component has made last. It has one of each at a time, so handles need not be told apart.
    _backend: str = ""
    _response: Response = field(default_factory=Response)
    _body: Any = field(default_factory=bytearray)

    def get_uri(self, limit: int) -> str:
        return _limited(self.uri.encode(), limit).decode()

    def get_method(self, limit: int) -> str:
        return _limited(self.method.encode(), limit).decode()

    def get_header_value(self, name: str, limit: int) -> bytes | None:
        value = next((value for key, value in self.headers if key.lower() == name.lower()), None)
        return value if value is None else _limited(value, limit)

    def get_header_names(self, limit: int, cursor: int) -> tuple[str, int | None]:
        return _names(self.headers, limit, cursor)

    def get_header_values(self, name: str, limit: int, cursor: int) -> tuple[bytes, int | None]:
        return _values(self.headers, name, limit, cursor)

    def insert_header(self, name: str, value: bytes) -> None:
        self.headers = _inserted(self.headers, name, value)

    def append_header(self, name: str, value: bytes) -> None:
        self.headers = [*self.headers, (name, value)]

    def remove_header(self, name: str) -> None:
        self.headers = _removed(self.headers, name)

    def open_backend(self, name: str) -> ResourceHost:
        if name not in self.backends:
            raise HostError("not-found")
        self._backend = name
        return ResourceHost.own(0, _BACKEND)

    def redirect_to_grip_proxy(self) -> None:
        self._check_unanswered()
        self.handoff = self._backend

    def redirect_to_websocket_proxy(self) -> None:
        self._check_unanswered()
        self.tunnel = self._backend

    def send(self) -> tuple[ResourceHost, ResourceHost]:
        self._response = self.ask(self._backend, self.headers)
        self._body = self._response.body
        return ResourceHost.own(0, _RESPONSE), ResourceHost.own(0, _POLLABLE)

    def new_response(self) -> ResourceHost:
        self._response = Response()
        return ResourceHost.own(0, _RESPONSE)

    def set_status(self, status: int) -> None:
        self._response.status = status

    def response_header_names(self, limit: int, cursor: int) -> tuple[str, int | None]:
        return _names(self._response.headers, limit, cursor)

    def response_header_values(self, name: str, limit: int, cursor: int) -> tuple[bytes, int | None]:
        return _values(self._response.headers, name, limit, cursor)

    def insert_response_header(self, name: str, value: bytes) -> None:
        self._response.headers = _inserted(self._response.headers, name, value)

    def remove_response_header(self, name: str) -> None:
        self._response.headers = _removed(self._response.headers, name)

    def append_response_header(self, name: str, value: bytes) -> None:
        self._response.headers.append((name, value))

    def new_body(self) -> ResourceHost:
        self._body = bytearray()
        return ResourceHost.own(0, _POLLABLE)

    def write(self, data: bytes) -> int:
        taken = data[: self.take]
        self._body += taken
        return len(taken)

    def send_downstream(self) -> None:
        self._check_unanswered()
        self._response.body = bytes(self._body) if isinstance(self._body, bytearray) else self._body
        self.answer = self._response

    def _check_unanswered(self) -> None:
        if self.answer or self.handoff or self.tunnel:
            raise HostError("invalid-argument")

    def downstream_client_ip_addr(self) -> Variant | None:
        if self.client_ip is None:
            return None
        address = ip_address(self.client_ip)
        size = 1 if address.version == 4 else 2
        packed = address.packed
        groups = tuple(int.from_bytes(packed[i : i + size], "big") for i in range(0, len(packed), size))
        return Variant(f"ipv{address.version}", groups)

    def downstream_tls_protocol(self, limit: int) -> bytes | None:
        return None if self.tls is None else _limited(self.tls.encode(), limit)


def _inserted(headers: Headers, name: str, value: bytes) -> Headers:
    """Headers with one value for a name, in place of all it had."""
    return [*_without(headers, name), (name, value)]


def _removed(headers: Headers, name: str) -> Headers:
    """Headers without those of a name, of which there must be some."""
    kept = _without(headers, name)
    if len(kept) == len(headers):
        raise HostError("invalid-argument")
    return kept


def _names(headers: Headers, limit: int, cursor: int) -> tuple[str, int | None]:
    names = dict.fromkeys(name.lower().encode("latin-1") for name, _ in headers)
    part, rest = _part(list(names), limit, cursor)
    return part.decode("latin-1"), rest


def _values(headers: Headers, name: str, limit: int, cursor: int) -> tuple[bytes, int | None]:
    return _part([value for key, value in headers if key.lower() == name.lower()], limit, cursor)


def _part(items: list[bytes], limit: int, cursor: int) -> tuple[bytes, int | None]:
    """Items from the cursor's on, each with a NUL at its end, as many as fit, and the number of the first that does not."""
    part = b""
    for number, item in enumerate(items[cursor:], cursor):
        if len(part) + len(item) + 1 > limit:
            if number == cursor:
                raise HostError("buffer-len", len(item) + 1)
            return part, number
        part += item + b"\0"
    return part, None


def _without(headers: Headers, name: str) -> Headers:
    return [(key, value) for key, value in headers if key.lower() != name.lower()]


def _limited(value: bytes, limit: int) -> bytes:
    if len(value) > limit:
        raise HostError("buffer-len", len(value))
    return value


# By interface and function; resources are not among the arguments.
_FUNCTIONS: dict[str, dict[str, Callable[..., Any]]] = {
    "types": {},
    "http-types": {},
    "async-io": {},
    "http-body": {"new": Exchange.new_body, "read": lambda exchange, size: exchange.read(size), "write": Exchange.write},
    "backend": {"[static]backend.open": Exchange.open_backend},
    "http-resp": {
        "[static]response.new": Exchange.new_response,
        "[method]response.get-header-names": Exchange.response_header_names,
        "[method]response.get-header-values": Exchange.response_header_values,
        "[method]response.insert-header": Exchange.insert_response_header,
        "[method]response.remove-header": Exchange.remove_response_header,
        "[method]response.append-header": Exchange.append_response_header,
        "[method]response.set-status": Exchange.set_status,
        "send-downstream": Exchange.send_downstream,
    },
    "http-req": {
        "[method]request.get-header-names": Exchange.get_header_names,
        "[method]request.get-header-value": Exchange.get_header_value,
        "[method]request.get-header-values": Exchange.get_header_values,
        "[method]request.insert-header": Exchange.insert_header,
        "[method]request.append-header": Exchange.append_header,
        "[method]request.remove-header": Exchange.remove_header,
        "[method]request.get-method": Exchange.get_method,
        "[method]request.get-uri": Exchange.get_uri,
        "[method]request.redirect-to-websocket-proxy": Exchange.redirect_to_websocket_proxy,
        "[method]request.redirect-to-grip-proxy": Exchange.redirect_to_grip_proxy,
        "send": Exchange.send,
    },
    "http-downstream": {
        "downstream-client-ip-addr": Exchange.downstream_client_ip_addr,
        "downstream-tls-protocol": Exchange.downstream_tls_protocol,
    },
}
_RESOURCES = {
    "async-io": {"pollable": _POLLABLE},
    "backend": {"backend": _BACKEND},
    "http-resp": {"response": _RESPONSE},
    "http-req": {"request": _REQUEST, "extra-send-error-detail": _EXTRA},
}
# Those that wait for a client or a backend: other requests go on meanwhile.
_WAITING = frozenset({"http-body.read", "http-req.send"})
# Those whose type is no `result`: they cannot fail.
INFALLIBLE = frozenset({"http-downstream.downstream-client-ip-addr"})


def _call_name(interface: str, function: str) -> str:
    return f"{interface}.{function.partition(']')[2] or function}"


# Every host function there is, by the name that an Intercept sees.
CALLS = tuple(_call_name(interface, function) for interface, functions in _FUNCTIONS.items() for function in functions)


class EmbeddedComponent:
    """A compiled component. Each call gets a sandbox of its own; while one waits, others run, and otherwise one at a time.

    Args:
        engine: wasmtime's engine.
        component: compiled with that engine.
        intercept: sees and may replace every host call.
    """

    def __init__(self, engine: wasmtime.Engine, component: Component, intercept: Intercept = lambda name, call: call()) -> None:
        self._engine = engine
        self._component = component
        self._intercept = intercept
        self._exchange: Exchange
        # wasmtime's package keeps global state while it converts values.
        self._lock = threading.Lock()
        self._linker = self._link()

    def handle(self, exchange: Exchange) -> bool:
        """Have the component handle a request; False if its `handle` failed.

        Raises wasmtime.WasmtimeError or wasmtime.Trap where it trapped.
        """
        with self._lock:
            self._exchange = exchange
            store = wasmtime.Store(self._engine)
            instance = self._linker.instantiate(store, self._component)
            incoming = instance.get_export_index(store, INTERFACE.format("http-incoming"))
            handle = instance.get_func(store, instance.get_export_index(store, "handle", incoming))  # type: ignore[arg-type]
            assert handle is not None
            result = handle(store, ResourceHost.own(0, _REQUEST), ResourceHost.own(0, _POLLABLE))
            return bool(result.tag == "ok")

    @contextmanager
    def _others(self) -> Iterator[None]:
        """Let other calls run meanwhile."""
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
            for interface, functions in _FUNCTIONS.items():
                with root.add_instance(INTERFACE.format(interface)) as instance:
                    for name, number in _RESOURCES.get(interface, {}).items():
                        instance.add_resource(name, ResourceType.host(number), lambda store, rep: None)
                    for function, implementation in functions.items():
                        instance.add_func(function, self._host_function(_call_name(interface, function), implementation))
        return linker

    def _host_function(self, name: str, implementation: Callable[..., Any]) -> Callable[..., Any]:
        def call(store: Any, *arguments: Any) -> Any:
            exchange = self._exchange
            values = [argument for argument in arguments if not isinstance(argument, ResourceAny)]
            try:
                with self._others() if name in _WAITING else nullcontext():
                    value = self._intercept(name, partial(implementation, exchange, *values))
            except HostError as error:
                return Variant("err", _error(name, error))
            finally:
                for argument in arguments:
                    if isinstance(argument, ResourceAny):
                        argument.drop(store)  # no handle may be left when the host function returns
            return value if name in INFALLIBLE else Variant("ok", value)

        return call


def _error(name: str, error: HostError) -> Any:
    """A host function's error as a value of its type."""
    if name.startswith("backend."):
        return error.case
    case = Variant(error.case, error.payload)
    if name != "http-req.send":
        return case
    found = Record()
    found.detail = Variant(error.detail, _payload(error.detail)) if error.detail else None  # type: ignore[attr-defined]
    found.error = case  # type: ignore[attr-defined]
    return found


def _payload(detail: str) -> Record | None:
    """What the cases of `send-error-detail` have that have anything: nothing is known of it."""
    fields: dict[str, dict[str, Any]] = {"dns-error": {"rcode": None, "info-code": None}, "tls-alert-received": {"id": None}}
    fields["h2-error"] = {"frame-type": 0, "error-code": 0}
    if detail not in fields:
        return None
    payload = Record()
    vars(payload).update(fields[detail])
    return payload


def load(wasm: Path, compiled: Path) -> tuple[wasmtime.Engine, Component]:
    """A component, compiled; its compiled form is kept at `compiled`, and used if it is there."""
    engine = wasmtime.Engine()
    if compiled.exists():
        with suppress(wasmtime.WasmtimeError):  # of another version of wasmtime
            return engine, Component.deserialize_file(engine, str(compiled))
    component = Component.from_file(engine, wasm)
    write(compiled, bytes(component.serialize()))
    return engine, component
