"""The keys that signatures of tokens are checked with: each for one algorithm (RFC 7518, 3.1; RFC 8725, 3.1)."""

from collections.abc import Callable, Iterable
from functools import cache, partial

from fanroute_runtime.jose import es256, hs256, rs256
from fanroute_runtime.jose.jwt import BadToken, Token
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import Algorithm, Key, StoreEntry

# Whether a signature (second) is one of some bytes (first).
Verifier = Callable[[bytes, bytes], bool]

# A verifier of a key. Raises ValueError, with the reason.
MakeVerifier = Callable[[bytes], Verifier]

VERIFIER_MAKERS: dict[Algorithm, MakeVerifier] = {"ES256": es256.verifier, "HS256": hs256.verifier, "RS256": rs256.verifier}
# Those that take their time, as they may when the component is built, and give a faster one: once for each key, as commands and
# tests make many Deciders.
BUILD_VERIFIER_MAKERS: dict[Algorithm, MakeVerifier] = VERIFIER_MAKERS | {"ES256": cache(partial(es256.verifier, fixed=True))}


class Keys:
    """Keys, ready to check with. What is known when building is made ready then; the rest when it is first needed.

    Made of keys whose material cannot be used it raises ValueError.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        known = {key: key.material for key in keys if isinstance(key.material, bytes)}
        self._known_at_build = {key: BUILD_VERIFIER_MAKERS[key.algorithm](material) for key, material in known.items()}
        # With those of stores, for the sandbox's life: one that has been changed is taken by the next sandbox.
        self._verifiers = dict(self._known_at_build)

    def forget(self) -> None:
        """Forget the keys that stores gave, as a new sandbox has."""
        self._verifiers = dict(self._known_at_build)

    def find_signer(self, token: Token, candidates: Iterable[Key], request: Request) -> Key:
        """Returns the first of some keys that has signed a token.

        Raises BadToken, and Refused (500) where a key is not in its store.
        """
        for key in candidates:
            if key.algorithm == token.algorithm and self._verifier(key, request)(token.signed, token.signature):
                return key
        raise BadToken("no key of ours has signed it")

    def _verifier(self, key: Key, request: Request) -> Verifier:
        verifier = self._verifiers.get(key)
        if verifier is None:
            verifier = self._verifiers[key] = _verifier_from_store(key, request)
        return verifier


def _verifier_from_store(key: Key, request: Request) -> Verifier:
    """Raises Refused (500)."""
    assert isinstance(key.material, StoreEntry)
    stored = key.material
    if stored.kind == "secret":
        material = request.secret(stored.store, stored.name)
    else:
        text = request.config(stored.store, stored.name)
        material = None if text is None else text.encode()
    if material is not None:
        try:
            return VERIFIER_MAKERS[key.algorithm](material)
        except ValueError:
            pass
    raise Refused(500, "A key that the edge checks with is not there.")
