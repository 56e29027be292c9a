"""Tests HS256 with Project Wycheproof's vectors, and tokens of two libraries."""

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from fanroute_runtime.jose import hs256
from tests.vectors import groups

KEY = b"thirty-two bytes, and a few more"


def test_wycheproof() -> None:
    """Uses the vectors whose key is long enough for HS256. A truncated tag is not a signature."""
    asked = 0
    for key, vectors in groups("hmac_sha256"):
        material = bytes.fromhex(key)
        if len(material) < hs256.MIN_KEY:
            continue
        for vector in vectors:
            asked += 1
            whole = len(vector.signature) == hs256.MIN_KEY
            assert hs256.verifier(material)(vector.message, vector.signature) == (vector.result == "valid" and whole), vector
    assert asked > 100


def test_tokens_of_two_libraries() -> None:
    tokens = [
        jwt.encode({"iss": "viceroy"}, KEY, "HS256"),
        jws.serialize_compact({"alg": "HS256"}, b'{"iss":"viceroy"}', OctKey.import_key(KEY), ["HS256"]),
    ]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        assert hs256.verifier(KEY)(signed.encode(), jwt.utils.base64url_decode(signature))
        assert not hs256.verifier(KEY[:-1] + b"x")(signed.encode(), jwt.utils.base64url_decode(signature))


@given(st.binary(max_size=64))
def test_any_bytes_are_no_signature(signature: bytes) -> None:
    assert not hs256.verifier(KEY)(b"message", signature)


def test_a_short_key_is_told() -> None:
    with pytest.raises(ValueError, match=r"at least 32 bytes .* but this one has 31"):
        hs256.verifier(KEY[:31])
