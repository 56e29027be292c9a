"""Computes fingerprints, by which a pin shows that it names a route of this build and not of another one."""

from dataclasses import replace
from hashlib import sha256

from fanroute_runtime.plan import Hold, Route, WebSocket

# Of a digest, so many characters: a chance match with another build's route has odds of one in 2**64.
DIGITS = 16


def with_fingerprint(route: Route, action: str) -> Route:
    """Adds its fingerprint to an endpoint's route: the key of its action in routes.yaml, and a digest of all but its name.

    The digest is the same on every machine, because a Plan has only tuples, texts, bytes and numbers, and `ascii` always writes
    these in the same way.
    """
    if not isinstance(route.action, Hold | WebSocket):
        return route
    content = ascii(replace(route, name="")).encode()
    return replace(route, fingerprint=f"{action}-{sha256(content).hexdigest()[:DIGITS]}")
