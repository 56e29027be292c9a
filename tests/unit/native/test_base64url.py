"""Compares the native decoding of base64url with Python's: both accept only the canonical spelling."""

import base64
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.native.base64url import MALFORMED
from fanroute_runtime.jose.jwt import BadToken, decode_base64url
from tests.conftest import times
from tests.support.native import NativeModule

ALPHABET = base64.urlsafe_b64encode(bytes(range(256))).decode().rstrip("=")


@pytest.fixture(scope="module")
def module() -> NativeModule:
    return NativeModule()


def decoded(module: NativeModule, text: bytes) -> bytes | None:
    at = module.write(bytes(len(text)) + text)
    size = module.call("decode", at, at + len(text), len(text))
    return None if size == MALFORMED else module.read(at, size)


def expected(text: bytes) -> bytes | None:
    try:
        return decode_base64url(text)
    except BadToken:
        return None


@times(20)
@given(st.text(ALPHABET, max_size=60).map(str.encode) | st.binary(max_size=12))
def test_any_text(module: NativeModule, text: bytes) -> None:
    assert decoded(module, text) == expected(text)


@given(st.binary(max_size=100))
def test_what_was_encoded(module: NativeModule, raw: bytes) -> None:
    text = base64.urlsafe_b64encode(raw).rstrip(b"=")
    assert decoded(module, text) == raw
    assert decoded(module, text + b"=") is None


def test_each_byte_and_each_end(module: NativeModule) -> None:
    for byte in range(256):
        assert decoded(module, b"AA%cA" % byte) == expected(b"AA%cA" % byte), byte
    for size in range(4):
        for end in product(b"AQgwEIJ_-", repeat=size):
            assert decoded(module, b"abcd" + bytes(end)) == expected(b"abcd" + bytes(end)), end
