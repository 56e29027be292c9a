"""Keys as a user writes them to those of the Plan."""

from collections.abc import Mapping

from fanroute import keys, spec
from fanroute_runtime.plan import GripSig, Key, Stored


def lower_grip_sig(fanout: spec.Fanout, files: Mapping[str, bytes]) -> GripSig:
    """How Fanout's requests are told; `files` has the content of each file that is named."""
    return GripSig(fanout.grip_sig, tuple(lower_key(key, files, issuer=key.issuer) for key in fanout.keys))


def lower_key(key: keys.Key, files: Mapping[str, bytes], kid: str = "", issuer: str = "") -> Key:
    """A key with its material, or where that is."""
    if key.file is not None:
        return Key(key.algorithm, files[key.file], kid, issuer)
    return Key(key.algorithm, _stored(key), kid, issuer)


def _stored(key: keys.Key) -> Stored:
    assert key.name is not None
    if key.secret_store is not None:
        return Stored("secret", key.secret_store, key.name)
    assert key.config_store is not None
    return Stored("config", key.config_store, key.name)
