"""The calls to Fastly's host. The only module that knows the WIT's bindings, and the only one with effects."""

from collections.abc import Mapping
from ipaddress import ip_address

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import http_body, http_downstream, http_req, http_resp, types
from wit_world.imports.async_io import Pollable
from wit_world.imports.backend import Backend

from fanroute_runtime.decide import Decider, Handler
from fanroute_runtime.exchange import Answer, Refused, ToFanout, text
from fanroute_runtime.plan import HeaderRules, Plan

# Longest method, URI and header value read, in bytes.
MAX_METHOD = 64
MAX_URI = 16_384
MAX_HEADER = 65_536
# How much of a body is asked of the host at once, in bytes.
CHUNK = 65_536

FAILED = text(500, "The edge could not read the request.")


class HostRequest:
    """An `exchange.Request` that asks Fastly's host."""

    def __init__(self, request: http_req.Request, body: Pollable) -> None:
        self._request = request
        self._body = body

    def method(self) -> str:
        try:
            return self._request.get_method(MAX_METHOD)
        except Err as error:
            raise _refused(error, 501, "The method is too long.") from error

    def uri(self) -> str:
        try:
            return self._request.get_uri(MAX_URI)
        except Err as error:
            raise _refused(error, 414, "The URI is too long.") from error

    def header(self, name: str) -> bytes | None:
        try:
            return self._request.get_header_value(name, MAX_HEADER)
        except Err as error:
            raise _refused(error, 431, f"The header {name} is too long.") from error

    def body(self, limit: int) -> bytes:
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

    def client_address(self) -> str | None:
        address = http_downstream.downstream_client_ip_addr(self._request)
        if address is None:
            return None
        size = 1 if isinstance(address, types.IpAddress_Ipv4) else 2
        return str(ip_address(b"".join(group.to_bytes(size) for group in address.value)))

    def client_scheme(self) -> str:
        protocol = http_downstream.downstream_tls_protocol(self._request, MAX_HEADER)
        return "http" if protocol is None else "https"


def http_incoming(plan: Plan, handlers: Mapping[type, Handler]) -> type[exports.HttpIncoming]:
    """The class that the component exports: it serves requests by a Plan with the handlers its actions need."""
    decider = Decider(plan, handlers)

    class HttpIncoming(exports.HttpIncoming):
        def handle(self, request: http_req.Request, body: Pollable) -> None:
            _serve(decider, request, body)

    return HttpIncoming


def _serve(decider: Decider, request: http_req.Request, body: Pollable) -> None:
    # Anything that is wrong with one request, a bug of ours included, ends in an answer and not in a trap.
    try:
        decision = decider.decide(HostRequest(request, body))
    except Exception:
        decision = FAILED
    if isinstance(decision, Answer):
        _send(decision)
    elif (failure := _hand_off(request, decision)) is not None:
        _send(failure)


def _hand_off(request: http_req.Request, to: ToFanout) -> Answer | None:
    """Hand the request off; the answer instead where the host refuses."""
    try:
        _change(request, to.headers)
    except Err:
        return FAILED
    try:
        with Backend.open(to.backend) as backend:
            request.redirect_to_grip_proxy(backend)
    except Err:
        return text(502, f"The backend {to.backend!r} cannot be reached through Fanout.")
    return None


def _change(message: http_req.Request, rules: HeaderRules) -> None:
    """Apply rules to a message's headers. Raises Err."""
    for name in rules.remove:
        _remove(message, name)
    for name, value in rules.set:
        message.insert_header(name, value)
    for name, value in rules.add:
        message.append_header(name, value)


def _remove(message: http_req.Request, name: str) -> None:
    """Remove a header, if it is there. Raises Err."""
    try:
        message.remove_header(name)
    except Err as error:
        if not isinstance(error.value, types.Error_InvalidArgument):  # the host's word for a header that is not there
            raise


def _send(answer: Answer) -> None:
    """Send an answer. Raises Err, the failure of `handle` itself, where the host takes none."""
    try:
        response = http_resp.Response.new()
        response.set_status(answer.status)
        for name, value in answer.headers:
            response.append_header(name, value)
        body = http_body.new()
        rest = answer.body
        while rest:
            written = http_body.write(body, rest)
            if not written:
                raise Err(None)
            rest = rest[written:]
        http_resp.send_downstream(response, body)
    except Err as error:
        raise Err(None) from error


def _refused(error: Err[types.Error], status: int, reason: str) -> Refused:
    """The refusal for a host's error: `status` for a value longer than we read, otherwise 500."""
    if isinstance(error.value, types.Error_BufferLen):
        return Refused(status, reason)
    return Refused(500, "The edge could not read the request.")
