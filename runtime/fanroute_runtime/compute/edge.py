"""Serves requests: carries out decisions by calling Fastly's host. Only this module and `sandbox` have effects."""

from collections.abc import Callable, Collection, Iterable, Mapping

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import http_body, http_req, http_resp, types
from wit_world.imports.async_io import Pollable
from wit_world.imports.backend import Backend as HostBackend

from fanroute_runtime.compute.request import UNREADABLE, HostRequest, Message, header_names, header_values, service_id
from fanroute_runtime.compute.resources import use_finalizers
from fanroute_runtime.compute.sandbox import Sandbox
from fanroute_runtime.decide import Decider, Handler
from fanroute_runtime.http.cors import add_cors_headers, replace_cors_headers
from fanroute_runtime.http.headers import hop_by_hop_names
from fanroute_runtime.http.media_types import is_for_fanout
from fanroute_runtime.messages import Answer, NextHop, Sample, ToBackend, ToFanout, text_answer
from fanroute_runtime.plan import HeaderRules, Plan, SandboxLimits
from fanroute_runtime.snapshot.heap import settle_heap_last
from fanroute_runtime.snapshot.warm import warm_up

FAILED = text_answer(500, UNREADABLE)
BAD_GATEWAY = text_answer(502, "The edge could not read the backend's answer.")
FOR_FANOUT = text_answer(502, "The backend's answer is for Fanout, but Fanout did not send this request.")

# The errors which mean that a backend did not answer in time (RFC 9110, 15.6.5).
TIMED_OUT = (
    http_req.SendErrorDetail_DnsTimeout,
    http_req.SendErrorDetail_ConnectionTimeout,
    http_req.SendErrorDetail_HttpResponseTimeout,
)


def http_incoming(plan: Plan, handlers: Mapping[type, Handler], samples: Iterable[Sample]) -> type[exports.HttpIncoming]:
    """Returns the class that the component exports. It serves requests by a Plan, with the handlers that its actions need.

    Before, it serves the `samples` and forgets what it read from the host.
    """
    use_finalizers()
    decider = Decider(plan, handlers)
    served = handler_class(decider, plan.sandbox)

    def forget() -> None:
        decider.forget()
        service_id.cache_clear()

    warm_up(served().handle, forget, samples)
    settle_heap_last()
    return served


def handler_class(decider: Decider, limits: SandboxLimits) -> type[exports.HttpIncoming]:
    """Returns the class that a component exports. It serves a request, and then the next requests for the same sandbox."""

    class HttpIncoming(exports.HttpIncoming):
        def handle(self, request: http_req.Request, body: Pollable) -> None:
            sandbox = Sandbox(limits)
            following = _serve(decider, sandbox, request, body)
            while following:
                following = _serve(decider, sandbox, *following)

    return HttpIncoming


def _serve(
    decider: Decider, sandbox: Sandbox, request: http_req.Request, body: Pollable
) -> tuple[http_req.Request, Pollable] | None:
    """Serves a request, and returns the next one, if there is one.

    Raises Err if there is none and this request could not be answered.
    """
    try:
        _answer(decider, sandbox, request, body)
    except Exception:
        following = sandbox.await_next()
        if following is None:
            raise Err(None) from None
        return following
    return sandbox.await_next()


def _answer(decider: Decider, sandbox: Sandbox, request: http_req.Request, body: Pollable) -> None:
    facts = HostRequest(request, body)

    def request_next() -> None:
        sandbox.request_next(facts.now)

    # Every failure of one request, including a bug, ends in an answer and not in a trap.
    try:
        decision = decider.decide(facts)
        names = () if isinstance(decision, Answer) else facts.names()
    except Exception:
        decision = FAILED
    answer = (
        decision if isinstance(decision, Answer) else _send_to_next_hop(decider, request_next, request, body, names, decision)
    )
    if answer is not None:
        _send(request_next, answer)


def _send_to_next_hop(
    decider: Decider,
    request_next: Callable[[], None],
    request: http_req.Request,
    body: Pollable,
    names: Collection[str],
    to: NextHop,
) -> Answer | None:
    """Sends the request to the next hop, or returns the edge's answer if that fails. `names` are those of its headers."""
    try:
        _apply_header_rules(request, to.headers, names)
        if to.uri is not None:
            request.set_uri(to.uri)
    except Err:
        return FAILED
    try:
        backend = HostBackend.open(to.backend)
    except Err:
        return decider.unreachable_answer(to, 502)
    with backend:
        if isinstance(to, ToBackend):
            return _forward(decider, request_next, request, body, backend, to)
        redirect = request.redirect_to_grip_proxy if isinstance(to, ToFanout) else request.redirect_to_websocket_proxy
        request_next()
        try:
            redirect(backend)
        except Err:
            return decider.unreachable_answer(to, 502)
    return None


def _forward(
    decider: Decider,
    request_next: Callable[[], None],
    request: http_req.Request,
    body: Pollable,
    backend: HostBackend,
    to: ToBackend,
) -> Answer | None:
    """Sends the request to a backend and its answer to the client, or returns the edge's answer if that fails.

    The host transfers both bodies. Raises Err, the failure of `handle` itself, if the host accepts no answer.
    """
    try:
        response, content = http_req.send(request, body, backend)
    except Err as error:
        return decider.unreachable_answer(to, 504 if isinstance(error.value.detail, TIMED_OUT) else 502)
    try:
        names = header_names(response)
        if not to.through_fanout and "content-type" in names and is_for_fanout(header_values(response, "content-type")):
            return add_cors_headers(FOR_FANOUT, to.cors_headers)
        hop_by_hop = hop_by_hop_names(names, header_values(response, "connection") if "connection" in names else [])
        instructions = [name for name in names if name.startswith("grip-") and not to.through_fanout]
        for name in dict.fromkeys([*hop_by_hop, *instructions]):
            _remove_header(response, name)
        _apply_header_rules(response, to.response_headers, names)
        if to.backend_answers:
            _apply_header_rules(response, replace_cors_headers(names, to.cors_headers), names)
        request_next()
        http_resp.send_downstream(response, content)
    except Err:  # sending fails if the host does not accept the answer, such as a 101
        return add_cors_headers(BAD_GATEWAY, to.cors_headers)
    return None


def _apply_header_rules(message: Message, rules: HeaderRules, names: Collection[str]) -> None:
    """Applies rules to the headers of a message, which has no other names than `names`. Raises Err."""
    for name in rules.remove:
        if name in names:
            _remove_header(message, name)
    for name, value in rules.set:
        message.insert_header(name, value)
    for name, value in rules.add:
        message.append_header(name, value)


def _remove_header(message: Message, name: str) -> None:
    """Removes a header, if the message has it. Raises Err."""
    try:
        message.remove_header(name)
    except Err as error:
        if not isinstance(error.value, types.Error_InvalidArgument):  # the host's error for an absent header
            raise


def _send(request_next: Callable[[], None], answer: Answer) -> None:
    """Sends an answer. Raises Err, the failure of `handle` itself, if the host does not accept it."""
    try:
        response = http_resp.Response.new()
        if answer.status != 200:  # the status of a new response
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
        request_next()
        http_resp.send_downstream(response, body)
    except Err as error:
        raise Err(None) from error
