"""Admits clients by what few routes need, so it is part of a component only if a route needs it.

Sources: RFC 6749 (scopes), RFC 6455 (subprotocols).
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.jose.jwt import Claims
from fanroute_runtime.plan.auth import ClaimPart, TokenPlace


def _protocol_tokens(client: ClientRequest, name: str) -> Iterator[bytes]:
    """Yields what a WebSocket's client offers after the subprotocol of that name, which it offers only for this purpose.

    In a browser, a WebSocket can set no header but this one (RFC 6455, 4.1).
    """
    if client.websocket:
        offered = [one.strip() for one in b",".join(client.values("sec-websocket-protocol")).split(b",")]
        yield from (token for marker, token in pairwise(offered) if marker == name.encode())


class FurtherGuard(Guard):
    """Admits clients as a Guard does, also by claims that stand within others, and by tokens in further places."""

    def _read_place(self, place: TokenPlace, client: ClientRequest) -> Iterable[bytes]:
        if place.kind == "header":
            return client.values(place.name)
        return _protocol_tokens(client, place.name) if place.kind == "protocol" else super()._read_place(place, client)

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
