"""Defines the part of the Plan that says how often a client may use a route. It ships only if a route says it."""

from fanroute_runtime.plan import Bound, record


@record
class RateLimit:
    """Says how often each client may use a route: `rate` times a second, on average over the last `window` seconds.

    A client that uses it more often is refused for `penalty` seconds. Clients that differ in the header or claim `by` are counted
    apart. If it is None, or if a client does not have it, its address counts. The host counts each use as `weight`, because it
    takes no rate below 10.
    """

    rate: int
    window: int
    penalty: int
    by: Bound | None = None
    weight: int = 1
