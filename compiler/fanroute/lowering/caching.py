"""Lowers the caching of a backend's answers."""

from fanroute.spec.caching import Cache
from fanroute_runtime.plan.caching import CachePolicy


def lower_cache(cache: Cache | str | None) -> CachePolicy | None:
    """Returns how answers are cached, or None if Fastly does what they say themselves."""
    if cache is None:
        return None
    return CachePolicy(cache.ttl, cache.stale_while_revalidate) if isinstance(cache, Cache) else CachePolicy()
