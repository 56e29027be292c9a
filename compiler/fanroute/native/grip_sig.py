"""Writes the functions that check a Grip-Sig in the form in which Fanout sends it. Python decides about every other form.

The form is a JWT (RFC 7515, 7.1) with a header of TOKEN_ALGORITHMS and these claims: `{"exp":1700003600,"iss":"fastly:SU1Z"}`.
Pushpin writes it so: its header and its claims come from serde_json, which sorts the claims
(https://github.com/fastly/pushpin, src/core/jwt.rs).
"""

from fanroute.native.assembler import I32, I64, Function, Memory, Program, Value, constant, load_byte, result_of
from fanroute.native.base64url import MALFORMED, write_decode
from fanroute.native.comb import TABLE_SIZE, TABLES
from fanroute.native.sha256 import DIGEST, Hashing
from fanroute_runtime.jose.hs256 import MIN_KEY
from fanroute_runtime.jose.limbs import ALGORITHMS, INVALID, TOKEN_ALGORITHMS, TOKEN_HEADER, VALID

# The claims before and after the time, of which the caller knows the second. The time has digits only, and fits an i64.
_CLAIMS, _MAX_DIGITS = b'{"exp":', 18
# The size of an HS256 signature, encoded. One of ES256 is twice as long, encoded or not.
_SIGNATURE = 43
# The longest token in this form, in bytes. It is far below what Python accepts.
MAX_TOKEN = 1024
# The longest secret, in bytes: no store has a longer one.
_MAX_SECRET = 1 << 16


def write_grip_sig(program: Program, memory: Memory, hashing: Hashing, verify: Function) -> Function:
    """Writes the functions of the interface `grip-sig`, and returns `verify-token`. `verify` is that of the interface `p256`."""
    differences, signature = _write_differences(program), memory.reserve(2 * DIGEST)
    expiry = _write_expiry(program, memory, write_decode(program, memory), differences, signature)
    is_signed = _write_is_signed(program, memory, hashing, differences, signature, verify)
    function = program.function("verify-token", [I32] * 7, [I64])
    token, size, algorithm, end, end_size, key, key_size = map(function.parameter, range(7))
    time = function.local(result_of(expiry, token, size, algorithm, end, end_size))
    with function.when(time.is_zero()):
        function.give(constant(INVALID, I64))
    signed_size = size - 1 - (constant(_SIGNATURE) << algorithm)
    result = function.local(result_of(is_signed, token, signed_size, algorithm, key, key_size))
    with function.when(result ^ VALID):
        function.give(result.widened())
    function.give(time)
    return function


def _write_expiry(program: Program, memory: Memory, decode: Function, differences: Function, signature: int) -> Function:
    """Writes the function `expiry` of the interface, which also decodes the signature."""
    headers, begin = memory.place(b"".join(TOKEN_ALGORITHMS)), memory.place(_CLAIMS)
    claims = memory.reserve(MAX_TOKEN)
    function = program.function("expiry", [I32] * 5, [I64])
    token, size, algorithm, end, end_size = map(function.parameter, range(5))

    def require(condition: Value) -> None:
        with function.when(condition.is_zero()):
            function.give(constant(0, I64))

    require((size.exceeds(MAX_TOKEN) | end_size.exceeds(MAX_TOKEN) | algorithm.exceeds(len(ALGORITHMS) - 1)).is_zero())
    signature_size = function.local(constant(_SIGNATURE) << algorithm)
    dot = function.local(token + size - signature_size - 1)
    claims_size = function.local(dot - token - TOKEN_HEADER)
    require(constant(0).is_below(claims_size))
    require(result_of(differences, token, algorithm * TOKEN_HEADER + headers, TOKEN_HEADER).is_zero())
    require((load_byte(dot) ^ ord(".")).is_zero())
    require(result_of(decode, signature, dot + 1, signature_size) ^ MALFORMED)
    function.set(claims_size, result_of(decode, claims, token + TOKEN_HEADER, claims_size))
    digits = function.local(claims_size - end_size - len(_CLAIMS))
    require((digits - 1).exceeds(_MAX_DIGITS - 1).is_zero())
    require(result_of(differences, begin, claims, len(_CLAIMS)).is_zero())
    at = function.local(constant(claims + len(_CLAIMS)))
    require(result_of(differences, end, at + digits, end_size).is_zero())
    time, digit = function.local(constant(0, I64)), function.local(constant(0))
    with function.count_down(digits):
        function.set(digit, load_byte(at) - ord("0"))
        require(digit.exceeds(9).is_zero())
        function.set(time, time * 10 + digit.widened())
        # A number does not begin with a 0. Python decides about the number 0, too.
        require(time.is_zero().is_zero())
        function.set(at, at + 1)
    function.give(time)
    return function


def _write_is_signed(
    program: Program, memory: Memory, hashing: Hashing, differences: Function, signature: int, verify: Function
) -> Function:
    """Writes a function that returns what is said of the decoded signature: INVALID, VALID or MET.

    It takes the address and the size of what is signed, the algorithm, and the address and the size of the key.
    """
    digest = memory.reserve(DIGEST)
    function = program.function("is signed", [I32] * 5, [I32])
    signed, size, algorithm, key, key_size = map(function.parameter, range(5))
    with function.when(algorithm):
        with function.when(key_size ^ TABLES * TABLE_SIZE):
            function.give(INVALID)
        function.call(hashing.digest, digest, signed, size)
        function.give(result_of(verify, key, signature, digest))
    with function.when((key_size - MIN_KEY).exceeds(_MAX_SECRET - MIN_KEY)):
        function.give(INVALID)
    function.call(hashing.hmac, digest, key, key_size, signed, size)
    function.give(result_of(differences, digest, signature, DIGEST).is_zero())
    return function


def _write_differences(program: Program) -> Function:
    """Writes a function that returns 0 if some bytes are equal. It takes two addresses and a size.

    How long it takes depends on the size only.
    """
    function = program.function("differences", [I32] * 3, [I32])
    one, other, size = map(function.parameter, range(3))
    found = function.local(constant(0))
    with function.when(size), function.count_down(size) as index:
        function.set(found, found | load_byte(one + index) ^ load_byte(other + index))
    function.give(found)
    return function
