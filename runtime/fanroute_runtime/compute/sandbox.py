"""Lets a sandbox serve several requests, within its limits, with Fastly's `next-request`."""

from collections.abc import Callable

from componentize_py_types import Err
from wit_world.imports import compute_runtime, http_downstream, http_req
from wit_world.imports.async_io import Pollable

from fanroute_runtime.plan import SandboxLimits


class Sandbox:
    """Asks the host for the requests after the one that the sandbox was started for.

    Args:
        limits: says how long the sandbox may take further requests.
    """

    def __init__(self, limits: SandboxLimits) -> None:
        self._limits = limits
        # How long the host may wait for the next request, in milliseconds.
        self.wait = limits.next_request_timeout * 1000
        self._options = http_downstream.NextRequestOptions(self.wait, None)
        self._began = 0
        # How many requests the sandbox has sent to backends. Fastly limits them for an execution, and does not document that a
        # further request of a sandbox begins another one.
        self.sent = 0

    def takes_another(self, served: int, began: int, now: Callable[[], int]) -> bool:
        """Returns True if the limits allow another request.

        Args:
            served: how many requests the sandbox has served before this one.
            began: the time of the first of them in seconds, or 0 if only this object knows it.
            now: returns the time in seconds. It is called only if the answer depends on it.
        """
        if served + 1 >= self._limits.max_requests or self.sent >= self._limits.max_backend_requests:
            return False
        if not served:
            self._began = now()
        if now() - (began or self._began) >= self._limits.max_lifetime:
            return False
        return not self._limits.max_memory or compute_runtime.get_heap_mib() <= self._limits.max_memory

    def request_next(self) -> Pollable | None:
        """Asks the host for the next request. Returns None if it gives this sandbox no more requests."""
        try:
            return http_downstream.next_request(self._options)
        except Err:
            return None


def await_next(pending: Pollable) -> tuple[http_req.Request, Pollable] | None:
    """Waits for the request that the host was asked for. Returns None if there is none."""
    try:
        return http_downstream.await_request(pending)
    except Err:
        return None
