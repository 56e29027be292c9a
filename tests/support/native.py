"""Runs the native module that verifies P-256 and Fanout's tokens, outside a component."""

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import wasmtime

from fanroute.native.p256 import write_p256_module
from fanroute_runtime.jose import keys, native
from fanroute_runtime.jose.limbs import ALGORITHMS, INVALID, LIMB_BITS, LIMBS, TABLE_SIZE
from fanroute_runtime.jose.native import DIGEST_SIZE, SIGNATURE_SIZE
from fanroute_runtime.plan import Algorithm

# Where the module's own memory and what the tests write begin, and the size of all, in pages.
BASE, WRITTEN, PAGES = 1 << 16, 2 << 16, 4


@cache
def compiled() -> tuple[wasmtime.Engine, wasmtime.Module]:
    engine = wasmtime.Engine()
    return engine, wasmtime.Module(engine, write_p256_module(BASE)[0])


class NativeModule:
    """Represents an instance of the module, with a memory of a fixed size. `results` counts those of `verify`."""

    def __init__(self) -> None:
        engine, module = compiled()
        self.store = wasmtime.Store(engine)
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(PAGES, PAGES)))
        instance = wasmtime.Instance(self.store, module, [self.memory])
        self._exports = instance.exports(self.store)
        self.results = Counter[int]()

    def call(self, name: str, *arguments: int) -> Any:
        """Calls a function, also one that is not part of the interface."""
        function: Any = self._exports[name]
        return function(self.store, *arguments)

    def write(self, content: bytes) -> int:
        """Writes bytes to the memory, and returns their address."""
        self.memory.write(self.store, content, WRITTEN)
        return WRITTEN

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.memory.read(self.store, address, address + size))

    def verify(self, table: bytes, signature: bytes, digest: bytes) -> int:
        """Does what `fanroute_runtime.jose.native.verify` does in a component."""
        if tuple(map(len, (table, signature, digest))) != (TABLE_SIZE, SIGNATURE_SIZE, DIGEST_SIZE):
            return INVALID
        start = self.write(table + signature + digest)
        result: int = self.call("verify", start, start + TABLE_SIZE, start + TABLE_SIZE + SIGNATURE_SIZE)
        self.results[result] += 1
        return result

    def expiry(self, token: bytes, algorithm: Algorithm, end: bytes) -> int:
        """Does what `fanroute_runtime.jose.native.expiry` does in a component."""
        start = self.write(token + end)
        result: int = self.call("expiry", start, len(token), ALGORITHMS[algorithm], start + len(token), len(end))
        return result

    def verify_token(self, token: bytes, algorithm: Algorithm, end: bytes, key: bytes) -> int:
        """Does what `fanroute_runtime.jose.native.verify_token` does in a component."""
        start = self.write(token + end + key)
        end_at, key_at = start + len(token), start + len(token) + len(end)
        numbers = start, len(token), ALGORITHMS[algorithm], end_at, len(end), key_at, len(key)
        result: int = self.call("verify-token", *numbers)
        return result

    def make_table(self, point: bytes) -> bytes:
        """Does what `fanroute_runtime.jose.native.make_table` does in a component."""
        table = self.write(bytes(TABLE_SIZE) + point)
        self.call("make-table", table, table + TABLE_SIZE)
        return self.read(table, TABLE_SIZE)


@contextmanager
def linked(module: NativeModule | None = None) -> Iterator[NativeModule]:
    """Makes `fanroute_runtime` verify as in a component that the module is linked into."""
    module = module or NativeModule()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(native, "LINKED", True)
        for name in ("make_table", "verify", "expiry", "verify_token"):
            patched.setattr(native, name, getattr(module, name))
        # Verifiers that Python made have no tables for the module.
        patched.setattr(keys, "BUILD_VERIFIER_MAKERS", keys.VERIFIER_MAKERS)
        yield module


def numbers(packed: bytes) -> list[int]:
    """Returns the numbers that some limbs stand for. The limbs may be negative."""
    words = struct.unpack(f"<{len(packed) // 4}i", packed)
    starts = range(0, len(words), LIMBS)
    return [sum(words[start + index] << LIMB_BITS * index for index in range(LIMBS)) for start in starts]
