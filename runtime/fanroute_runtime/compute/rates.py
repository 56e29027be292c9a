"""Counts uses of a route with Fastly's edge rate limiting. Only components with a limit have this module."""

from componentize_py_types import Err
from wit_world.imports import erl

from fanroute_runtime.messages import Request
from fanroute_runtime.plan.rate_limits import RateLimit


def check_rate(request: Request, name: str, entry: str, count: int, limit: RateLimit) -> bool | None:
    """Implements `limiter.CheckRate`. The host makes a rate counter and a penalty box of any name when they are first opened."""
    try:
        with erl.RateCounter.open(name) as counter, erl.PenaltyBox.open(name) as box:
            return counter.check_rate(entry, count, limit.window, limit.rate * limit.weight, box, limit.penalty)
    except Err:
        return None
