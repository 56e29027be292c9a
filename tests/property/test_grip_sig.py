"""Compares the native check of a Grip-Sig with Python's: on tokens as Fanout writes them, and on such tokens after mutations.

Python's check is the reference, with verification in Python, too. Both decide about each token.
"""

import base64
import hmac
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import settings

from fanroute.native.grip_sig import MAX_TOKEN
from fanroute.plan.request import RequestData
from fanroute_runtime.grip import signature
from fanroute_runtime.grip.signature import LEEWAY, Signatures
from fanroute_runtime.jose.p256 import N
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import GripSig, Key, StoreEntry
from tests.support.counts import COUNTS
from tests.support.native import linked
from tests.support.tokens import public

# How many tokens are compared for each example that hypothesis would generate, in `make test` and in `make fuzz`.
FACTOR, FUZZ_FACTOR = 100, 500
NOW = 1_700_000_000
SERVICES = ["SU1Z0isxPaozGVKXdv0eY", LOCAL_SERVICE]
# `FASTLY` stands in for Fastly's key, whose private key is not ours. The others are keys of proxies. With the generator as a key,
# equal points can be made to meet.
GENERATOR, FASTLY, KNOWN, LATE, ROTATED = (ec.derive_private_key(number, ec.SECP256R1()) for number in (1, 7, 8, 9, 10))
# Secrets by their length. Python refuses the shorter ones.
SECRETS = {length: bytes(random.Random(length).choices(range(256), k=length)) for length in (0, 31, 32, 33, 63, 64, 65, 1000)}
LOCAL_SECRET = "the secret with which local edges sign"
# Issuers whose JSON is not their text, or that no proxy has.
ODD = ['a"b', "a\\b", "a\tb", "café", "日本", "a/b", " ", "\x7f", "{[" * 20, "x" * 800]


def from_store(length: int) -> StoreEntry:
    return StoreEntry("secret", "keys", str(length))


# The keys of services: of proxies, and with secrets of each length, and for odd issuers.
PLANS: dict[str, tuple[Key, ...]] = {
    "proxies": (
        Key("ES256", public(KNOWN), issuer="known"),
        Key("ES256", public(GENERATOR), issuer="generator"),
        Key("ES256", StoreEntry("config", "keys", "late"), issuer="late"),
        Key("ES256", StoreEntry("config", "keys", "nowhere"), issuer="nowhere"),
        # A key that was replaced by another one, and one of another algorithm: the token's signature says which it is.
        *[Key("ES256", public(key), issuer="rotated") for key in (ROTATED, KNOWN)],
        Key("HS256", from_store(64), issuer="rotated"),
    ),
    "secrets": tuple(Key("HS256", from_store(length), issuer=f"secret-{length}") for length in SECRETS),
    "odd issuers": tuple(Key("HS256", from_store(32), issuer=issuer) for issuer in ODD),
}
STORES: dict[str, Any] = {
    "configs": {"keys": {"late": public(LATE).decode()}, LOCAL_STORE: {"grip_sig_key": LOCAL_SECRET}},
    "secrets": {"keys": {str(length): secret for length, secret in SECRETS.items()}},
}
SigningKey = ec.EllipticCurvePrivateKey | bytes
# Issuers, and the keys that sign for them: those of all services, and those of the plans.
OWN: list[tuple[str, SigningKey]] = [*[(f"fastly:{service}", FASTLY) for service in SERVICES], ("viceroy", LOCAL_SECRET.encode())]
SIGNERS: dict[str, list[tuple[str, SigningKey]]] = {
    "proxies": [
        *[
            ("known", KNOWN),
            ("late", LATE),
            ("nowhere", LATE),
            ("rotated", ROTATED),
            ("rotated", KNOWN),
            ("rotated", SECRETS[64]),
        ],
        *OWN * 3,
    ],
    "secrets": [*[(f"secret-{length}", secret) for length, secret in SECRETS.items()], *OWN],
    "odd issuers": [*[(issuer, SECRETS[32]) for issuer in ODD], *OWN],
}
ALGORITHMS = [b"HS256", b"ES256"]
# What the reference says fits exactly the tokens of this form.
FORM = re.compile(rb'\{"exp":([1-9][0-9]{0,17}),"iss":("(?:[^"\\]|\\.)*")\}', re.DOTALL)


class Sample(NamedTuple):
    """Represents a token, and the service and the time at which it arrives."""

    token: bytes
    service: str = SERVICES[0]
    now: int = NOW


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def signed(key: SigningKey, header: bytes, claims: bytes) -> bytes:
    text = encoded(header) + b"." + encoded(claims)
    return text + b"." + encoded(sign(key, text))


@lru_cache(1000)
def sign(key: SigningKey, text: bytes) -> bytes:
    if isinstance(key, bytes):
        return hmac.digest(key, text, "sha256")
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def header_of(key: SigningKey) -> bytes:
    return b'{"typ":"JWT","alg":"%b"}' % ALGORITHMS[not isinstance(key, bytes)]


def claims_of(issuer: str, expiry: int) -> bytes:
    return b'{"exp":%d,"iss":%b}' % (expiry, json.dumps(issuer, ensure_ascii=False).encode())


def valid(chance: random.Random, plan: str) -> tuple[SigningKey, bytes, bytes]:
    """Returns the key, the header and the claims of a token as Fanout writes them."""
    issuer, key = chance.choice(SIGNERS[plan])
    expiry = NOW - LEEWAY + chance.choice([-1, 0, 1, 2, LEEWAY, 3600, 3600, 3600, 3600])
    return key, header_of(key), claims_of(issuer, expiry)


def resigned(chance: random.Random, plan: str) -> bytes:
    """Returns a token with another header or other claims, whose signature is that of its key."""
    key, header, claims = valid(chance, plan)
    other_key, _, other_claims = valid(chance, plan)
    expiry = int(claims[7:17])
    issuer = json.loads(claims)["iss"]
    number = chance.choice(NUMBERS) % {b"t": expiry}
    change: Callable[[], tuple[SigningKey, bytes, bytes]] = chance.choice(
        [
            lambda: (key, header, claims.replace(b"%d" % expiry, number)),
            lambda: (key, header, json.dumps({"exp": expiry, "iss": issuer} | chance.choice(EXTRA)).encode()),
            lambda: (key, header, json.dumps({"iss": issuer, "exp": expiry}, separators=(",", ":")).encode()),
            lambda: (key, header, claims_of(chance.choice([issuer[:-1], issuer + "x", issuer.upper(), ""]), expiry)),
            lambda: (key, header, json.dumps({"exp": expiry, "iss": chance.choice([[issuer], None, 1, {}])}).encode()),
            lambda: (key, header, claims.replace(b'"iss":"', b'"iss":"\\u%04x' % ord(issuer[0]) if issuer else b"")),
            lambda: (key, header, changed(chance, claims)),
            lambda: (key, chance.choice(HEADERS) % {b"alg": header[20:25]}, claims),
            lambda: (key, changed(chance, header), claims),
            lambda: (key, header_of(other_key), claims),
            lambda: (other_key, header_of(other_key), claims),
            lambda: (key, header, other_claims),
        ]
    )
    return signed(*change())


# Other ways to write the time, and other numbers.
NUMBERS = [
    *[
        b"%(t)d.0",
        b"%(t)d.5",
        b"%(t)de0",
        b"%(t)dE1",
        b"0%(t)d",
        b"-%(t)d",
        b"+%(t)d",
        b" %(t)d",
        b"%(t)d ",
        b'"%(t)d"',
        b"[%(t)d]",
    ],
    *[b"1e9", b"1E+10", b"01", b"0", b"-0", b"1", b"2", b"9" * 17, b"9" * 18, b"9" * 19, b"1" + b"0" * 18, b"9" * 400, b"1e400"],
    *[b"null", b"true", b"NaN", b"Infinity", b"", b"0x10", b"1_0", b"%(t)d,%(t)d", b'%(t)d,"exp":%(t)d', b'%(t)d,"iss":"known"'],
    *[b"18446744073709551616%(t)d", b"%(t)d\x00", b"\xd9\xa1", b"%(t)d/**/", b"%(t)d\n"],
]
EXTRA: list[dict[str, Any]] = [{}, {"nbf": NOW}, {"nbf": NOW + 60}, {"aud": "x"}, {"exp": str(NOW)}, {"Exp": 1}, {"iat": NOW}]
HEADERS = [
    *[
        b'{"alg":"%(alg)b","typ":"JWT"}',
        b'{"alg":"%(alg)b"}',
        b'{"typ":"JWT", "alg":"%(alg)b"}',
        b'{"typ":"jwt","alg":"%(alg)b"}',
    ],
    *[b'{"typ":"JWT","alg":"%(alg)b","kid":"1"}', b'{"typ":"JWT","alg":"%(alg)b","crit":[]}', b'{"typ":"JWT","alg":"none"}'],
    *[
        b'{"typ":"JWT","alg":"RS256"}',
        b'{"typ":"JWT","alg":"%(alg)b"}\n',
        b'{"typ":"JWT","alg":"%(alg)b","alg":"%(alg)b"}',
        b"{}",
    ],
]


def changed(chance: random.Random, text: bytes) -> bytes:
    """Returns a text with some bytes changed, inserted, deleted, doubled or exchanged, or with its end cut off."""
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        at, to = sorted(chance.choices(range(len(text) + 1), k=2))
        byte = chance.choice(BYTES)
        text = chance.choice(
            [
                text[:at] + byte + text[at + 1 :],
                text[:at] + byte + text[at:],
                text[:at] + text[at + 1 :],
                text[:at] + bytes(each ^ 1 << chance.randrange(8) for each in text[at : at + 1]) + text[at + 1 :],
                text[:at] + text[at:to] + text[at:],
                text[:at] + text[to:],
                text[:at],
                text[to:] + text[:to],
            ]
        )
    return text


BYTES = [*(b"%c" % byte for byte in b"\0 .=+-/_AZaz09,;\"'{}[]:\\\n\x7f"), b"\xff", b"\xc3\xa9", b".e30", b"AAAA"]


def tampered(chance: random.Random, plan: str) -> bytes:
    """Returns a token with another signature, or in another spelling."""
    key, header, claims = valid(chance, plan)
    token = signed(key, header, claims)
    text, _, last = token.rpartition(b".")
    raw = decoded(last)
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    numbers = [chance.choice([0, 1, N - 1, N, N + 1, 2**256 - 1, r, s]) for _ in range(2)]
    other, _, _ = valid(chance, plan)
    change: Callable[[], bytes] = chance.choice(
        [
            lambda: changed(chance, token),
            lambda: text + b"." + encoded(changed(chance, raw)),
            lambda: text + chance.choice(BYTES) + last,
            lambda: text + b"." + encoded(sign(other, text)),
            lambda: text + b"." + encoded(r.to_bytes(32) + ((N - s) % N).to_bytes(32)),
            lambda: text + b"." + encoded(b"".join(number.to_bytes(32) for number in numbers)),
            lambda: meeting(claims_of("generator", NOW)),
            lambda: text + b"." + encoded(raw[: chance.randrange(len(raw))]),
            lambda: text + b"." + encoded(raw + raw[: chance.randrange(1, 4)]),
            # The last character has bits that stand for nothing.
            lambda: token[:-1] + b"%c" % chance.choice(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            lambda: token + chance.choice([b"=", b"==", b"A", b".", b" ", b"\n", b"\0", b".e30"]),
            lambda: chance.choice([b" ", b"\t", b"Bearer "]) + token,
            lambda: token.translate(bytes.maketrans(b"-_", b"+/")),
            lambda: chance.choice([b"", b".", b"..", token[: len(header)], token * 8]),
        ]
    )
    return change()


def meeting(claims: bytes) -> bytes:
    """Returns a token for which the scalars of the generator and of the key are 1, because r and s are the digest."""
    text = encoded(header_of(GENERATOR)) + b"." + encoded(claims)
    return text + b"." + encoded(sha256(text).digest() * 2)


def samples(chance: random.Random, plan: str) -> Iterator[Sample]:
    """Yields valid tokens and mutations of them, at times around their end."""
    while True:
        key, header, claims = valid(chance, plan)
        token = signed(key, header, claims)
        service = SERVICES[chance.random() < 0.4]
        yield Sample(token, service)
        expiry = int(claims[7:17])
        yield Sample(token, service, expiry + LEEWAY - chance.choice([0, 1, 2]))
        yield Sample(token, service, chance.choice([0, 1, 31, 32, 33, expiry, 2**62]))
        for _ in range(4):
            yield Sample(resigned(chance, plan), service)
            yield Sample(tampered(chance, plan), service, chance.choice([NOW, NOW, NOW, 1]))


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def checks(plan: str) -> Iterator[tuple[Signatures, Signatures]]:
    """Makes the reference, in which Python verifies, and one with the native module."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signature, "FASTLY_KEY", Key("ES256", public(FASTLY)))
        reference = Signatures(GripSig(keys=PLANS[plan]))
        # Keys in stores are read now, as long as there is no native module.
        for issuer, key in SIGNERS[plan]:
            outcome(reference.identify_sender, Sample(signed(key, header_of(key), claims_of(issuer, NOW)), LOCAL_SERVICE))
        patched.setattr(reference, "_verify_natively", lambda token, request: None)
        with linked():
            yield reference, Signatures(GripSig(keys=PLANS[plan]))


def outcome(decide: Callable[[RequestData], str | None], sample: Sample) -> str | int | None:
    """Returns the sender, or the status of the refusal."""
    request = RequestData("GET", "https://a/", (("grip-sig", sample.token),), time=sample.now, service=sample.service, **STORES)
    try:
        return decide(request)
    except Refused as refused:
        return refused.status


def has_form(token: bytes) -> bool:
    """Returns True if a token that Python accepts has the form that Fanout sends."""
    header, claims, _ = map(decoded, token.split(b"."))
    found = FORM.fullmatch(claims)
    return (
        len(token) <= MAX_TOKEN
        and header in [header_of(key) for key in (b"", KNOWN)]
        and found is not None
        # Fanout escapes nothing that it does not have to.
        and found[2] == json.dumps(json.loads(found[2]), ensure_ascii=False).encode()
    )


def test_it_says_what_python_says(plan: str, checks: tuple[Signatures, Signatures], monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts exactly the tokens of Fanout's form that Python accepts, and with the same sender.

    The tokens are always the same ones, except with `make fuzz`.
    """
    reference, natively = checks
    profile = settings()
    chance = random.Random(1 if profile.derandomize else None)
    count = profile.max_examples * (FACTOR if profile.derandomize else FUZZ_FACTOR) // len(PLANS)
    accepted: list[str | None] = []
    verify_natively = natively._verify_natively

    def recorded(token: bytes, request: Request) -> Any:
        accepted.append(None)
        accepted[-1] = verify_natively(token, request)
        return accepted[-1]

    monkeypatch.setattr(natively, "_verify_natively", recorded)
    others = 0
    for sample in islice(samples(chance, plan), count):
        COUNTS["Grip-Sigs, checked natively"] += 1
        expected = outcome(reference.identify_sender, sample)
        assert outcome(natively.identify_sender, sample) == expected, sample
        is_accepted = isinstance(expected, str)
        assert accepted[-1] == (expected if is_accepted and has_form(sample.token) else None), sample
        others += is_accepted and accepted[-1] is None
    assert 0.1 < sum(map(bool, accepted)) / count < 0.5
    assert others > count / 100, "Python decides about other forms"
