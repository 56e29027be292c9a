"""Tests the functions that check a Grip-Sig, one argument at a time, and that they accept any input without a trap.

tests/property/test_grip_sig.py compares them with Python's check.
"""

import json
from random import Random

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from fanroute.native.grip_sig import MAX_TOKEN
from fanroute_runtime.jose.limbs import ALGORITHMS, INVALID, MET, TOKEN_ALGORITHMS, TOKEN_HEADER, pack_table
from fanroute_runtime.jose.p256 import GENERATOR, P
from fanroute_runtime.plan import Algorithm
from tests.conftest import times
from tests.property.test_grip_sig import claims_of, encoded, header_of, meeting, signed
from tests.support.native import BASE, PAGES, WRITTEN, NativeModule

KEY, SECRET = ec.derive_private_key(7, ec.SECP256R1()), bytes(range(32))
ISSUER = "fastly:SU1Z0isxPaozGVKXdv0eY"
END = b',"iss":"%b"}' % ISSUER.encode()
EXPIRY = 1_700_003_600
TABLE = pack_table((KEY.public_key().public_numbers().x, KEY.public_key().public_numbers().y))
KEYS: dict[Algorithm, bytes] = {"HS256": SECRET, "ES256": TABLE}
TOKENS: dict[Algorithm, bytes] = {
    "HS256": signed(SECRET, header_of(SECRET), claims_of(ISSUER, EXPIRY)),
    "ES256": signed(KEY, header_of(KEY), claims_of(ISSUER, EXPIRY)),
}
EACH: list[Algorithm] = ["HS256", "ES256"]
U32 = (
    st.integers(0, 2**32 - 1) | st.integers(0, 200) | st.sampled_from([MAX_TOKEN, MAX_TOKEN + 1, 1 << 16, (1 << 16) + 1, 1 << 31])
)


@pytest.fixture(scope="module")
def module() -> NativeModule:
    return NativeModule()


@pytest.mark.parametrize("algorithm", EACH)
def test_a_token_as_pyjwt_writes_it(module: NativeModule, algorithm: Algorithm) -> None:
    key = SECRET if algorithm == "HS256" else KEY
    token = jwt.encode({"exp": EXPIRY, "iss": ISSUER}, key, algorithm, sort_headers=False).encode()
    assert TOKEN_ALGORITHMS[token[:TOKEN_HEADER]] == algorithm
    assert module.expiry(token, algorithm, END) == module.verify_token(token, algorithm, END, KEYS[algorithm]) == EXPIRY


def test_the_headers_are_those_of_the_algorithms() -> None:
    for number, (begin, algorithm) in enumerate(TOKEN_ALGORITHMS.items()):
        header = json.dumps({"typ": "JWT", "alg": algorithm}, separators=(",", ":")).encode()
        assert (begin, len(begin)) == (encoded(header) + b".", TOKEN_HEADER)
        assert ALGORITHMS[algorithm] == number == EACH.index(algorithm)


@pytest.mark.parametrize("algorithm", EACH)
def test_another_argument(module: NativeModule, algorithm: Algorithm) -> None:
    token, key = TOKENS[algorithm], KEYS[algorithm]
    (other,) = {*EACH} - {algorithm}
    refused = [
        (token[:-1], algorithm, END, key),
        (token + b"A", algorithm, END, key),
        (token, other, END, key),
        (token, algorithm, END[:-1], key),
        (token, algorithm, END[1:], key),
        (token, algorithm, b"", key),
        (token, algorithm, END + b"}", key),
        (token, algorithm, END.upper(), key),
        (token, algorithm, END, b""),
        (token, algorithm, END, key[:-1]),
        (token, algorithm, END, key + b"x"),
        (token, algorithm, END, key[::-1]),
    ]
    assert module.verify_token(token, algorithm, END, key) == EXPIRY
    for arguments in refused:
        assert module.verify_token(*arguments) == INVALID, arguments
    for arguments in refused[:7]:
        assert module.expiry(*arguments[:3]) == 0, arguments


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 63, 64, 65, 1000, 1 << 16, (1 << 16) + 1])
def test_a_secret_of_any_length(module: NativeModule, length: int) -> None:
    """Python refuses secrets of fewer than 32 bytes, and no store has one of more than 65,536."""
    secret = Random(length).randbytes(length)
    token = signed(secret, header_of(secret), claims_of(ISSUER, EXPIRY))
    expected = EXPIRY if 32 <= length <= 1 << 16 else INVALID
    assert module.verify_token(token, "HS256", END, secret) == expected


def test_the_longest_token(module: NativeModule) -> None:
    accepted = set()
    for length in range(600, 800):
        issuer = "x" * length
        token = signed(SECRET, header_of(SECRET), claims_of(issuer, EXPIRY))
        found = module.verify_token(token, "HS256", b',"iss":"%b"}' % issuer.encode(), SECRET)
        assert found == (EXPIRY if len(token) <= MAX_TOKEN else INVALID), length
        accepted.add(found)
    assert accepted == {EXPIRY, INVALID}


def test_times(module: NativeModule) -> None:
    for expiry in (1, 9, 10, 4_102_444_800, 10**17, 10**18 - 1):
        token = signed(SECRET, header_of(SECRET), claims_of(ISSUER, expiry))
        assert module.verify_token(token, "HS256", END, SECRET) == module.expiry(token, "HS256", END) == expiry
    for expiry in (0, -1, 10**18, 2**63, 2**64 + EXPIRY):
        token = signed(SECRET, header_of(SECRET), claims_of(ISSUER, expiry))
        assert module.verify_token(token, "HS256", END, SECRET) == module.expiry(token, "HS256", END) == 0


def test_points_that_meet(module: NativeModule) -> None:
    """If the key's point is the generator or its opposite, it is left to Python."""
    token = meeting(claims_of(ISSUER, EXPIRY))
    for table in (pack_table(GENERATOR), pack_table((GENERATOR[0], P - GENERATOR[1]))):
        assert module.verify_token(token, "ES256", END, table) == MET


def test_a_size_that_is_negative_as_an_integer_with_a_sign(module: NativeModule) -> None:
    token = signed(SECRET, header_of(SECRET), b'{"exp":')
    at = module.write(token)
    assert module.call("expiry", at, len(token), ALGORITHMS["HS256"], at, 2**32 - 1) == 0


@times(10)
@given(st.binary(max_size=400), U32, U32, st.binary(max_size=60), U32, st.binary(max_size=100), U32, st.booleans())
def test_any_bytes_and_any_sizes(
    module: NativeModule,
    token: bytes,
    size: int,
    algorithm: int,
    end: bytes,
    end_size: int,
    key: bytes,
    key_size: int,
    is_form: bool,
) -> None:
    """They never lead to a trap. What they say of a token does not change after them."""
    if is_form:
        algorithm &= 1
        token = TOKENS[EACH[algorithm]] + token
        size = len(TOKENS[EACH[algorithm]]) if size & 1 else size
        end, end_size = (END, len(END)) if size & 2 else (end, end_size)
    at = module.write(token + end + key)
    arguments = at, size, algorithm, at + len(token), end_size
    assert module.call("expiry", *arguments) in (0, EXPIRY)
    assert module.call("verify-token", *arguments, at + len(token) + len(end), key_size) == INVALID
    for each in EACH:
        assert module.verify_token(TOKENS[each], each, END, KEYS[each]) == EXPIRY


def test_it_writes_to_its_own_memory_only(module: NativeModule) -> None:
    """Neither the memory before it nor the arguments change, and memory does not grow."""
    other = Random(1).randbytes(BASE)
    module.memory.write(module.store, other, 0)
    module.memory.write(module.store, other, PAGES - 1 << 16)
    for algorithm in EACH:
        token, key = TOKENS[algorithm], KEYS[algorithm]
        for _ in range(1000):
            assert module.verify_token(token, algorithm, END, key) == EXPIRY
        assert module.read(WRITTEN, len(token + END + key)) == token + END + key
    assert module.read(0, BASE) == other
    assert module.read(PAGES - 1 << 16, BASE) == other
    assert module.memory.size(module.store) == PAGES
