"""Compares the verifiers inside a component with the same verifiers in this process, with and without the native module."""

import shutil
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import jwt
import pytest
import wasmtime
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from wasmtime.component import Component, Linker

from fanroute.bundle import toolchain
from fanroute.native.p256 import GRIP_SIG_INTERFACE, P256, P256_INTERFACE
from fanroute.project import processes
from fanroute.project.package_files import runtime_sources, wit_folder
from fanroute.wasm.binary import Reader
from fanroute.wasm.component import import_names
from fanroute.wasm.flatten import flatten
from fanroute.wasm.flatten.linking import read_core_definitions
from fanroute.wasm.flatten.module import read_module
from fanroute_runtime.jose.keys import make_verifier
from fanroute_runtime.plan import Algorithm
from tests.conftest import REPOSITORY
from tests.support.builds import made_once
from tests.support.tokens import public
from tests.vectors import groups

WIT = """\
package fanroute:test;
world test {
  export load: func(algorithm: string, material: list<u8>, at-build: bool) -> option<string>;
  export verify: func(signed: list<u8>, signature: list<u8>) -> bool;
  export repeat: func(times: u32, signed: list<u8>, signature: list<u8>) -> bool;
  export repeat-token: func(times: u32, token: list<u8>, algorithm: string, claims-end: list<u8>, secret: list<u8>) -> u64;
}
world test-with-p256 {
  include test;
  import fanroute:native/p256@0.1.0;
  import fanroute:native/grip-sig@0.1.0;
}
"""
# The part of the product's WIT that has the native module's interface.
INTERFACE = "package fanroute:native" + (wit_folder() / "edge.wit").read_text().partition("package fanroute:native")[2]
APP = """\
import wit_world

from fanroute_runtime.jose import ed25519, es256, es384, hs256, hs512, native, ps256, rs256

VERIFIERS = {"ES256": es256.verifier, "HS256": hs256.verifier, "RS256": rs256.verifier}
for module in (ed25519, es384, hs512, ps256):
    VERIFIERS |= module.VERIFIER_MAKERS
loaded = []


class WitWorld(wit_world.WitWorld):
    def load(self, algorithm, material, at_build):
        try:
            loaded[:] = [es256.verifier(material, True) if at_build else VERIFIERS[algorithm](material)]
        except ValueError as error:
            return str(error)

    def verify(self, signed, signature):
        return loaded[0](signed, signature)

    def repeat(self, times, signed, signature):
        return all(loaded[0](signed, signature) for _ in range(times))

    def repeat_token(self, times, token, algorithm, claims_end, secret):
        key = secret or loaded[0].args[0]
        return min(native.verify_token(token, algorithm, claims_end, key) for _ in range(times))
"""
ENGINE = wasmtime.Engine()
# How often a signature is verified to find out whether memory grows, by the way to verify.
TIMES = {"in Python": 500, "linked": 100_000}


class Verifiers:
    """Runs the component with one verifier at a time. Its memory cannot grow by more than `growth` bytes."""

    def __init__(self, wasm: Path, growth: int = 1 << 24) -> None:
        component = compiled(wasm)
        self._store = wasmtime.Store(ENGINE)
        self._store.set_limits(memory_size=memory_size(wasm.read_bytes()) + growth)
        self._instance = Linker(ENGINE).instantiate(self._store, component)

    def load(self, algorithm: str, material: bytes, at_build: bool = False) -> str | None:
        """Returns why the key cannot be used, or None if it can."""
        reason: str | None = self._call("load", algorithm, material, at_build)
        return reason

    def verify(self, signed: bytes, signature: bytes) -> bool:
        return bool(self._call("verify", signed, signature))

    def repeat(self, times: int, signed: bytes, signature: bytes) -> bool:
        """Verifies a signature several times."""
        return bool(self._call("repeat", times, signed, signature))

    def repeat_token(self, times: int, token: bytes, algorithm: str, claims_end: bytes, secret: bytes) -> int:
        """Verifies a token several times natively, with a secret or with the key that was loaded. Returns the lowest result."""
        result: int = self._call("repeat-token", times, token, algorithm, claims_end, secret)
        return result

    def _call(self, name: str, *arguments: Any) -> Any:
        function = self._instance.get_func(self._store, name)
        assert function is not None
        result = function(self._store, *arguments)
        function.post_return(self._store)
        return result


@cache
def compiled(wasm: Path) -> Component:
    return Component.from_file(ENGINE, wasm)


def memory_size(component: bytes) -> int:
    """Returns the initial size of a component's memory, in bytes."""
    modules = [read_module(module) for module in read_core_definitions(component).modules]
    (memory,) = (Reader(memory[1:]) for module in modules for memory in module.memories)
    return memory.u32() << 16


def run(program: str, *arguments: str | Path, **environment: str) -> None:
    processes.run([toolchain.installed_program(program), *arguments], environment)


@pytest.fixture(scope="module", params=["in Python", "linked"])
def wasm(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Builds the component: as componentize-py makes it, or with the native module."""
    folder = tmp_path_factory.mktemp("signatures")
    made = folder / f"{request.param}.wasm"
    make = partial(build, folder, linked=request.param == "linked")
    key = toolchain.build_key({request.param: APP, **runtime_sources()}, {"wit": WIT + INTERFACE}, flattened=True)
    made.write_bytes(made_once(folder, key, make))
    return made


def build(folder: Path, linked: bool) -> bytes:
    app, wit, made = folder / "app", folder / "test.wit", folder / "made.wasm"
    shutil.copytree(REPOSITORY / "runtime" / "fanroute_runtime", app / "fanroute_runtime")
    (app / "app.py").write_text(APP)
    wit.write_text(WIT + INTERFACE)
    arguments = ["componentize", "--stub-wasi", "-p", app, "app", "-o", made]
    run(toolchain.COMPONENTIZE, "-q", "-d", wit, "-w", "test-with-p256" if linked else "test", *arguments, VIRTUAL_ENV=str(app))
    if linked:
        made.write_bytes(flatten(made.read_bytes(), ["exports#init"], [P256]))
        run(toolchain.WASM_TOOLS, "component", "embed", wit, "-w", "test", made, "-o", made)
        run(toolchain.WASM_TOOLS, "component", "new", made, "-o", made)
        assert not {P256_INTERFACE, GRIP_SIG_INTERFACE} & set(import_names(made.read_bytes()))
    return made.read_bytes()


@pytest.fixture(scope="module")
def verifiers(wasm: Path) -> Verifiers:
    return Verifiers(wasm)


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("ES256", "ecdsa_secp256r1_sha256_p1363"),
        ("RS256", "rsa_signature_2048_sha256"),
        ("RS256", "rsa_signature_3072_sha256"),
        ("RS256", "rsa_signature_4096_sha256"),
        ("HS256", "hmac_sha256"),
        ("EdDSA", "ed25519"),
        ("ES384", "ecdsa_secp384r1_sha384_p1363"),
        ("PS256", "rsa_pss_2048_sha256_mgf1_32"),
        ("PS256", "rsa_pss_4096_sha256_mgf1_32"),
        ("HS384", "hmac_sha384"),
        ("HS512", "hmac_sha512"),
    ],
)
def test_wycheproof(verifiers: Verifiers, algorithm: Algorithm, name: str) -> None:
    """Each vector has the same result as in this process."""
    for key, vectors in groups(name):
        material = bytes.fromhex(key) if algorithm.startswith("HS") else key.encode()
        try:
            verify = make_verifier(algorithm, material)
        except ValueError as error:
            assert verifiers.load(algorithm, material) == str(error)
            continue
        assert verifiers.load(algorithm, material) is None
        for vector in vectors:
            assert verifiers.verify(vector.message, vector.signature) == verify(vector.message, vector.signature), vector


def test_tables_made_at_build(verifiers: Verifiers) -> None:
    """The first keys use a verifier that was made at build time."""
    for key, vectors in islice(groups("ecdsa_secp256r1_sha256_p1363"), 10):
        assert verifiers.load("ES256", key.encode(), at_build=True) is None
        for vector in vectors:
            assert verifiers.verify(vector.message, vector.signature) == (vector.result == "valid"), vector


def test_memory_does_not_grow(wasm: Path) -> None:
    """A sandbox needs no more memory for many signatures than for one."""
    key, vectors = next(iter(groups("ecdsa_secp256r1_sha256_p1363")))
    vector = next(vector for vector in vectors if vector.result == "valid")
    verifiers = Verifiers(wasm, growth=0)
    assert verifiers.load("ES256", key.encode()) is None
    assert verifiers.repeat(TIMES[wasm.stem], vector.message, vector.signature)
    assert not verifiers.repeat(1, vector.message, vector.signature[::-1])


def test_memory_does_not_grow_by_tokens(wasm: Path) -> None:
    """A sandbox needs no more memory for many Grip-Sigs than for one."""
    if wasm.stem != "linked":
        pytest.skip("Python checks them")
    key, secret = ec.derive_private_key(7, ec.SECP256R1()), bytes(range(64))
    verifiers = Verifiers(wasm, growth=0)
    assert verifiers.load("ES256", public(key)) is None
    for algorithm, signer, given_secret in (("ES256", key, b""), ("HS256", secret, secret)):
        token = jwt.encode({"exp": 4_102_444_800, "iss": "a"}, signer, algorithm, sort_headers=False).encode()
        assert verifiers.repeat_token(TIMES["linked"], token, algorithm, b',"iss":"a"}', given_secret) == 4_102_444_800
        assert verifiers.repeat_token(1, token[:-9] + b"A" + token[-8:], algorithm, b',"iss":"a"}', given_secret) == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_no_signature(verifiers: Verifiers, signature: bytes) -> None:
    key, _ = next(iter(groups("ecdsa_secp256r1_sha256_p1363")))
    assert verifiers.load("ES256", key.encode()) is None
    assert not verifiers.verify(b"message", signature)


def test_messages_for_which_memory_grows(verifiers: Verifiers) -> None:
    """Memory that is added later does not touch the tables and numbers of verification."""
    private = ec.derive_private_key(7, ec.SECP256R1())
    assert verifiers.load("ES256", public(private)) is None
    for message in (b"message", bytes(1 << 20), b"message", b""):
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
        assert verifiers.verify(message, r.to_bytes(32) + s.to_bytes(32))
        assert not verifiers.verify(b"x", r.to_bytes(32) + s.to_bytes(32))
