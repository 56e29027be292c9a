"""Holds one request as the host knows it: the state that the functions of runtime/wit/edge.wit read and change."""

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from wasmtime.component import Record, ResourceHost, Variant

from fanroute.host.rate_limits import RateLimits
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.matching.predicates import split_uri


class HostError(Exception):
    """Makes a host function fail.

    Args:
        case: a case of the WIT's `error` or `open-error`.
        payload: its payload, if it has one.
        detail: a case of `send-error-detail`, or "" for none.
    """

    def __init__(self, case: str, payload: int | None = None, detail: str = "") -> None:
        super().__init__(case)
        self.case = case
        self.payload = payload
        self.detail = detail


# The numbers that stand for the types of resources in wasmtime.
(
    POLLABLE,
    BACKEND,
    RESPONSE,
    REQUEST,
    EXTRA,
    CONFIG_STORE,
    SECRET_STORE,
    SECRET,
    RATE_COUNTER,
    PENALTY_BOX,
    LOG_ENDPOINT,
) = range(1, 12)
# The longest name of a rate counter or penalty box that Fastly opens, in bytes.
_MAX_NAME = 1024

Headers = list[tuple[str, bytes]]

# A URI that a request can get: without spaces and control characters.
_URI = re.compile(r"https?://[^\0-\x20\x7f]+")


@dataclass(slots=True)
class Response:
    """Holds a response. The `body` of a backend's response is whatever `Exchange.fetch` returned; otherwise it is bytes."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: Any = b""


@dataclass(slots=True)
class OwnRequest:
    """Holds a request that the component makes itself."""

    method: str = ""
    uri: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes = b""


# Waits for a sandbox's next request, and returns None if there is none.
WaitForNext = Callable[[], "Exchange | None"]


def _no_next(seconds: float) -> WaitForNext:
    return lambda: None


def _no_backend(backend: str, target: str, headers: Headers) -> Response:
    raise HostError("generic-error", detail="destination-not-found")


def _no_own_backend(backend: str, own: OwnRequest) -> Response:
    raise HostError("generic-error", detail="destination-not-found")


@dataclass(slots=True)
class Exchange:
    """Holds a request, what the host knows about it, and what the component decides.

    The component sets `handoff`, `tunnel` or `answer`, or none of them if it fails. `settled` is done then.

    Args:
        uri: the absolute URI; after a handoff or for a tunnel, the one that goes to the backend.
        headers: the request's headers, likewise.
        backends: the names of all backends.
        read: returns the next bytes of the request's body, at most as many as its argument says.
        client_ip: the client's address, or None if it has none.
        tls: the TLS protocol of the client's connection, or None without TLS.
        method: the request's method.
        write_limit: how many bytes of the answer's body a single write takes.
        fetch: returns a backend's answer, for the backend's name, a target and headers. Raises HostError.
        fetch_own: returns a backend's answer to a request of the component's own. Raises HostError.
        request_next: asks for the sandbox's next request. Returns a function that waits for it, at most so many seconds.
        clock: returns the time in seconds since 1970.
        heap: returns the memory in use, in MiB.
        service_id: the id of the Fastly service.
        request_id: the host's id of the request.
        log: takes what is written to a log endpoint: its name, and the message.
        config_stores: each store's entries, by their names.
        secret_stores: likewise.
        rate_limits: the service's rate counters and penalty boxes.
        penalized: whether the client uses a route with a limit too often, None if the host could not tell.
        cached: how the backend's answer is to be cached: as a case of the WIT's `cache-override` and its payload, as data.
        handoff: the backend that the request is handed off to.
        tunnel: the backend that gets the client's WebSocket.
        answer: the answer for the client.
        settled: done once it is known what becomes of the request.
    """

    uri: str
    headers: Headers
    backends: frozenset[str]
    read: Callable[[int], bytes] = lambda size: b""
    client_ip: str | None = "127.0.0.1"
    tls: str | None = None
    method: str = "GET"
    write_limit: int = 1 << 20
    fetch: Callable[[str, str, Headers], Response] = _no_backend
    fetch_own: Callable[[str, OwnRequest], Response] = _no_own_backend
    request_next: Callable[[float], WaitForNext] = _no_next
    clock: Callable[[], float] = time.time
    heap: Callable[[], int] = lambda: 0
    service_id: str = LOCAL_SERVICE
    request_id: str = "00000000000000000000000000000001"
    log: Callable[[str, bytes], None] = lambda endpoint, message: None
    config_stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secret_stores: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    penalized: bool | None = False
    cached: tuple[str, Mapping[str, Any]] | None = None
    handoff: str | None = None
    tunnel: str | None = None
    answer: Response | None = None
    settled: Future[None] = field(default_factory=Future)
    # The resources that the component has created last. It uses one of each type at a time, so they need no handles.
    _wait_for_next: WaitForNext = lambda: None
    _backend: str = ""
    _config_store: Mapping[str, str] = field(default_factory=dict)
    _secret_store: Mapping[str, bytes] = field(default_factory=dict)
    _secret: bytes = b""
    # While there is one, the functions that change a request change this one, and not the client's.
    _own: OwnRequest | None = None
    _rate_counter: str = ""
    _penalty_box: str = ""
    _log_endpoint: str = ""
    _response: Response = field(default_factory=Response)
    _body: Any = field(default_factory=bytearray)

    def get_uri(self, limit: int) -> str:
        return _within_limit(self.uri.encode(), limit).decode()

    def new_request(self) -> ResourceHost:
        self._own = OwnRequest()
        return ResourceHost.own(0, REQUEST)

    def set_method(self, method: str) -> None:
        self._changed.method = method

    def set_uri(self, uri: str) -> None:
        if not _URI.fullmatch(uri):
            raise HostError("http-user")
        self._changed.uri = uri

    def get_method(self, limit: int) -> str:
        return _within_limit(self.method.encode(), limit).decode()

    def get_header_names(self, limit: int, cursor: int) -> tuple[str, int | None]:
        return _names(self.headers, limit, cursor)

    def get_header_values(self, name: str, limit: int, cursor: int) -> tuple[bytes, int | None]:
        return _values(self.headers, name, limit, cursor)

    def insert_header(self, name: str, value: bytes) -> None:
        self._changed.headers = _insert(self._changed.headers, name, value)

    def append_header(self, name: str, value: bytes) -> None:
        self.headers = [*self.headers, (name, value)]

    def remove_header(self, name: str) -> None:
        self.headers = _remove(self.headers, name)

    def set_cache_override(self, override: Variant) -> None:
        self.cached = override.tag, dict(vars(override.payload)) if override.payload else {}

    def open_backend(self, name: str) -> ResourceHost:
        if name not in self.backends:
            raise HostError("not-found")
        self._backend = name
        return ResourceHost.own(0, BACKEND)

    def redirect_to_grip_proxy(self) -> None:
        self._check_unanswered()
        self.handoff = self._backend
        self.settle()

    def redirect_to_websocket_proxy(self) -> None:
        self._check_unanswered()
        self.tunnel = self._backend
        self.settle()

    def send(self) -> tuple[ResourceHost, ResourceHost]:
        self._response = self.fetch(self._backend, target_of(self.uri), self.headers)
        self._body = self._response.body
        return ResourceHost.own(0, RESPONSE), ResourceHost.own(0, POLLABLE)

    def send_uncached(self) -> tuple[ResourceHost, ResourceHost]:
        own, self._own = self._own, None
        if own is None:
            raise HostError("invalid-argument")
        own.body = bytes(self._body)
        self._response = self.fetch_own(self._backend, own)
        self._body = self._response.body
        return ResourceHost.own(0, RESPONSE), ResourceHost.own(0, POLLABLE)

    @property
    def _changed(self) -> "OwnRequest | Exchange":
        return self if self._own is None else self._own

    def get_status(self) -> int:
        return self._response.status

    def new_response(self) -> ResourceHost:
        self._response = Response()
        return ResourceHost.own(0, RESPONSE)

    def set_status(self, status: int) -> None:
        self._response.status = status

    def get_response_header_names(self, limit: int, cursor: int) -> tuple[str, int | None]:
        return _names(self._response.headers, limit, cursor)

    def get_response_header_values(self, name: str, limit: int, cursor: int) -> tuple[bytes, int | None]:
        return _values(self._response.headers, name, limit, cursor)

    def insert_response_header(self, name: str, value: bytes) -> None:
        self._response.headers = _insert(self._response.headers, name, value)

    def remove_response_header(self, name: str) -> None:
        self._response.headers = _remove(self._response.headers, name)

    def append_response_header(self, name: str, value: bytes) -> None:
        self._response.headers.append((name, value))

    def new_body(self) -> ResourceHost:
        self._body = bytearray()
        return ResourceHost.own(0, POLLABLE)

    def write(self, data: bytes) -> int:
        written = data[: self.write_limit]
        self._body += written
        return len(written)

    def send_downstream(self) -> None:
        self._check_unanswered()
        self._response.body = bytes(self._body) if isinstance(self._body, bytearray) else self._body
        self.answer = self._response
        self.settle()

    def settle(self, failure: Exception | None = None) -> None:
        """Marks the request as settled, or as failed. Does nothing if it is settled already."""
        if self.settled.done():
            return
        if failure:
            self.settled.set_exception(failure)
        else:
            self.settled.set_result(None)

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
        return None if self.tls is None else _within_limit(self.tls.encode(), limit)

    def downstream_client_request_id(self, limit: int) -> str:
        return _within_limit(self.request_id.encode(), limit).decode()

    def open_log_endpoint(self, name: str) -> ResourceHost:
        if not name or "\n" in name or ":" in name:
            raise HostError("invalid-syntax")
        if name.lower() in ("stdout", "stderr"):
            raise HostError("reserved")
        self._log_endpoint = name
        return ResourceHost.own(0, LOG_ENDPOINT)

    def write_log(self, message: bytes) -> None:
        self.log(self._log_endpoint, message)

    def next_request(self, timeout: int) -> ResourceHost:
        self._wait_for_next = self.request_next(timeout / 1000)
        return ResourceHost.own(0, POLLABLE)

    def await_request(self) -> "Exchange | None":
        if not (self.answer or self.handoff or self.tunnel):
            raise HostError("unsupported")
        following = self._wait_for_next()
        if following:
            following._log_endpoint = self._log_endpoint  # a sandbox keeps it
        return following

    def get_heap_mib(self) -> int:
        return self.heap()

    def open_config_store(self, name: str) -> ResourceHost:
        self._config_store = _open(self.config_stores, name)
        return ResourceHost.own(0, CONFIG_STORE)

    def get_config(self, name: str, limit: int) -> str | None:
        value = self._config_store.get(name)
        return value if value is None else _within_limit(value.encode(), limit).decode()

    def open_secret_store(self, name: str) -> ResourceHost:
        self._secret_store = _open(self.secret_stores, name)
        return ResourceHost.own(0, SECRET_STORE)

    def get_secret(self, name: str) -> ResourceHost | None:
        if name not in self._secret_store:
            return None
        self._secret = self._secret_store[name]
        return ResourceHost.own(0, SECRET)

    def plaintext(self, limit: int) -> bytes:
        return _within_limit(self._secret, limit)

    def open_rate_counter(self, name: str) -> ResourceHost:
        self._rate_counter = _opened(name)
        return ResourceHost.own(0, RATE_COUNTER)

    def open_penalty_box(self, name: str) -> ResourceHost:
        self._penalty_box = _opened(name)
        return ResourceHost.own(0, PENALTY_BOX)

    def check_rate(self, entry: str, delta: int, window: int, limit: int, ttl: int) -> bool:
        self.penalized = None
        counted = self._rate_counter, entry, delta, window, limit
        try:
            self.penalized = self.rate_limits.check_rate(*counted, self._penalty_box, ttl)
        except ValueError as error:
            raise HostError("invalid-argument") from error
        return self.penalized

    def get_service_id(self) -> str:
        return self.service_id

    def now(self) -> Record:
        now = Record()
        seconds, fraction = divmod(self.clock(), 1)
        vars(now).update(seconds=int(seconds), nanoseconds=int(fraction * 1e9))
        return now


def target_of(uri: str) -> str:
    """Returns the target of a request for an absolute URI, in origin form (RFC 9112, 3.2.1)."""
    authority, _, _ = split_uri(uri)
    target = uri.partition("://")[2].removeprefix(authority)
    return target if target.startswith("/") else f"/{target}"


def _open(stores: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name not in stores:
        raise HostError("not-found")
    return stores[name]


def _opened(name: str) -> str:
    """Returns the name of a rate counter or penalty box. Raises HostError if no such thing can be opened."""
    if len(name.encode()) > _MAX_NAME:
        raise HostError("name-too-long")
    return name


def _insert(headers: Headers, name: str, value: bytes) -> Headers:
    """Returns the headers with one value for a name, in place of all others."""
    return [*_without(headers, name), (name, value)]


def _remove(headers: Headers, name: str) -> Headers:
    """Returns the headers without those of a name. Raises HostError if there are none."""
    kept = _without(headers, name)
    if len(kept) == len(headers):
        raise HostError("invalid-argument")
    return kept


def _names(headers: Headers, limit: int, cursor: int) -> tuple[str, int | None]:
    names = dict.fromkeys(name.lower().encode("latin-1") for name, _ in headers)
    page, next_cursor = _page(list(names), limit, cursor)
    return page.decode("latin-1"), next_cursor


def _values(headers: Headers, name: str, limit: int, cursor: int) -> tuple[bytes, int | None]:
    return _page([value for key, value in headers if key.lower() == name.lower()], limit, cursor)


def _page(items: list[bytes], limit: int, cursor: int) -> tuple[bytes, int | None]:
    """Returns as many items from the cursor on as fit, each with a NUL at its end, and the cursor of the next one.

    Raises HostError if not even one fits.
    """
    page = b""
    for number, item in enumerate(items[cursor:], cursor):
        if len(page) + len(item) + 1 > limit:
            if number == cursor:
                raise HostError("buffer-len", len(item) + 1)
            return page, number
        page += item + b"\0"
    return page, None


def _without(headers: Headers, name: str) -> Headers:
    return [(key, value) for key, value in headers if key.lower() != name.lower()]


def _within_limit(value: bytes, limit: int) -> bytes:
    """Returns a value. Raises HostError if it is longer than the limit."""
    if len(value) > limit:
        raise HostError("buffer-len", len(value))
    return value
