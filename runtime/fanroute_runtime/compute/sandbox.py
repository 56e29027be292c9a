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
        self._options = http_downstream.NextRequestOptions(limits.next_request_timeout * 1000, None)
        self._began = 0
        self._requests = 1
        self._pending: Pollable | None = None

    def request_next(self, now: Callable[[], int]) -> None:
        """Asks the host for the next request. Call it before answering, because a client may send the next one at once."""
        if self._pending is None and self._is_within_limits(now):
            try:
                self._pending = http_downstream.next_request(self._options)
            except Err:  # the host gives this sandbox no more requests
                self._pending = None

    def await_next(self) -> tuple[http_req.Request, Pollable] | None:
        """Waits for the next request. Returns None if the host was not asked for one, or gives none."""
        pending, self._pending = self._pending, None
        if pending is None:
            return None
        self._requests += 1
        try:
            return http_downstream.await_request(pending)
        except Err:
            return None

    def _is_within_limits(self, now: Callable[[], int]) -> bool:
        if self._requests >= self._limits.max_requests:
            return False
        self._began = self._began or now()
        if now() - self._began >= self._limits.max_lifetime:
            return False
        return not self._limits.max_memory or compute_runtime.get_heap_mib() <= self._limits.max_memory
