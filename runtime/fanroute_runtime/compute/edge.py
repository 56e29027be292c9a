"""Serves requests: carries out decisions by calling Fastly's host. Only this module and `sandbox` have effects."""

from collections.abc import Callable, Collection, Iterable

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import http_body, http_req, http_resp, types
from wit_world.imports.async_io import Pollable
from wit_world.imports.backend import Backend as HostBackend

from fanroute_runtime import blocks
from fanroute_runtime.compute.request import (
    GatheredRequest,
    HostRequest,
    Message,
    header_names,
    header_values,
    service_id,
)
from fanroute_runtime.compute.resources import give_up, use_finalizers
from fanroute_runtime.compute.sandbox import Sandbox, await_next
from fanroute_runtime.decide import Decider
from fanroute_runtime.http.cors import add_cors_headers, replace_cors_headers
from fanroute_runtime.http.headers import hop_by_hop_names
from fanroute_runtime.http.media_types import is_for_fanout
from fanroute_runtime.messages import FAILED, Answer, Decision, NextHop, Publication, Sample, ToBackend, ToFanout, text_answer
from fanroute_runtime.plan import HeaderRules, SandboxLimits
from fanroute_runtime.snapshot.heap import settle_heap_last
from fanroute_runtime.snapshot.warm import warm_up

BAD_GATEWAY = text_answer(502, "The edge could not read the backend's answer.")
FOR_FANOUT = text_answer(502, "The backend's answer is for Fanout, but Fanout did not send this request.")

# The errors which mean that a backend did not answer in time (RFC 9110, 15.6.5).
TIMED_OUT = (
    http_req.SendErrorDetail_DnsTimeout,
    http_req.SendErrorDetail_ConnectionTimeout,
    http_req.SendErrorDetail_HttpResponseTimeout,
)

# Publishes messages, and returns the answer for the client.
Publisher = Callable[[Publication], Answer]


def exported_classes(
    decider: Decider, limits: SandboxLimits, samples: Iterable[Sample], publisher: Publisher | None = None
) -> tuple[type, type]:
    """Returns the classes that the component exports, which serve requests as `decider` decides.

    Before, they serve the `samples` and forget what they read from the host.
    """
    use_finalizers()
    server = Server(decider, limits, publisher)
    warm_up(server, samples)
    settle_heap_last()
    return classes_of(server)


class Server:
    """Serves the requests of a sandbox.

    Only `handle` is used in a component that is not flattened. In others, the native `handle` calls `decide` and `serve`.
    """

    def __init__(self, decider: Decider, limits: SandboxLimits, publisher: Publisher | None = None) -> None:
        self._decider = decider
        self._publisher = publisher
        self._sandbox = Sandbox(limits)
        # The latest decision, which `serve` carries out if the native `handle` cannot.
        self.decision: Decision = FAILED

    def handle(self, request: http_req.Request, body: Pollable) -> None:
        """Serves a request, and then the next ones for the same sandbox. Raises Err if the last could not be answered."""
        served = 0
        following: tuple[http_req.Request, Pollable] | None = (request, body)
        while following:
            failed, pending = self.serve(*following, blocks.NOT_DECIDED, served, 0)
            served += 1
            following = None if pending is None else await_next(pending)
        if failed:
            raise Err(None)

    def decide(self, block: bytes) -> bytes:
        """Decides about a request. Takes and returns blocks."""
        # Every failure of one request, including a bug, ends in an answer and not in a trap.
        try:
            facts = GatheredRequest(block)
            self.decision = decision = self._decider.decide(facts)
            if not isinstance(decision, Answer | ToFanout):
                return blocks.BY_PYTHON_BLOCK
            wait = self._sandbox.wait if self._sandbox.takes_another(facts.served, facts.began, facts.now) else None
            if isinstance(decision, Answer):
                return blocks.encode_answer(decision, wait)
            return blocks.encode_handoff(decision, facts.names(), wait)
        except Exception:
            self.decision = FAILED
            return blocks.BY_PYTHON_BLOCK

    def serve(
        self, request: http_req.Request, body: Pollable, progress: int, served: int, began: int
    ) -> tuple[bool, Pollable | None]:
        """Serves a request, of which `decide` and the native `handle` may have done a part.

        Returns whether the request could not be answered, and what waits for the next request, if the host was asked for it.

        Args:
            request: the request.
            body: its body.
            progress: how far the native `handle` came.
            served: how many requests the sandbox has served before.
            began: the time of the first of them in seconds, or 0 if the native `handle` does not know it.
        """
        facts = HostRequest(request, body)
        pending: Pollable | None = None

        def request_next() -> None:
            """Asks before the answer is sent, because a client may send the next request at once."""
            nonlocal pending
            if pending is None and progress != blocks.NOT_HANDED_OFF and self._sandbox.takes_another(served, began, facts.now):
                pending = self._sandbox.request_next()

        try:
            self._carry_out(request_next, request, body, *self._decision_and_names(facts, progress))
        except Exception:
            return True, pending
        return False, pending

    def forget(self) -> None:
        """Forgets what was read from the host, so that the state is that of a new sandbox."""
        self._decider.forget()
        self._sandbox.sent = 0
        self.decision = FAILED
        service_id.cache_clear()

    def _decision_and_names(self, facts: HostRequest, progress: int) -> tuple[Decision, Collection[str]]:
        """Returns the decision that is to be carried out and, if that needs them, the names of the request's headers."""
        # Every failure of one request, including a bug, ends in an answer and not in a trap.
        try:
            decision = self._decision(facts, progress)
            return decision, () if isinstance(decision, Answer | Publication) else facts.names()
        except Exception:
            return FAILED, ()

    def _decision(self, facts: HostRequest, progress: int) -> Decision:
        if progress == blocks.NOT_DECIDED:
            return self._decider.decide(facts)
        if progress == blocks.DECIDED or isinstance(self.decision, Answer | Publication):
            return self.decision
        if progress == blocks.NOT_CHANGED:
            return FAILED
        return self._decider.unreachable_answer(self.decision, 502)

    def _carry_out(
        self,
        request_next: Callable[[], None],
        request: http_req.Request,
        body: Pollable,
        decision: Decision,
        names: Collection[str],
    ) -> None:
        answer: Answer | None
        if isinstance(decision, Answer):
            answer = decision
        elif isinstance(decision, Publication):
            assert self._publisher, "a component with routes that publish has what does so"
            self._sandbox.sent += len(decision.bodies)
            answer = self._publisher(decision)
        else:
            self._sandbox.sent += isinstance(decision, ToBackend)
            answer = _send_to_next_hop(self._decider, request_next, request, body, names, decision)
        if answer is not None:
            self._send(request_next, answer)

    def _send(self, request_next: Callable[[], None], answer: Answer) -> None:
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


def classes_of(server: Server) -> tuple[type, type]:
    """Returns the classes that a component exports for its world: the first in each, the second for the native `handle`."""

    class HttpIncoming(exports.HttpIncoming):
        def handle(self, request: http_req.Request, body: Pollable) -> None:
            server.handle(request, body)

    class Decisions:
        def decide(self, request: bytes) -> bytes:
            return server.decide(request)

        def serve(
            self, request: http_req.Request, body: Pollable, progress: int, served: int, began: int
        ) -> tuple[bool, int | None]:
            failed, pending = server.serve(request, body, progress, served, began)
            return failed, None if pending is None else give_up(pending)

    return HttpIncoming, Decisions


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
        if to.cache is not None:
            assert decider.override_cache, "a Plan with a CachePolicy has what carries it out"
            decider.override_cache(http_req, request, to.cache)
    except Err:
        return FAILED
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
        if decider.note_response:
            decider.note_response(response, names)
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
