"""Lowers `keys`, which verify signatures, and `fanout`."""

from collections.abc import Mapping

from fanroute.spec import keys
from fanroute.spec.auth import ClientKey
from fanroute.spec.document import Fanout
from fanroute_runtime.plan import GripSig, Key, StoreEntry
from fanroute_runtime.plan.auth import KeySet


def lower_grip_sig(fanout: Fanout, files: Mapping[str, bytes]) -> GripSig:
    """Returns how the edge recognizes Fanout's requests. `files` has the content of each file that a key names."""
    return GripSig(fanout.grip_sig, tuple(Key(key.algorithm, _material(key, files), issuer=key.issuer) for key in fanout.keys))


def lower_client_key(key: ClientKey, files: Mapping[str, bytes]) -> tuple[Key | KeySet, ...]:
    """Returns a key with its material from `files`, or with its store. The keys of a JWKS file become single keys."""
    material = _material(key, files)
    if not key.jwks:
        return (Key(key.algorithm[0], material, key.kid or ""),)
    algorithms = tuple(key.algorithm)
    if isinstance(material, StoreEntry):
        return (KeySet(algorithms, material),)
    from fanroute_runtime.jose.jwks import read_keys  # late: few files have a JWKS document

    return tuple(key for key in read_keys(material, algorithms, secret=False) if _is_usable(key))


def _is_usable(key: Key) -> bool:
    """Returns True if a key of a document is what it says. A point may not be on its curve, for instance."""
    from fanroute_runtime.jose.keys import make_verifier

    try:
        return isinstance(key.material, bytes) and bool(make_verifier(key.algorithm, key.material))
    except ValueError:
        return False


def _material(key: keys.VerificationKey, files: Mapping[str, bytes]) -> bytes | StoreEntry:
    if key.file is not None:
        return files[key.file]
    assert key.name is not None
    if key.secret_store is not None:
        return StoreEntry("secret", key.secret_store, key.name)
    assert key.config_store is not None
    return StoreEntry("config", key.config_store, key.name)
