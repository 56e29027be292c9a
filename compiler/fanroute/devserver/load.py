"""Compiles WebAssembly for this process, and caches the machine code."""

from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import wasmtime
from wasmtime.component import Component

from fanroute.host.component import Code, compile_quickly, quick_engine
from fanroute.project.cache import Cache
from fanroute.project.folder import MAX_COMPONENT, read

# What the machine code depends on besides the component. It is part of the key in the cache.
_COMPILER = f"wasmtime-{version('wasmtime')}-winch"
# The kind of files in the cache.
_KIND = "compiled"


def load_component(wasm: Path, cache: Cache) -> tuple[wasmtime.Engine, Component]:
    """Compiles a component, or takes its machine code from the cache, as `load` does."""
    return load(Component, read(wasm, MAX_COMPONENT), cache)


def load(kind: type[Code], content: bytes, cache: Cache) -> tuple[wasmtime.Engine, Code]:
    """Compiles a component or a core module, or takes its machine code from the cache.

    The cache must be one that only this user can write to: wasmtime trusts machine code, so whoever writes it can do whatever
    this process can.
    """
    key = f"{sha256(content).hexdigest()}-{_COMPILER}"
    compiled = cache.get(_KIND, key)
    if compiled is not None:
        with suppress(wasmtime.WasmtimeError):  # compiled for another processor
            engine = quick_engine()
            return engine, kind.deserialize(engine, compiled)
    engine, code = compile_quickly(content, kind)
    cache.put(_KIND, key, bytes(code.serialize()))
    return engine, code
