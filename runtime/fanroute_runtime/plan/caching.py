"""Defines how the host caches answers, as the Plan says it. It ships only if a route says it."""

from fanroute_runtime.plan import record


@record
class CachePolicy:
    """Says how the host caches an answer, whatever its Cache-Control says. Without both times, it does not cache it.

    The answer is fresh for `ttl` seconds. For `stale_while_revalidate` seconds after that, clients get it while the host asks the
    backend again. If one of them is None, the answer's Cache-Control says it.
    """

    ttl: int | None = None
    stale_while_revalidate: int | None = None
