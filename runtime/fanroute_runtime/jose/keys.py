"""Verifies signatures of tokens with keys. Each key is for one algorithm (RFC 7518, 3.1; RFC 8725, 3.1)."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fanroute_runtime.jose import es256, hs256, rs256
from fanroute_runtime.jose.jwt import BadToken, Token
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import Algorithm, Key, StoreEntry

if TYPE_CHECKING:
    from fanroute_runtime.plan.auth import KeySet

# Returns True if the second argument is a signature of the first. What is bound already is the key, as its algorithm needs it.
Verifier = partial[bool]

# Makes the verifier of a key. Raises ValueError, with the reason.
MakeVerifier = Callable[[bytes], Verifier]

VERIFIER_MAKERS: dict[Algorithm, MakeVerifier] = {"ES256": es256.verifier, "HS256": hs256.verifier, "RS256": rs256.verifier}
# Makes verifiers while the component is built. It may take longer then, and gives faster verifiers. They are cached, because
# commands and tests make many Deciders.
BUILD_VERIFIER_MAKERS: dict[Algorithm, MakeVerifier] = VERIFIER_MAKERS | {"ES256": cache(partial(es256.verifier, fixed=True))}
# The modules of the other algorithms. A component has those that its Plan needs (`fanroute.codegen.app_module`).
MODULES: dict[Algorithm, str] = {
    "EdDSA": "ed25519",
    "Ed25519": "ed25519",
    "ES384": "es384",
    "PS256": "ps256",
    "HS384": "hs512",
    "HS512": "hs512",
}


def make_verifier(algorithm: Algorithm, material: bytes) -> Verifier:
    """Makes the verifier of a key. Raises ValueError, with the reason."""
    return _maker(VERIFIER_MAKERS, algorithm)(material)


def _maker(makers: dict[Algorithm, MakeVerifier], algorithm: Algorithm) -> MakeVerifier:
    if algorithm in makers:
        return makers[algorithm]
    maker: MakeVerifier = further_module(MODULES[algorithm]).VERIFIER_MAKERS[algorithm]
    return maker


def further_module(name: str) -> Any:
    """Returns a module of this package that only some components have."""
    return __import__(f"{__package__}.{name}", fromlist=("",))


# The reason if a key is not in its store, or is none.
UNUSABLE_KEY = "A key that the edge needs to verify tokens is missing or unusable."


class Keys:
    """Keeps a verifier for each key. A key in the Plan gets its verifier at build time, a key in a store when it is first needed.

    The constructor raises ValueError if the material of a key cannot be used.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        keys = tuple(keys)
        if any(key.algorithm == "ES256" for key in keys):
            es256.prepare()
        known = {key: key.material for key in keys if isinstance(key.material, bytes)}
        self._known_at_build = {key: _maker(BUILD_VERIFIER_MAKERS, key.algorithm)(material) for key, material in known.items()}
        # What is made of keys in stores is kept as long as the sandbox lives. The next sandbox reads a changed key.
        self._verifiers = dict(self._known_at_build)
        self._sets: dict[KeySet, tuple[Key, ...]] = {}

    def forget(self) -> None:
        """Forgets the keys that were read from stores, so that the state is that of a new sandbox."""
        self._verifiers = dict(self._known_at_build)
        self._sets = {}

    def native_key(self, key: Key, request: Request) -> bytes:
        """Returns a key for HS256 or ES256 as the native module needs it. Raises Refused (500) if the key is not in its store."""
        material: bytes = self._verifier(key, request).args[0]
        return material

    def known_native_key(self, key: Key) -> bytes:
        """Returns a key for ES256 as the native module needs it, or b"" if it is not known at build time."""
        return self._known_at_build[key].args[0] if key.algorithm == "ES256" and key in self._known_at_build else b""

    def find_signer(self, token: Token, candidates: Iterable[Key], request: Request) -> Key:
        """Returns the first candidate that has signed a token.

        Raises BadToken if there is none, and Refused (500) if a key is not in its store.
        """
        for key in candidates:
            if key.algorithm == token.algorithm and self._verifier(key, request)(token.signed, token.signature):
                return key
        raise BadToken("it is not signed with a key that the edge knows")

    def keys_of_sets(self, key_sets: "Iterable[KeySet]", algorithm: str, request: Request) -> Iterator[Key]:
        """Yields the keys that JWKS documents have, if they may have keys for an algorithm.

        Raises Refused (500) if a document is not in its store, or is unusable.
        """
        for key_set in key_sets:
            if algorithm in key_set.algorithms:
                if key_set not in self._sets:
                    self._sets[key_set] = _read_set(key_set, request)
                yield from self._sets[key_set]

    def _verifier(self, key: Key, request: Request) -> Verifier:
        verifier = self._verifiers.get(key)
        if verifier is None:
            verifier = self._verifiers[key] = _late_verifier(key, request)
        return verifier


def _late_verifier(key: Key, request: Request) -> Verifier:
    """Makes the verifier of a key that comes from a JWKS document, or is in a store.

    An unusable key of a document verifies nothing. Raises Refused (500) if the store has no such key, or an unusable one.
    """
    if isinstance(key.material, bytes):
        try:
            return make_verifier(key.algorithm, key.material)
        except ValueError:
            return partial(_verify_never)
    try:
        return make_verifier(key.algorithm, _read(key.material, request))
    except ValueError:
        raise _unusable() from None


def _read_set(key_set: "KeySet", request: Request) -> tuple[Key, ...]:
    """Returns the keys of a JWKS document. Raises Refused (500)."""
    document = _read(key_set.material, request)
    try:
        keys: tuple[Key, ...] = further_module("jwks").read_keys(
            document, key_set.algorithms, secret=key_set.material.kind == "secret"
        )
        return keys
    except ValueError:
        raise _unusable() from None


def _read(stored: StoreEntry, request: Request) -> bytes:
    """Returns an entry of a store. Raises Refused (500) if there is none."""
    if stored.kind == "secret":
        material = request.secret(stored.store, stored.name)
    else:
        text = request.config(stored.store, stored.name)
        material = None if text is None else text.encode()
    if material is None:
        raise _unusable()
    return material


def _unusable() -> Refused:
    return Refused(500, UNUSABLE_KEY)


def _verify_never(signed: bytes, signature: bytes) -> bool:
    return False
