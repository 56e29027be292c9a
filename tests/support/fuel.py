"""Counts the instructions and the host calls that a component takes. wasmtime counts instructions as fuel."""

from collections.abc import Callable
from typing import Any

import pytest
import wasmtime
from wasmtime.component import Component

from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange

FUEL = 1 << 50


class CountedComponent(EmbeddedComponent):
    """Runs a component whose instructions are counted. `calls` has the names of the host calls that it has made."""

    def __init__(self, engine: wasmtime.Engine, component: Component) -> None:
        super().__init__(engine, component, self._log)
        self.calls: list[str] = []

    def _log(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        return call()


def counted(wasm: bytes) -> CountedComponent:
    """Compiles a component so that its instructions are counted."""
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    return CountedComponent(engine, Component(engine, wasm))


def sandbox(component: EmbeddedComponent) -> tuple[Callable[[Exchange], bool], Callable[[], int]]:
    """Starts a sandbox. Returns what handles requests in it, and how much fuel it has left."""
    stores: list[wasmtime.Store[Any]] = []

    def store(engine: wasmtime.Engine, make: Any = wasmtime.Store) -> Any:
        stores.append(make(engine))
        stores[0].set_fuel(FUEL)
        return stores[0]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wasmtime, "Store", store)
        handle = component.sandbox()
    return handle, stores[0].get_fuel
