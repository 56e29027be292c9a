"""Decides which sandbox takes a request: one that waits for its next request, or a new one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from fanroute.host.exchange import Exchange, WaitForNext

# How many sandboxes there are at once, besides those that wait for a backend; and how many of them wait for a request, as in
# Viceroy.
MAX_SANDBOXES, MAX_PENDING = 64, 5

# A sandbox's next request, or None if it gets none.
Pending = Future[Exchange | None]


class Sandboxes:
    """Runs the sandboxes of a component, each in a thread.

    Args:
        handle: makes a new sandbox handle a request and those that follow it. Returns False if the sandbox failed; can raise.
        max_backend_requests: how many sandboxes wait for backends at most.
    """

    def __init__(self, handle: Callable[[Exchange], bool], max_backend_requests: int = 0) -> None:
        self._handle = handle
        self._pool = ThreadPoolExecutor(MAX_SANDBOXES + max_backend_requests, thread_name_prefix="component")
        self._lock = threading.Lock()
        self._waiting: list[Pending] = []
        self._max_pending = MAX_PENDING

    def retire(self) -> None:
        """Ends the sandboxes that wait for a request, and lets none wait from now on. Requests are still served."""
        with self._lock:
            self._max_pending = 0
            waiting, self._waiting = self._waiting, []
        for pending in waiting:
            pending.set_result(None)

    def close(self) -> None:
        """Ends the sandboxes that wait for a request, and starts no more."""
        self.retire()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def serve(self, exchange: Exchange) -> Future[None]:
        """Gives a request to a sandbox. Returns a future that is done once it is known what becomes of the request.

        If the sandbox raises an exception before that, the future has it.
        """
        exchange.settled.set_running_or_notify_cancel()  # from now on nobody can cancel it
        self._dispatch(exchange)
        return exchange.settled

    def _dispatch(self, exchange: Exchange) -> None:
        with self._lock:
            pending = self._waiting.pop() if self._waiting else None
        if pending:
            pending.set_result(exchange)
        else:
            self._pool.submit(self._run, exchange)

    def _run(self, exchange: Exchange) -> None:
        """Runs a new sandbox from its first request to its end."""
        served = [exchange]
        requested: list[Pending] = []

        def request_next(seconds: float) -> WaitForNext:
            requested.append(self._enqueue())
            return partial(wait, seconds)

        def wait(seconds: float) -> Exchange | None:
            found = self._wait(requested.pop(), seconds)
            if found:
                found.request_next = request_next
                served.append(found)
            return found

        exchange.request_next = request_next
        try:
            self._handle(exchange)
        except Exception as error:
            served[-1].settle(error)
        served[-1].settle()
        for pending in requested:  # the sandbox ended before it took this request
            untaken = self._wait(pending, 0)
            if untaken:
                self._dispatch(untaken)

    def _enqueue(self) -> Pending:
        """Lets a sandbox wait for its next request, unless enough of them wait already."""
        pending: Pending = Future()
        with self._lock:
            if len(self._waiting) < self._max_pending:
                self._waiting.append(pending)
                return pending
        pending.set_result(None)
        return pending

    def _wait(self, pending: Pending, seconds: float) -> Exchange | None:
        try:
            return pending.result(seconds)
        except TimeoutError:
            with self._lock:
                if pending in self._waiting:
                    self._waiting.remove(pending)
                    return None
        return pending.result()  # it arrives this moment
