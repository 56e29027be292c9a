"""Compiles a component for the embedded edge, and keeps its compiled form."""

from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import wasmtime
from wasmtime.component import Component

from fanroute.project.cache import Cache
from fanroute.project.folder import MAX_COMPONENT, read

# How the engine compiles. It is a part of the name of what is compiled.
_SETTINGS = {"cranelift_opt_level": "speed"}
_COMPILER = sha256(f"wasmtime {version('wasmtime')} {_SETTINGS}".encode()).hexdigest()[:16]


def load(wasm: Path, cache: Cache) -> tuple[wasmtime.Engine, Component]:
    """Compiles a component, or takes its compiled form from the user's cache, which nobody else can write to.

    wasmtime trusts compiled code: whoever writes it runs code with the rights of whoever loads it.
    """
    config = wasmtime.Config()
    for name, value in _SETTINGS.items():
        setattr(config, name, value)
    engine, content = wasmtime.Engine(config), read(wasm, MAX_COMPONENT)
    name = f"{sha256(content).hexdigest()}-{_COMPILER}"
    compiled = cache.get("compiled", name)
    if compiled is not None:
        with suppress(wasmtime.WasmtimeError):  # made on a machine with another processor
            return engine, Component.deserialize(engine, compiled)
    component = Component(engine, content)
    cache.put("compiled", name, bytes(component.serialize()))
    return engine, component
