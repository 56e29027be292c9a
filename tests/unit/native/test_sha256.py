"""Compares the native SHA-256 and HMAC with Python's, for texts and keys of any length."""

import hashlib
import hmac
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.native import NativeModule

TEXT = Random(1).randbytes(5000)
# Lengths on both sides of a block, and of where the length of the text still fits into the last one.
LENGTHS = [0, 1, 31, 32, 33, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 1000, 5000]


@pytest.fixture(scope="module")
def module() -> NativeModule:
    return NativeModule()


def digest(module: NativeModule, text: bytes) -> bytes:
    at = module.write(bytes(32) + text)
    module.call("digest", at, at + 32, len(text))
    return module.read(at, 32)


def mac(module: NativeModule, key: bytes, text: bytes) -> bytes:
    at = module.write(bytes(32) + key + text)
    module.call("hmac", at, at + 32, len(key), at + 32 + len(key), len(text))
    return module.read(at, 32)


def test_a_hash_of_each_length(module: NativeModule) -> None:
    for length in (*range(301), *LENGTHS):
        assert digest(module, TEXT[:length]) == hashlib.sha256(TEXT[:length]).digest(), length


def test_hmac_of_each_length(module: NativeModule) -> None:
    for length in range(301):
        for other in LENGTHS:
            assert mac(module, TEXT[:other], TEXT[:length]) == hmac.digest(TEXT[:other], TEXT[:length], "sha256"), (other, length)
            assert mac(module, TEXT[:length], TEXT[:other]) == hmac.digest(TEXT[:length], TEXT[:other], "sha256"), (length, other)


@given(st.binary(max_size=300), st.binary(max_size=1000))
def test_any_bytes(module: NativeModule, key: bytes, text: bytes) -> None:
    assert digest(module, text) == hashlib.sha256(text).digest()
    assert mac(module, key, text) == hmac.digest(key, text, "sha256")
