"""Calls the native module that verifies ECDSA on P-256 and Fanout's tokens, if the component's world has it (docs/es256.md).

The build links it into components that are flattened. Others do not have it, and neither have programs outside a component.
"""

from fanroute_runtime.jose.limbs import ALGORITHMS, INVALID, TABLE_SIZE
from fanroute_runtime.plan import Algorithm

try:
    from wit_world.imports import grip_sig, p256
except ImportError:
    LINKED = False
else:
    LINKED = True

POINT_SIZE, SIGNATURE_SIZE, DIGEST_SIZE = 64, 64, 32
# The distance from the beginning of a bytes object to its contents, which are its last field, with a zero after them.
_CONTENTS = bytes.__basicsize__ - 1


def make_table(point: bytes) -> bytes:
    """Returns the table of a public key, from its x and y."""
    assert len(point) == POINT_SIZE
    # Nobody else has this object yet, so it may change.
    table = bytes(TABLE_SIZE)
    p256.make_table(id(table) + _CONTENTS, id(point) + _CONTENTS)
    return table


def verify(table: bytes, signature: bytes, digest: bytes) -> int:
    """Returns INVALID, VALID or MET for a signature of any length."""
    if len(table) != TABLE_SIZE or len(signature) != SIGNATURE_SIZE or len(digest) != DIGEST_SIZE:
        return INVALID
    return p256.verify(id(table) + _CONTENTS, id(signature) + _CONTENTS, id(digest) + _CONTENTS)


def expiry(token: bytes, algorithm: Algorithm, end: bytes) -> int:
    """Returns when a token in Fanout's form expires, in seconds since 1970, or 0 if it does not have this form.

    `end` is the JSON of its claims behind the time: `,"iss":"fastly:SU1Z"}`. The signature is not verified.
    """
    return grip_sig.expiry(id(token) + _CONTENTS, len(token), ALGORITHMS[algorithm], id(end) + _CONTENTS, len(end))


def verify_token(token: bytes, algorithm: Algorithm, end: bytes, key: bytes) -> int:
    """Returns when a token in Fanout's form expires, if it is signed with a key: the secret of HS256, or the table of ES256.

    Returns INVALID if the token is not signed with it or does not have this form, and MET if Python has to decide.
    """
    return grip_sig.verify_token(
        id(token) + _CONTENTS, len(token), ALGORITHMS[algorithm], id(end) + _CONTENTS, len(end), id(key) + _CONTENTS, len(key)
    )
