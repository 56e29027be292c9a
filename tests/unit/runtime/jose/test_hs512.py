"""Tests HS384 and HS512 with Project Wycheproof's vectors, and tokens of two libraries."""

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from fanroute_runtime.jose.hs512 import VERIFIER_MAKERS
from fanroute_runtime.plan import Algorithm
from tests.vectors import groups

KEY = b"sixty-four bytes, so that each of these algorithms may use them."
# The length of a hash, which is that of the shortest key and of each signature.
SIZES: dict[Algorithm, int] = {"HS384": 48, "HS512": 64}


@pytest.mark.parametrize("algorithm", SIZES)
def test_wycheproof(algorithm: Algorithm) -> None:
    """Uses the vectors whose key is long enough. A truncated tag is not a signature."""
    asked, size = 0, SIZES[algorithm]
    for key, vectors in groups(f"hmac_{algorithm.replace('HS', 'sha')}"):
        material = bytes.fromhex(key)
        if len(material) < size:
            continue
        for vector in vectors:
            asked += 1
            verify = VERIFIER_MAKERS[algorithm](material)
            whole = len(vector.signature) == size
            assert verify(vector.message, vector.signature) == (vector.result == "valid" and whole), vector
    assert asked > 100


@pytest.mark.parametrize("algorithm", SIZES)
def test_tokens_of_two_libraries(algorithm: Algorithm) -> None:
    tokens = [
        jwt.encode({"iss": "a"}, KEY, algorithm),
        jws.serialize_compact({"alg": algorithm}, b'{"iss":"a"}', OctKey.import_key(KEY), [algorithm]),
    ]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        assert VERIFIER_MAKERS[algorithm](KEY)(signed.encode(), jwt.utils.base64url_decode(signature))
        assert not VERIFIER_MAKERS[algorithm](KEY + b"x")(signed.encode(), jwt.utils.base64url_decode(signature))


@pytest.mark.parametrize("algorithm", SIZES)
def test_a_short_key_is_refused(algorithm: Algorithm) -> None:
    size = SIZES[algorithm]
    VERIFIER_MAKERS[algorithm](bytes(size))
    with pytest.raises(ValueError) as raised:
        VERIFIER_MAKERS[algorithm](bytes(size - 1))
    assert (
        str(raised.value) == f"a key for {algorithm} must have at least {size} bytes (RFC 7518, 3.2), but this one has {size - 1}"
    )


@given(signature=st.one_of(st.binary(max_size=80), *(st.binary(min_size=size, max_size=size) for size in (32, 48, 64))))
def test_any_bytes_are_no_signature(signature: bytes) -> None:
    for algorithm in SIZES:
        assert not VERIFIER_MAKERS[algorithm](KEY)(b"message", signature)
