"""Lowers `keys`, which verify signatures, and `fanout`."""

from collections.abc import Mapping

from fanroute.spec import keys
from fanroute.spec.document import Fanout
from fanroute_runtime.plan import GripSig, Key, StoreEntry


def lower_grip_sig(fanout: Fanout, files: Mapping[str, bytes]) -> GripSig:
    """Returns how the edge recognizes Fanout's requests. `files` has the content of each file that a key names."""
    return GripSig(fanout.grip_sig, tuple(lower_key(key, files, issuer=key.issuer) for key in fanout.keys))


def lower_key(key: keys.VerificationKey, files: Mapping[str, bytes], kid: str = "", issuer: str = "") -> Key:
    """Returns a key with its material from `files`, or with the store that holds it."""
    if key.file is not None:
        return Key(key.algorithm, files[key.file], kid, issuer)
    return Key(key.algorithm, _stored(key), kid, issuer)


def _stored(key: keys.VerificationKey) -> StoreEntry:
    assert key.name is not None
    if key.secret_store is not None:
        return StoreEntry("secret", key.secret_store, key.name)
    assert key.config_store is not None
    return StoreEntry("config", key.config_store, key.name)
