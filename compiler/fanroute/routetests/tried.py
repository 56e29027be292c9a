"""Tries a request without sending it, for `fanroute match` and the console. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fanroute.devserver.config import Stores
from fanroute.devserver.request_log import host_mismatch
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.tokens import with_token
from fanroute.plan.trace import Trace
from fanroute.routetests.outcome import make_tracer
from fanroute_runtime.jose.keys import UNUSABLE_KEY


@dataclass(frozen=True, slots=True)
class Tried:
    """Says what happens to a request.

    Args:
        trace: what happens on both passes.
        token_unused: True if there were claims for a token, but no route that takes the request requires one.
        mismatch: which route the request misses only by its host or its client's address, "" if none.
        key_unread: True if the request's token needs a key of a store. No store is read here.
    """

    trace: Trace
    token_unused: bool
    mismatch: str
    key_unread: bool


class Trial:
    """Tries requests with the routes of a file, as a local edge would serve them.

    Args:
        compiled: the routes.
        hosts: the entries of the local store that let local names stand for a host.
    """

    def __init__(self, compiled: Compiled, hosts: Mapping[str, str]) -> None:
        self.tracer = make_tracer(compiled)
        self.configs = Stores().with_local_store(hosts).config

    def run(self, request: RequestData, claims: dict[str, Any] | None, via_fanout: bool) -> Tried:
        """Tries a request. Raises RecursionError if the claims are nested too deeply.

        Args:
            request: the client's request.
            claims: those of the client's token, or None. The token is added where the route expects it.
            via_fanout: makes the request as Fanout does, with a Grip-Sig.
        """
        request = without_token = replace(request, configs=self.configs)
        if claims is not None:
            request = with_token(request, claims, self.tracer)
        unused = claims is not None and request == without_token
        if via_fanout:
            request = self.tracer.through_fanout(request)
        trace = self.tracer.trace(request)
        return Tried(trace, unused, host_mismatch(trace, self.tracer.plan), trace.refusal == UNUSABLE_KEY)
