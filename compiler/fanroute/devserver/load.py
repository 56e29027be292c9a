"""Compiles a component for the embedded edge, and caches the machine code."""

from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import wasmtime
from wasmtime.component import Component

from fanroute.project.cache import Cache
from fanroute.project.folder import MAX_COMPONENT, read

# The engine's settings, which are part of the key in the cache.
_SETTINGS = {"cranelift_opt_level": "speed"}
_COMPILER = sha256(f"wasmtime {version('wasmtime')} {_SETTINGS}".encode()).hexdigest()[:16]


def load_component(wasm: Path, cache: Cache) -> tuple[wasmtime.Engine, Component]:
    """Compiles a component, or takes its machine code from the cache.

    The cache must be one that only this user can write to: wasmtime trusts machine code, so whoever writes it can do whatever
    this process can.
    """
    config = wasmtime.Config()
    for name, value in _SETTINGS.items():
        setattr(config, name, value)
    engine, content = wasmtime.Engine(config), read(wasm, MAX_COMPONENT)
    key = f"{sha256(content).hexdigest()}-{_COMPILER}"
    compiled = cache.get("compiled", key)
    if compiled is not None:
        with suppress(wasmtime.WasmtimeError):  # compiled for another processor
            return engine, Component.deserialize(engine, compiled)
    component = Component(engine, content)
    cache.put("compiled", key, bytes(component.serialize()))
    return engine, component
