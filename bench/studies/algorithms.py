"""Measures each algorithm for clients' tokens inside a component. docs/algorithms.md has the results.

    .venv/bin/python -m bench.studies.algorithms

All keys are late, as keys of stores are: `load and first check` makes what a key needs, such as tables, and checks once. ES256 is
verified in Python here, as in a component that is not flattened. All times are CPU time, while instructions are counted.
"""

import jwt
import wasmtime
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wasmtime.component import Component

from bench.studies.es256 import FUEL, Sandbox, build, print_row

RSA = rsa.generate_private_key(65537, 2048)
RSA_4096 = rsa.generate_private_key(65537, 4096)
SECRET = b"a secret of the benchmark, which has to have sixty-four bytes or more"
# The signer of each row, and the module that verifies. Rows of one algorithm have different keys.
ROWS = {
    "HS256": ("HS256", SECRET, "hs256.verifier"),
    "HS384": ("HS384", SECRET, 'hs512.VERIFIER_MAKERS["HS384"]'),
    "HS512": ("HS512", SECRET, 'hs512.VERIFIER_MAKERS["HS512"]'),
    "RS256, 2048 bits": ("RS256", RSA, "rs256.verifier"),
    "RS256, 4096 bits": ("RS256", RSA_4096, "rs256.verifier"),
    "PS256, 2048 bits": ("PS256", RSA, "ps256.verifier"),
    "PS256, 4096 bits": ("PS256", RSA_4096, "ps256.verifier"),
    "ES256, in Python": ("ES256", ec.generate_private_key(ec.SECP256R1()), 'es256.__dict__["verifier"]'),
    "EdDSA": ("EdDSA", Ed25519PrivateKey.generate(), "ed25519.verifier.__wrapped__"),
    "ES384": ("ES384", ec.generate_private_key(ec.SECP384R1()), "es384.verifier.__wrapped__"),
}
SETUP = """
from fanroute_runtime.jose import ed25519, es256, es384, hs256, hs512, ps256, rs256
CALLS = {}
def add(name, make, key, signed, signature):
    verify = make(key)
    assert verify(signed, signature) and not verify(signed + b"x", signature)
    CALLS[name] = lambda: verify(signed, signature)
    CALLS[name + " load"] = lambda: make(key)(signed, signature)
"""


def setup(name: str) -> str:
    """Returns the source that adds a row's calls."""
    algorithm, key, maker = ROWS[name]
    material = key if isinstance(key, bytes) else key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed, _, signature = jwt.encode({"exp": 1, "iss": "https://login.example.com"}, key, algorithm).rpartition(".")
    return f"add({name!r}, {maker}, {material!r}, {signed.encode()!r}, {jwt.utils.base64url_decode(signature)!r})\n"


def main() -> None:
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    # The tables of ES256 are as large as in a component.
    component = Component(engine, build((24, 11, 12), SETUP + "".join(map(setup, ROWS))))
    sandbox = Sandbox(engine, component, FUEL)
    nothing = sandbox.fuel("nothing")
    print_row("", "fuel", "warm", "fuel of load and first check", "load and first check")
    print_row(*["---"] * 5)
    for name in ROWS:
        cells = []
        for call, count in ((name, 10), (f"{name} load", 1)):
            cells.append(f"{sandbox.fuel(call) - nothing:,}")
            cells.append(f"{min(sandbox.seconds(call, count) for _ in range(3)) * 1000:.3f} ms")
        print_row(name, *cells)


if __name__ == "__main__":
    main()
