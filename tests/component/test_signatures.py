"""Compares the verifiers inside a component with the same verifiers in this process."""

import shutil
import sysconfig
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime.component import Component, Linker

from fanroute.bundle import toolchain
from fanroute.project import processes
from fanroute_runtime.jose import es256, hs256, rs256
from tests.conftest import REPOSITORY
from tests.vectors import groups

WIT = """\
package fanroute:test;
world test {
  export load: func(algorithm: string, material: list<u8>, at-build: bool) -> option<string>;
  export verify: func(signed: list<u8>, signature: list<u8>) -> bool;
}
"""
APP = """\
import wit_world

from fanroute_runtime.jose import es256, hs256, rs256

VERIFIERS = {"ES256": es256.verifier, "HS256": hs256.verifier, "RS256": rs256.verifier}
loaded = []


class WitWorld(wit_world.WitWorld):
    def load(self, algorithm, material, at_build):
        try:
            loaded[:] = [es256.verifier(material, True) if at_build else VERIFIERS[algorithm](material)]
        except ValueError as error:
            return str(error)

    def verify(self, signed, signature):
        return loaded[0](signed, signature)
"""
LOADERS: dict[str, Callable[[bytes], Callable[[bytes, bytes], bool]]]
LOADERS = {"ES256": es256.verifier, "HS256": hs256.verifier, "RS256": rs256.verifier}


class Verifiers:
    """Runs the component with one verifier at a time."""

    def __init__(self, wasm: Path) -> None:
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        self._instance = Linker(engine).instantiate(self._store, Component.from_file(engine, wasm))

    def load(self, algorithm: str, material: bytes, at_build: bool = False) -> str | None:
        """Returns why the key cannot be used, or None if it can."""
        reason: str | None = self._call("load", algorithm, material, at_build)
        return reason

    def verify(self, signed: bytes, signature: bytes) -> bool:
        return bool(self._call("verify", signed, signature))

    def _call(self, name: str, *arguments: Any) -> Any:
        function = self._instance.get_func(self._store, name)
        assert function is not None
        result = function(self._store, *arguments)
        function.post_return(self._store)
        return result


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    folder = tmp_path_factory.mktemp("signatures")
    app, wit, wasm = folder / "app", folder / "test.wit", folder / "test.wasm"
    shutil.copytree(REPOSITORY / "runtime" / "fanroute_runtime", app / "fanroute_runtime")
    (app / "app.py").write_text(APP)
    wit.write_text(WIT)
    program = Path(sysconfig.get_path("scripts")) / toolchain.COMPONENTIZE
    command = [program, "-q", "-d", wit, "-w", "test", "componentize", "--stub-wasi", "-p", app, "app", "-o", wasm]
    processes.run(command, {"VIRTUAL_ENV": str(app)})
    return Verifiers(wasm)


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("ES256", "ecdsa_secp256r1_sha256_p1363"),
        ("RS256", "rsa_signature_2048_sha256"),
        ("RS256", "rsa_signature_3072_sha256"),
        ("RS256", "rsa_signature_4096_sha256"),
        ("HS256", "hmac_sha256"),
    ],
)
def test_wycheproof(verifiers: Verifiers, algorithm: str, name: str) -> None:
    """Each vector has the same result as in this process."""
    for key, vectors in groups(name):
        material = bytes.fromhex(key) if algorithm == "HS256" else key.encode()
        try:
            verify = LOADERS[algorithm](material)
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
