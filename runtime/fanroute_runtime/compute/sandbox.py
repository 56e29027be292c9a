"""One request after another in one sandbox, as far as its limits and the host go: Fastly's `next-request`."""

from collections.abc import Callable

from componentize_py_types import Err
from wit_world.imports import compute_runtime, http_downstream, http_req
from wit_world.imports.async_io import Pollable

from fanroute_runtime.plan import SandboxLimits


class Sandbox:
    """The requests that follow the one a sandbox was made for.

    Args:
        limits: until when there may be another.
    """

    def __init__(self, limits: SandboxLimits) -> None:
        self._limits = limits
        self._options = http_downstream.NextRequestOptions(limits.next_request_timeout * 1000, None)
        self._began = 0
        self._requests = 1
        self._pending: Pollable | None = None

    def request_next(self, now: Callable[[], int]) -> None:
        """Ask the host for the next request. Best before an answer leaves: a client may send the next one at once."""
        if self._pending is None and self._is_within_limits(now):
            try:
                self._pending = http_downstream.next_request(self._options)
            except Err:  # the host has no more for a sandbox
                self._pending = None

    def await_next(self) -> tuple[http_req.Request, Pollable] | None:
        """Wait for the next request; None if none was asked for, or none comes."""
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
