"""Lowers the limit of a route, has its defaults, and makes rates that Fastly takes of lower ones."""

from fanroute.spec.rate_limits import CLIENT_IP, Limit
from fanroute_runtime.plan import Bound
from fanroute_runtime.plan.rate_limits import RateLimit

# The lowest rate that Fastly takes, per second. Source: https://github.com/fastly/compute-sdk-go/blob/main/erl/erl.go
MIN_RATE = 10
# The defaults, in seconds.
WINDOW, PENALTY = 10, 120


def lower_limit(limit: Limit | None) -> RateLimit | None:
    """Returns how often a client may use a route, or None if there is no limit.

    For a rate below MIN_RATE, each use counts several times, so that the rate is high enough for Fastly.
    """
    if limit is None:
        return None
    weight = -(-MIN_RATE // limit.rate)
    return RateLimit(limit.rate, limit.window or WINDOW, limit.penalty or PENALTY, _bound(limit.by or CLIENT_IP), weight)


def _bound(by: str) -> Bound | None:
    """Returns the value that tells clients apart, or None if it is their address."""
    source, _, name = by.partition(".")
    if by == CLIENT_IP:
        return None
    return Bound("claim" if source == "claim" else "header", name)
