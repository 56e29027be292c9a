"""Serves sample requests while the component is built, so that the snapshot is warmed up (docs/warm-up.md).

Python specializes instructions to the types that they meet, and fills caches. If that happens before the snapshot is taken, it
need not happen in every sandbox, where it would write to many pages of memory.
"""

import json
import sys
import weakref
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from functools import partial
from hmac import digest
from typing import Any, Protocol

import componentize_py_runtime
from componentize_py_types import Ok
from wit_world.imports import (
    backend,
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

from fanroute_runtime.blocks import DECIDED, gather
from fanroute_runtime.grip.signature import FASTLY_ISSUER, HEADER, LOCAL_KEY
from fanroute_runtime.http.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.jose import limbs, native
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.messages import Answer, Decision, Headers, Sample, ToFanout
from fanroute_runtime.plan import Algorithm
from fanroute_runtime.snapshot.heap import gather_code, record_code

# How often each request is served. After that, all instructions are specialized.
ROUNDS = 64
# The sample host's time, the time at which tokens expire, the client's address (RFC 5737), the value of each store entry, and the
# events of a WebSocket.
NOW = 1_767_225_600
EXPIRY = NOW + 3600
ADDRESS = types.IpAddress_Ipv4((192, 0, 2, 1))
STORED = b"in no store but that of the samples"
EVENTS = b"OPEN\r\nTEXT 5\r\nhello\r\n"


class _SampleHost:
    """Stands in for Fastly's host, for one sample request."""

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes = b"") -> None:
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
        self.handed_off = False

    def read(self) -> bytes:
        body, self.body = self.body, b""
        return body

    def values(self, name: str) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def add(self, name: str, value: bytes) -> None:
        self.headers += ((name, value),)

    def hand_off(self) -> None:
        self.handed_off = True


class Serves(Protocol):
    """Represents what serves the sample requests, as in `compute.edge.Server`."""

    decision: Decision

    def handle(self, request: http_req.Request, body: Pollable) -> None: ...

    def decide(self, block: bytes) -> bytes: ...

    def serve(
        self, request: http_req.Request, body: Pollable, progress: int, served: int, began: int
    ) -> tuple[bool, Pollable | None]: ...

    def forget(self) -> None: ...


def warm_up(server: Serves, samples: Iterable[Sample]) -> None:
    """Serves sample requests of clients, and the requests that Fanout would send for them. No real host function is called.

    The first round records which code they run. That code is then gathered in memory, and has to be warmed up from the
    beginning. At the end, the server forgets what was read from the host.
    """
    bindings: Any = componentize_py_runtime
    host_call = bindings.call_import
    answers = _host_functions(bindings)
    serve = _decide if native.LINKED else _handle

    def serve_all() -> None:
        # A `partial` and no Python function, because instructions are specialized to the kind of callable, and the host's
        # functions are not Python functions.
        for method, uri, headers in samples:
            host = _SampleHost(method, uri, headers)
            bindings.call_import = partial(_call, answers, host)
            serve(server, host)
            for signature in SIGNATURES if host.handed_off else ():
                fanouts = _fanout_request(host, signature)
                bindings.call_import = partial(_call, answers, fanouts)
                serve(server, fanouts)
        server.forget()

    try:
        gather_code(record_code(serve_all))
        for _ in range(ROUNDS):
            serve_all()
    finally:
        bindings.call_import = host_call


def _handle(server: Serves, host: "_SampleHost") -> None:
    """Serves a request as in a component that is not flattened."""
    server.handle(_make_resource(http_req.Request), _make_resource(Pollable))


def _decide(server: Serves, host: "_SampleHost") -> None:
    """Serves a request as the native `handle` does. Python carries out some decisions."""
    tls = host.uri.startswith("https")
    server.decide(gather(host.method, host.uri, host.headers, NOW, bytes(ADDRESS.value), tls))
    if isinstance(server.decision, ToFanout):
        host.headers += server.decision.headers.set
        host.hand_off()
    elif not isinstance(server.decision, Answer):
        server.serve(_make_resource(http_req.Request), _make_resource(Pollable), DECIDED, 0, 0)


def _call(answers: dict[int, Callable[..., Any]], host: _SampleHost, number: int, arguments: list[Any]) -> Any:
    return answers[number](host, *arguments)


def _fanout_request(host: _SampleHost, signature: bytes) -> _SampleHost:
    """Returns the request that Fanout sends for one that was handed off."""
    headers = (*host.headers, (HEADER, signature))
    if not any(name == "upgrade" for name, _ in headers):
        return _SampleHost(host.method, host.uri, headers)
    return _SampleHost("POST", host.uri, (*headers, ("content-type", WEBSOCKET_EVENTS.encode())), EVENTS)


def _host_functions(bindings: Any) -> dict[int, Callable[..., Any]]:
    """Returns a replacement for each of the host's functions, by the number that it has in the bindings."""
    request, response = http_req.Request, http_resp.Response
    results: dict[Callable[..., Any], Callable[..., Any]] = {
        request.get_method: lambda host, *_: host.method,
        request.get_uri: lambda host, *_: host.uri,
        request.get_header_names: lambda host, *_: ("".join(f"{name}\0" for name, _ in host.headers), None),
        request.get_header_values: lambda host, _, name, *__: (b"".join(b"%s\0" % each for each in host.values(name)), None),
        request.insert_header: lambda host, _, name, value: host.add(name, value),
        request.append_header: lambda host, _, name, value: host.add(name, value),
        request.remove_header: lambda *_: None,
        request.set_uri: lambda *_: None,
        request.redirect_to_grip_proxy: lambda host, *_: host.hand_off(),
        request.redirect_to_websocket_proxy: lambda *_: None,
        http_req.send: lambda *_: (_make_resource(response), _make_resource(Pollable)),
        response.new: lambda *_: _make_resource(response),
        response.get_header_names: lambda *_: ("content-length\0content-type\0date\0", None),
        response.get_header_values: lambda *_: (b"text/plain\0", None),
        response.set_status: lambda *_: None,
        response.insert_header: lambda *_: None,
        response.append_header: lambda *_: None,
        response.remove_header: lambda *_: None,
        http_resp.send_downstream: lambda *_: None,
        http_body.new: lambda *_: _make_resource(Pollable),
        http_body.read: lambda host, *_: host.read(),
        http_body.write: lambda host, body, content: len(content),
        http_downstream.next_request: lambda *_: _make_resource(Pollable),
        http_downstream.await_request: lambda *_: None,
        http_downstream.downstream_tls_protocol: lambda host, *_: b"TLSv1.3" if host.uri.startswith("https") else None,
        backend.Backend.open: lambda *_: _make_resource(backend.Backend),
        config_store.Store.open: lambda *_: _make_resource(config_store.Store),
        config_store.Store.get: lambda *_: STORED.decode(),
        secret_store.Store.open: lambda *_: _make_resource(secret_store.Store),
        secret_store.Store.get: lambda *_: _make_resource(secret_store.Secret),
        secret_store.Secret.plaintext: lambda *_: STORED,
    }
    if hasattr(request, "set_cache_override"):  # only components that use it have it
        results[request.set_cache_override] = lambda *_: None
    if hasattr(http_req, "send_uncached"):
        results |= {
            request.new: lambda *_: _make_resource(request),
            request.set_method: lambda *_: None,
            http_req.send_uncached: lambda *_: (_make_resource(response), _make_resource(Pollable)),
            response.get_status: lambda *_: 200,
        }
    if erl := sys.modules.get("wit_world.imports.erl"):
        results[erl.RateCounter.open] = lambda *_: _make_resource(erl.RateCounter)
        results[erl.PenaltyBox.open] = lambda *_: _make_resource(erl.PenaltyBox)
        results[erl.RateCounter.check_rate] = lambda *_: False
    values: dict[Callable[..., Any], Callable[..., Any]] = {
        http_downstream.downstream_client_ip_addr: lambda *_: ADDRESS,
        compute_runtime.get_heap_mib: lambda *_: 1,
        compute_runtime.get_service_id: lambda *_: LOCAL_SERVICE,
        wall_clock.now: lambda *_: wall_clock.Datetime(NOW, 0),
    }
    if hasattr(http_downstream, "downstream_client_request_id"):  # only components that log have it
        from wit_world.imports import log

        results[http_downstream.downstream_client_request_id] = lambda *_: f"{1:032x}"
        results[response.get_status] = lambda *_: 200
        results[log.Endpoint.open] = lambda *_: _make_resource(log.Endpoint)
        values[log.Endpoint.write] = lambda *_: None
    if native.LINKED:
        from wit_world.imports import grip_sig, p256

        # The native module accepts the first signature only.
        values[grip_sig.expiry] = lambda host, *_: EXPIRY if host.values(HEADER) == [SIGNATURES[0]] else 0
        values[grip_sig.verify_token] = values[grip_sig.expiry]
        values[p256.verify] = lambda *_: limbs.INVALID
    wrapped = {function: lambda *arguments, give=give: Ok(give(*arguments)) for function, give in results.items()}
    return {_import_number(bindings, function): give for function, give in (wrapped | values).items()}


def _import_number(bindings: Any, function: Any) -> int:
    """Returns the number by which the bindings call a function of the host."""
    numbers: list[int] = []

    def call(number: int, arguments: list[Any]) -> Any:
        numbers.append(number)
        return Ok(None)

    bindings.call_import = call
    # A class method has its first argument already.
    function(*[None] * (function.__code__.co_argcount - hasattr(function, "__self__")))
    return numbers[0]


def _make_resource(kind: type[Any]) -> Any:
    """Makes a resource in the same way as the bindings do for a resource of the host."""
    resource = object.__new__(kind)
    resource.handle = 0
    resource.finalizer = weakref.finalize(resource, _drop, 0, 0)
    return resource


def _drop(handle: int, type_: int) -> None:
    """Stands in for the bindings' function that drops a resource."""


def _sign_token(algorithm: Algorithm, claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> bytes:
    """Returns a Grip-Sig. Fanout writes one like this, with the claims in the order of their names."""
    signed = b".".join(
        _base64url(json.dumps(part, separators=(",", ":")).encode()) for part in ({"typ": "JWT", "alg": algorithm}, claims)
    )
    return b".".join([signed, _base64url(sign(signed))])


def _base64url(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_"))


# The first is valid for the key in the sample host's store. So is the second, but it does not have Fanout's form: Python verifies
# it. The third is verified with Fastly's key, and fails.
SIGNATURES = (
    _sign_token("HS256", {"exp": EXPIRY, "iss": LOCAL_KEY.issuer}, lambda signed: digest(STORED, signed, "sha256")),
    _sign_token("HS256", {"iss": LOCAL_KEY.issuer, "exp": EXPIRY}, lambda signed: digest(STORED, signed, "sha256")),
    _sign_token("ES256", {"exp": EXPIRY, "iss": FASTLY_ISSUER.format(LOCAL_SERVICE)}, lambda signed: bytes([1] * 64)),
)
