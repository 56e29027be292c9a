"""Tells Fastly how to cache a backend's answer. Only components with such routes have this module, and the host's function."""

from typing import Any

from fanroute_runtime.plan.caching import CachePolicy


def override_cache(http_req: Any, request: Any, policy: CachePolicy) -> None:
    """Makes the host cache the answer to a request by a policy, whatever the answer says.

    `http_req` is the module of the host's bindings that `request` is from. Raises its Err.
    """
    if policy == CachePolicy():
        override = http_req.CacheOverride_Pass()
    else:
        details = http_req.CacheOverrideDetails(policy.ttl, policy.stale_while_revalidate, False, None, None)
        override = http_req.CacheOverride_Override(details)
    request.set_cache_override(override)
