"""Defines the part of the Plan that says which tokens clients need. It ships only if a route needs one."""

from typing import Literal

from fanroute_runtime.plan import Algorithm, Condition, Key, StoreEntry, record


@record
class KeySet:
    """Represents a JWKS document in a store, whose keys verify signatures.

    A key is used by those of `algorithms` that it is for. With a `kid`, it is for tokens that name it.
    """

    algorithms: tuple[Algorithm, ...]
    material: StoreEntry


@record
class TokenPlace:
    """Names a place for a client's token: the header Authorization, a cookie, a query parameter, or another header.

    `protocol` is the place after the subprotocol of that name, among those that a WebSocket offers.
    """

    kind: Literal["authorization", "cookie", "query", "header", "protocol"]
    name: str = ""


@record
class ClaimPart:
    """Represents a part of a token's claims that counts as a claim called `name`: what is at `path`, an object in each step.

    With `words`, the words of a text count as a list of texts.
    """

    name: str
    path: tuple[str, ...]
    words: bool = False


@record
class Auth:
    """Represents the token that a client needs. It is read from the first of `places` that has one.

    It must be signed with one of `keys` or a key of `key_sets`, have one of `issuers` (any, if empty), and be for one of
    `audiences` (without an audience, if empty). Its claims must fit `claims`: of a claim that is a list, one item must fit.
    `channels` is the claim that lists the channels to which its holder may subscribe, or "" if it may subscribe to all. Clocks
    may differ by `leeway` seconds. `parts` are the claims that stand within others, as far as the route uses them.
    """

    keys: tuple[Key, ...]
    places: tuple[TokenPlace, ...]
    leeway: int
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    claims: tuple[Condition, ...] = ()
    channels: str = ""
    parts: tuple[ClaimPart, ...] = ()
    key_sets: tuple[KeySet, ...] = ()
