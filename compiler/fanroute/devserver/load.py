"""Compiles a component for the embedded edge, and caches the machine code."""

from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import wasmtime
from wasmtime.component import Component

from fanroute.host.component import compile_quickly, quick_engine
from fanroute.project.cache import Cache
from fanroute.project.folder import MAX_COMPONENT, read

# What the machine code depends on besides the component. It is part of the key in the cache.
_COMPILER = f"wasmtime-{version('wasmtime')}-winch"


def load_component(wasm: Path, cache: Cache) -> tuple[wasmtime.Engine, Component]:
    """Compiles a component, or takes its machine code from the cache.

    The cache must be one that only this user can write to: wasmtime trusts machine code, so whoever writes it can do whatever
    this process can.
    """
    content = read(wasm, MAX_COMPONENT)
    key = f"{sha256(content).hexdigest()}-{_COMPILER}"
    compiled = cache.get("compiled", key)
    if compiled is not None:
        with suppress(wasmtime.WasmtimeError):  # compiled for another processor
            engine = quick_engine()
            return engine, Component.deserialize(engine, compiled)
    engine, component = compile_quickly(content)
    cache.put("compiled", key, bytes(component.serialize()))
    return engine, component
