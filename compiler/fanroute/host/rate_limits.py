"""Implements Fastly's edge rate limiting for a component in this process: exactly, and for this process alone.

Sources: `interface erl` of Fastly's WIT, https://github.com/fastly/compute-sdk-go/blob/main/erl/erl.go for the ranges of the
values, and https://www.fastly.com/documentation/reference/vcl/declarations/ratecounter/ for the windows.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from fanroute_runtime.limiter import MAX_COUNT, MAX_NAME

WINDOWS = (1, 10, 60)
MINUTE = 60
# The longest penalty, in seconds.
MAX_PENALTY = 3600
RATES = range(10, 10_001)
# How many entries all rate counters, and all penalty boxes, have together. A further one takes the place of the oldest. At
# Fastly, each has 200,000 at each of its locations.
MAX_ENTRIES = 200_000

# A rate counter or penalty box, and an entry in it.
_Key = tuple[str, str]
_Value = TypeVar("_Value")


class RateLimits:
    """Has the rate counters and penalty boxes of a service, which are made when they are first used.

    Args:
        clock: returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # The counts of an entry by second, and when the penalty of an entry ends. Both in the order of their latest use.
        self._counts: OrderedDict[_Key, dict[int, int]] = OrderedDict()
        self._penalties: OrderedDict[_Key, float] = OrderedDict()
        self._lock = Lock()

    def check_rate(self, counter: str, entry: str, count: int, window: int, limit: int, box: str, ttl: int) -> bool:
        """Counts, and returns True if the entry is in the penalty box, or gets into it now.

        It gets into it if its rate is above the limit: what was counted in this second and those before it, as many as the window
        has, divided by the window. Raises ValueError for arguments that Fastly does not accept.

        Args:
            counter: the name of the rate counter.
            entry: the entry.
            count: how much is counted.
            window: the time over which the average is taken, in seconds.
            limit: the highest rate, per second.
            box: the name of the penalty box.
            ttl: the length of the penalty, in seconds. It is cut to whole minutes.
        """
        if window not in WINDOWS or limit not in RATES or not MINUTE <= ttl <= MAX_PENALTY:
            raise ValueError("the window, the limit or the penalty is out of range")
        if not 0 <= count <= MAX_COUNT or len(entry.encode()) > MAX_NAME:
            raise ValueError("the count or the entry is out of range")
        now = self._clock()
        with self._lock:
            total = self._count((counter, entry), count, window, int(now))
            if self._penalties.get((box, entry), now) > now:
                return True
            if total <= limit * window:
                return False
            _put(self._penalties, (box, entry), now + ttl // MINUTE * MINUTE)
            return True

    def _count(self, key: _Key, count: int, window: int, second: int) -> int:
        """Adds to the count of a second, and returns what was counted in the window that ends with it."""
        kept = {at: counted for at, counted in self._counts.get(key, {}).items() if second - max(WINDOWS) < at <= second}
        kept[second] = kept.get(second, 0) + count
        _put(self._counts, key, kept)
        return sum(counted for at, counted in kept.items() if at > second - window)


def _put(entries: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Sets an entry, and makes it the newest one."""
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > MAX_ENTRIES:
        entries.popitem(last=False)
