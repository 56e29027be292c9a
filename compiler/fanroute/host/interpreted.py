"""Runs a Plan in this process without a component: the runtime's own code, with stand-ins for the bindings of Fastly's host.

The stand-ins are made from the host functions that a component calls. Nothing limits the code's memory or time.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache, partial
from types import ModuleType
from typing import Any, Generic, TypeVar

from wasmtime.component import Record, ResourceHost, Variant

from fanroute.host.component import FUNCTIONS, INFALLIBLE, RESOURCES, SENDING, Intercept, call_name
from fanroute.host.exchange import POLLABLE, REQUEST, Exchange, HostError
from fanroute.plan.trace import make_decider
from fanroute_runtime.limiter import CheckRate
from fanroute_runtime.plan import Plan

Payload = TypeVar("Payload")


class InterpretedComponent:
    """Serves requests by a Plan, as a component of this Plan does (`EmbeddedComponent`). Several sandboxes can run at a time.

    Args:
        plan: the Plan.
        intercept: makes each host call, or replaces it.
    """

    def __init__(self, plan: Plan, intercept: Intercept = lambda name, call: call()) -> None:
        make, self._publisher, check_rate = _compute(plan.logs is not None)
        self._server = partial(make, logs=plan.logs) if plan.logs else make
        self._decider = make_decider(plan, check_rate)
        self._limits = plan.sandbox
        self._intercept = intercept

    def handle(self, exchange: Exchange) -> bool:
        """Handles a request in a new sandbox, and those that the sandbox takes after it. Returns False if `handle` failed."""
        server = self._server(self._decider, self._limits, self._publisher)
        server.forget()
        _CURRENT.exchange, _CURRENT.intercept = exchange, self._intercept
        try:
            server.handle(_RESOURCE_CLASSES[REQUEST](), _RESOURCE_CLASSES[POLLABLE]())
        except _Err:
            return False
        except _Trap as trap:
            raise trap.error from None
        return True


class _Current(threading.local):
    """Holds what the thread's sandbox works on: its request, and what makes its host calls."""

    exchange: Exchange
    intercept: Intercept


_CURRENT = _Current()


class _Trap(BaseException):
    """Raised if a host function has a bug. It ends the sandbox, so the runtime's code must not catch it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Err(Exception, Generic[Payload]):
    """Stands in for the bindings' exception for an error of the host. `value` is the WIT's error."""

    def __init__(self, value: Payload) -> None:
        super().__init__(value)
        self.value = value


class _Resource:
    """Stands in for a resource of the host. It needs no handle, because a sandbox uses one of each type at a time."""

    def __enter__(self) -> "_Resource":
        return self

    def __exit__(self, *_: object) -> None:
        """Does nothing: the host keeps nothing for a resource."""


class _Case:
    """Represents a case of a WIT variant with its payload. Each case has a subclass."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


class _Interface(ModuleType):
    """Stands in for the bindings of an interface. The classes of a variant's cases are made when they are first used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        made = type(name, (_Case,), {})
        setattr(self, name, made)
        return made


def _class_name(name: str) -> str:
    """Returns the name that the bindings give to the class for a WIT name such as `buffer-len`."""
    return "".join(part.capitalize() for part in name.split("-"))


_RESOURCE_CLASSES = {
    number: type(_class_name(name), (_Resource,), {}) for names in RESOURCES.values() for name, number in names.items()
}
_INTERFACES = {interface: _Interface(interface) for interface in FUNCTIONS}
_TYPES, _HTTP_REQ, _HTTP_DOWNSTREAM = (_INTERFACES[name] for name in ("types", "http-req", "http-downstream"))


class _OpenError(Enum):
    """Stands in for the bindings' enum of the errors of `open`."""

    INVALID_SYNTAX = 0
    NAME_TOO_LONG = 1
    RESERVED = 2
    NOT_FOUND = 3
    UNSUPPORTED = 4
    LIMIT_EXCEEDED = 5
    GENERIC_ERROR = 6


def _next_request_options(timeout_ms: int, extra: None) -> Record:
    options = Record()
    vars(options).update({"timeout-ms": timeout_ms, "extra": extra})
    return options


def _cache_override_details(ttl: int | None, stale_while_revalidate: int | None, pci: bool, key: None, extra: None) -> Record:
    details = Record()
    values = {"ttl": ttl, "stale-while-revalidate": stale_while_revalidate, "pci": pci, "surrogate-key": key, "extra": extra}
    vars(details).update(values)
    return details


_HTTP_REQ.CacheOverrideDetails = _cache_override_details  # type: ignore[attr-defined]
_HTTP_REQ.CacheOverride_Pass = partial(Variant, "pass")  # type: ignore[attr-defined]
_HTTP_REQ.CacheOverride_Override = partial(Variant, "override")  # type: ignore[attr-defined]
_TYPES.OpenError = _OpenError  # type: ignore[attr-defined]
_HTTP_DOWNSTREAM.NextRequestOptions = _next_request_options  # type: ignore[attr-defined]


def _host_function(name: str, implementation: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the bindings' function for a host function: it calls it for the request of the thread's sandbox."""

    def call(*arguments: Any) -> Any:
        values = [argument for argument in arguments if not isinstance(argument, _Resource)]
        try:
            return _value(_CURRENT.intercept(name, partial(implementation, _CURRENT.exchange, *values)))
        except HostError as error:
            if name in INFALLIBLE:
                raise _Trap(error) from error
            raise _Err(_error(name, error)) from error
        except Exception as error:
            raise _Trap(error) from error

    return call


def _value(returned: Any) -> Any:
    """Returns the bindings' value for what a host function has returned."""
    match returned:
        case Exchange():
            _CURRENT.exchange = returned
            return _RESOURCE_CLASSES[REQUEST](), _RESOURCE_CLASSES[POLLABLE]()
        case ResourceHost():
            return _RESOURCE_CLASSES[returned.type]()
        case Variant():
            return getattr(_TYPES, f"IpAddress_{_class_name(returned.tag)}")(returned.payload)
        case tuple():
            return tuple(map(_value, returned))
    return returned


def _error(name: str, error: HostError) -> Any:
    """Returns an error as a value of the type that the host function has for it."""
    if name.endswith(".open"):
        return _OpenError[error.case.upper().replace("-", "_")]
    case = getattr(_TYPES, f"Error_{_class_name(error.case)}")(error.payload)
    if name not in SENDING:
        return case
    send_error = Record()
    detail = getattr(_HTTP_REQ, f"SendErrorDetail_{_class_name(error.detail)}")() if error.detail else None
    vars(send_error).update(detail=detail, error=case)
    return send_error


def _fill_interfaces() -> None:
    """Gives each stand-in its resources and functions."""
    for interface, functions in FUNCTIONS.items():
        stand_in = _INTERFACES[interface]
        for name, number in RESOURCES.get(interface, {}).items():
            setattr(stand_in, _class_name(name), _RESOURCE_CLASSES[number])
        for function, implementation in functions.items():
            resource, _, method = function.partition("]")[2].partition(".")
            owner = getattr(stand_in, _class_name(resource)) if resource else stand_in
            call = _host_function(call_name(interface, function), implementation)
            setattr(owner, (method or function).replace("-", "_"), call)


_fill_interfaces()


@cache
def _compute(logs: bool) -> tuple[Any, Any, CheckRate]:
    """Returns the class that serves requests in a component, the function that publishes, and what counts uses of a route.

    They are imported with the stand-ins in place of the bindings. With `logs`, the class also writes lines about requests.
    """
    with _bindings_replaced():
        from fanroute_runtime.compute.edge import Server
        from fanroute_runtime.compute.logs import LoggingServer
        from fanroute_runtime.compute.publishing import carry_out
        from fanroute_runtime.compute.rates import check_rate
    return LoggingServer if logs else Server, carry_out, check_rate


@contextmanager
def _bindings_replaced() -> Iterator[None]:
    """Lets imports find the stand-ins as long as the context lasts. The modules that import them keep them."""
    imports, package, types, runtime = (
        ModuleType(name) for name in ("wit_world.imports", "wit_world", "componentize_py_types", "componentize_py_runtime")
    )
    package.imports, package.exports = imports, ModuleType("wit_world.exports")  # type: ignore[attr-defined]
    types.Err, types.Ok = _Err, _Case  # type: ignore[attr-defined]
    modules: dict[str, ModuleType] = {each.__name__: each for each in (imports, package, types, runtime)}
    for interface, stand_in in _INTERFACES.items():
        name = interface.replace("-", "_")
        setattr(imports, name, stand_in)
        modules[f"wit_world.imports.{name}"] = stand_in
    sys.modules |= modules
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
