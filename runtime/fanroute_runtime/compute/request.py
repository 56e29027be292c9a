"""Reads facts of a request from Fastly's host, and changes nothing.

Only this module, `snapshot.warm`, `compute.sandbox` and `compute.edge` import the WIT's bindings.
"""

from functools import cache
from ipaddress import ip_address

from componentize_py_types import Err
from wit_world.imports import (
    compute_runtime,
    config_store,
    http_body,
    http_downstream,
    http_req,
    http_resp,
    secret_store,
    types,
    wall_clock,
)
from wit_world.imports.async_io import Pollable

from fanroute_runtime.blocks import MAX_HEADER, MAX_METHOD, MAX_URI, Gathered
from fanroute_runtime.messages import UNREADABLE, Refused

# The longest value that is read from a store, in bytes: Fastly's limit for a secret. Values of a config store are shorter.
MAX_STORED = 65_536
# How much of a body is read with one call of the host, in bytes.
CHUNK = 65_536

Message = http_req.Request | http_resp.Response

UNREADABLE_STORE = "The edge could not read its configuration."


class _HostFacts:
    """Has the methods of `messages.Request` that always call the host. A sandbox's body is read once."""

    def __init__(self, body: Pollable) -> None:
        self._body = body
        self._content: bytes | None = None
        self._moment = 0

    def body(self, limit: int) -> bytes:
        if self._content is None:
            self._content = self._read(limit)
        return self._content

    def _read(self, limit: int) -> bytes:
        parts = []
        size = 0
        try:
            while chunk := http_body.read(self._body, CHUNK):
                size += len(chunk)
                if size > limit:
                    raise Refused(413, "The body is too long.")
                parts.append(chunk)
        except Err as error:
            raise Refused(400, "The body could not be read to its end.") from error
        return b"".join(parts)

    def moment(self) -> int:
        if not self._moment:
            now = wall_clock.now()
            self._moment = now.seconds * 1_000_000_000 + now.nanoseconds
        return self._moment

    def service_id(self) -> str:
        return service_id()

    def config(self, store: str, name: str) -> str | None:
        try:
            with config_store.Store.open(store) as opened:
                return opened.get(name, MAX_STORED)
        except Err as error:
            if error.value is types.OpenError.NOT_FOUND:
                return None
            raise Refused(500, UNREADABLE_STORE) from error

    def secret(self, store: str, name: str) -> bytes | None:
        try:
            with secret_store.Store.open(store) as opened:
                secret = opened.get(name)
            if secret is None:
                return None
            with secret:
                return secret.plaintext(MAX_STORED)
        except Err as error:
            if error.value is types.OpenError.NOT_FOUND:
                return None
            raise Refused(500, UNREADABLE_STORE) from error


class HostRequest(_HostFacts):
    """Implements `messages.Request` with calls of Fastly's host. Most values are kept, so that the host is called once."""

    def __init__(self, request: http_req.Request, body: Pollable) -> None:
        super().__init__(body)
        self._request = request
        self._method = ""
        self._names: list[str] | None = None
        self._values: dict[str, list[bytes]] = {}
        self._now: int | None = None

    def method(self) -> str:
        if not self._method:
            try:
                self._method = self._request.get_method(MAX_METHOD)
            except Err as error:
                raise _refusal(error, 501, "The method is too long.") from error
        return self._method

    def uri(self) -> str:
        try:
            return self._request.get_uri(MAX_URI)
        except Err as error:
            raise _refusal(error, 414, "The URI is too long.") from error

    def header(self, name: str) -> bytes | None:
        values = self.values(name)
        return values[0] if values else None

    def values(self, name: str) -> list[bytes]:
        if self._names is not None and name not in self._names:
            return []
        if name not in self._values:
            try:
                self._values[name] = header_values(self._request, name)
            except Err as error:
                raise _refusal(error, 431, f"The header {name} is too long.") from error
        return self._values[name]

    def names(self) -> list[str]:
        if self._names is None:
            try:
                self._names = header_names(self._request)
            except Err as error:
                raise _refusal(error, 431, "A header's name is too long.") from error
        return self._names

    def client_address(self) -> str | None:
        address = http_downstream.downstream_client_ip_addr(self._request)
        if address is None:
            return None
        if isinstance(address, types.IpAddress_Ipv4):
            return ".".join(map(str, address.value))
        return str(ip_address(b"".join(group.to_bytes(2) for group in address.value)))

    def client_scheme(self) -> str:
        protocol = http_downstream.downstream_tls_protocol(self._request, MAX_HEADER)
        return "http" if protocol is None else "https"

    def now(self) -> int:
        if self._now is None:
            self._now = wall_clock.now().seconds
        return self._now


class GatheredRequest(Gathered, _HostFacts):
    """Implements `messages.Request` with the facts that the native `handle` has gathered."""

    def __init__(self, block: bytes) -> None:
        Gathered.__init__(self, block)
        _HostFacts.__init__(self, borrowed_body(self.body_handle))


def borrowed_body(handle: int) -> Pollable:
    """Returns the body with a handle that the native `handle` owns, and drops."""
    body: Pollable = object.__new__(Pollable)
    body.handle = handle  # type: ignore[attr-defined]
    return body


# A sandbox belongs to one service as long as it lives.
service_id = cache(compute_runtime.get_service_id)


def _refusal(error: Err[types.Error], status: int, reason: str) -> Refused:
    """Returns the refusal for an error of the host: `status` for a value that is too long, otherwise 500."""
    if isinstance(error.value, types.Error_BufferLen):
        return Refused(status, reason)
    return Refused(500, UNREADABLE)


def header_names(message: Message) -> list[str]:
    """Returns the names of a message's headers in lower case. Raises Err."""
    text, more = message.get_header_names(MAX_HEADER, 0)
    while more is not None:
        part, more = message.get_header_names(MAX_HEADER, more)
        text += part
    return text.lower().split("\0")[:-1]


def header_values(message: Message, name: str) -> list[bytes]:
    """Returns all values of a header of a message. Raises Err."""
    text, more = message.get_header_values(name, MAX_HEADER, 0)
    while more is not None:
        part, more = message.get_header_values(name, MAX_HEADER, more)
        text += part
    return text.split(b"\0")[:-1]
