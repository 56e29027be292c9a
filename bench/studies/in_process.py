"""Compiles components as Fastly and Viceroy do, to measure them in this process."""

from pathlib import Path

import wasmtime
from wasmtime.component import Component

from fanroute.host.component import EmbeddedComponent


def load_optimized(wasm: Path) -> EmbeddedComponent:
    """Compiles a component with Cranelift. The embedded edge uses Winch, which makes slower code."""
    engine = wasmtime.Engine()
    return EmbeddedComponent(engine, Component(engine, wasm.read_bytes()))
