"""Admits clients by what few routes need, so it is part of a component only if a route needs it."""

from typing import Any

from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.jose.jwt import Claims
from fanroute_runtime.plan import ClaimPart


class FurtherGuard(Guard):
    """Admits clients as a Guard does, and also by claims that stand within others."""

    def _claims_of(self, claims: Claims) -> Claims:
        """Adds the parts of claims that the Auth names. A claim of the token that has such a name itself does not count."""
        return {**claims, **{part.name: _value_of(part, claims) for part in self._auth.parts}}


def _value_of(part: ClaimPart, claims: Claims) -> Any:
    """Returns the value of a part, or None if the token does not have it."""
    value: Any = claims
    for name in part.path:
        value = value.get(name) if isinstance(value, dict) else None
    # A scope separates words by single spaces (RFC 6749, 3.3).
    return list(filter(None, value.split(" "))) if part.words and isinstance(value, str) else value
