"""Fingerprints: how a pin tells that a route is the one that the first pass has chosen, and not one of another build."""

from dataclasses import replace
from hashlib import sha256

from fanroute_runtime.plan import Hold, Route, WebSocket

# Of a digest, so many characters: a chance match with another build's route has odds of one in 2**64.
DIGITS = 16


def with_fingerprint(route: Route, action: str) -> Route:
    """Gives an endpoint its fingerprint: the key of its action in routes.yaml, and a digest of all but its name.

    The digest is the same on every machine: `ascii` writes a Plan's data, which is tuples, texts, bytes and numbers, in one way.
    """
    if not isinstance(route.action, Hold | WebSocket):
        return route
    content = ascii(replace(route, name="")).encode()
    return replace(route, fingerprint=f"{action}-{sha256(content).hexdigest()[:DIGITS]}")
