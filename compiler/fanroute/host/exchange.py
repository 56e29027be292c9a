"""One request as the embedded edge's host knows it: what runtime/wit/edge.wit's functions find and change."""

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from wasmtime.component import Record, ResourceHost, Variant

from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.match import split_uri


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
POLLABLE, BACKEND, RESPONSE, REQUEST, EXTRA, CONFIG_STORE, SECRET_STORE, SECRET = range(1, 9)

Headers = list[tuple[str, bytes]]

# What a request's URI is made of here: no spaces and no control characters.
_URI = re.compile(r"https?://[^\0-\x20\x7f]+")


@dataclass(slots=True)
class Response:
    """A response: what the component has set on it, or a backend's, whose `body` is bytes or whatever `Exchange.ask` gave."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: Any = b""


# Waits for a sandbox's next request; gives None if there is none.
Waiting = Callable[[], "Exchange | None"]


def _no_more(seconds: float) -> Waiting:
    return lambda: None


def _nobody(backend: str, target: str, headers: Headers) -> Response:
    raise HostError("generic-error", detail="destination-not-found")


@dataclass(slots=True)
class Exchange:
    """One request as the host knows it, and what becomes of it.

    After the call `handoff` or `tunnel` names a backend, and `uri` and `headers` are those that go there, or `answer` is set,
    or none of them if the component failed; `settled` is done then. `read` gives the next bytes of the request's body, at most
    as many as asked for; `ask` gives a backend's answer to the request with a target and some headers; `take` is how many bytes
    of the answer's body are taken at once. `following` gives what waits so many seconds for the sandbox's next request. `clock`
    gives the seconds since 1970, `heap` the memory in use in MiB, and the stores are entries by their names, by the stores'
    names.
    """

    uri: str
    headers: Headers
    backends: frozenset[str]
    read: Callable[[int], bytes] = lambda size: b""
    client_ip: str | None = "127.0.0.1"
    tls: str | None = None
    method: str = "GET"
    take: int = 1 << 20
    ask: Callable[[str, str, Headers], Response] = _nobody
    following: Callable[[float], Waiting] = _no_more
    clock: Callable[[], float] = time.time
    heap: Callable[[], int] = lambda: 0
    service_id: str = LOCAL_SERVICE
    config_stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secret_stores: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    handoff: str | None = None
    tunnel: str | None = None
    answer: Response | None = None
    settled: Future[None] = field(default_factory=Future)
    # What the component has made last. It has one of each at a time, so handles need not be told apart.
    _waiting: Waiting = lambda: None
    _backend: str = ""
    _config_store: Mapping[str, str] = field(default_factory=dict)
    _secret_store: Mapping[str, bytes] = field(default_factory=dict)
    _secret: bytes = b""
    _response: Response = field(default_factory=Response)
    _body: Any = field(default_factory=bytearray)

    def get_uri(self, limit: int) -> str:
        return _limited(self.uri.encode(), limit).decode()

    def set_uri(self, uri: str) -> None:
        if not _URI.fullmatch(uri):
            raise HostError("http-user")
        self.uri = uri

    def get_method(self, limit: int) -> str:
        return _limited(self.method.encode(), limit).decode()

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
        self._response = self.ask(self._backend, target_of(self.uri), self.headers)
        self._body = self._response.body
        return ResourceHost.own(0, RESPONSE), ResourceHost.own(0, POLLABLE)

    def new_response(self) -> ResourceHost:
        self._response = Response()
        return ResourceHost.own(0, RESPONSE)

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
        return ResourceHost.own(0, POLLABLE)

    def write(self, data: bytes) -> int:
        taken = data[: self.take]
        self._body += taken
        return len(taken)

    def send_downstream(self) -> None:
        self._check_unanswered()
        self._response.body = bytes(self._body) if isinstance(self._body, bytearray) else self._body
        self.answer = self._response
        self.settle()

    def settle(self, failure: Exception | None = None) -> None:
        """It is known what becomes of the request, unless it was before."""
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
        return None if self.tls is None else _limited(self.tls.encode(), limit)

    def next_request(self, timeout: int) -> ResourceHost:
        self._waiting = self.following(timeout / 1000)
        return ResourceHost.own(0, POLLABLE)

    def await_request(self) -> "Exchange | None":
        if not (self.answer or self.handoff or self.tunnel):
            raise HostError("unsupported")
        return self._waiting()

    def get_heap_mib(self) -> int:
        return self.heap()

    def open_config_store(self, name: str) -> ResourceHost:
        self._config_store = _opened(self.config_stores, name)
        return ResourceHost.own(0, CONFIG_STORE)

    def config(self, name: str, limit: int) -> str | None:
        value = self._config_store.get(name)
        return value if value is None else _limited(value.encode(), limit).decode()

    def open_secret_store(self, name: str) -> ResourceHost:
        self._secret_store = _opened(self.secret_stores, name)
        return ResourceHost.own(0, SECRET_STORE)

    def secret(self, name: str) -> ResourceHost | None:
        if name not in self._secret_store:
            return None
        self._secret = self._secret_store[name]
        return ResourceHost.own(0, SECRET)

    def plaintext(self, limit: int) -> bytes:
        return _limited(self._secret, limit)

    def get_service_id(self) -> str:
        return self.service_id

    def now(self) -> Record:
        now = Record()
        seconds, part = divmod(self.clock(), 1)
        vars(now).update(seconds=int(seconds), nanoseconds=int(part * 1e9))
        return now


def target_of(uri: str) -> str:
    """The target in origin form (RFC 9112, 3.2.1) that asks for an absolute URI."""
    authority, _, _ = split_uri(uri)
    target = uri.partition("://")[2].removeprefix(authority)
    return target if target.startswith("/") else f"/{target}"


def _opened(stores: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name not in stores:
        raise HostError("not-found")
    return stores[name]


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
