"""Which sandbox takes a request: one that waits for its next, or a new one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from fanroute.host.exchange import Exchange, Waiting

# How many sandboxes there are at once beside those that wait for a backend, and how many may wait for a request, as Viceroy's do.
MAX_SANDBOXES, MAX_PENDING = 64, 5

# A sandbox's next request; None if there is none.
Pending = Future[Exchange | None]


class Sandboxes:
    """The sandboxes of a component, each in a thread.

    Args:
        handle: has a new sandbox handle a request, and those that follow it; False if that failed. It may raise.
        asking: how many sandboxes wait for backends at most.
    """

    def __init__(self, handle: Callable[[Exchange], bool], asking: int = 0) -> None:
        self._handle = handle
        self._pool = ThreadPoolExecutor(MAX_SANDBOXES + asking, thread_name_prefix="component")
        self._lock = threading.Lock()
        self._waiting: list[Pending] = []
        self._most = MAX_PENDING

    def close(self) -> None:
        with self._lock:
            self._most = 0
            waiting, self._waiting = self._waiting, []
        for pending in waiting:
            pending.set_result(None)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def serve(self, exchange: Exchange) -> Future[None]:
        """Done when it is settled what becomes of a request; with what its sandbox raised, if it did before that."""
        exchange.settled.set_running_or_notify_cancel()  # from now on nobody cancels it
        self._give(exchange)
        return exchange.settled

    def _give(self, exchange: Exchange) -> None:
        with self._lock:
            pending = self._waiting.pop() if self._waiting else None
        if pending:
            pending.set_result(exchange)
        else:
            self._pool.submit(self._run, exchange)

    def _run(self, exchange: Exchange) -> None:
        """The life of a sandbox that is made for a request."""
        served = [exchange]
        asked: list[Pending] = []

        def following(seconds: float) -> Waiting:
            asked.append(self._ask())
            return partial(wait, seconds)

        def wait(seconds: float) -> Exchange | None:
            found = self._wait(asked.pop(), seconds)
            if found:
                found.following = following
                served.append(found)
            return found

        exchange.following = following
        try:
            self._handle(exchange)
        except Exception as error:
            served[-1].settle(error)
        served[-1].settle()
        for pending in asked:  # it has ended before it took what it had asked for
            untaken = self._wait(pending, 0)
            if untaken:
                self._give(untaken)

    def _ask(self) -> Pending:
        pending: Pending = Future()
        with self._lock:
            if len(self._waiting) < self._most:
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
        return pending.result()  # it comes this moment
