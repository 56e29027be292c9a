"""Makes the memory that the sandboxes of a component start from: a base takes the routes and settles."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanroute.codegen.base_module import MAIN_FILES
from fanroute.wasm.flatten.base import python_export
from fanroute.wasm.flatten.graph import MEMORY_NAME, POST_RETURN_NAME, REALLOC_NAME
from fanroute.wasm.flatten.joining import GLOBALS

if TYPE_CHECKING:
    import wasmtime


@dataclass(frozen=True, slots=True)
class Memory:
    """Represents the contents of a base's memory, and the values of its globals."""

    content: bytes
    globals: list[int]


def make_memory(engine: "wasmtime.Engine", base: "wasmtime.Module", files: Mapping[str, str]) -> Memory:
    """Gives a base the routes in the files of `build/app/`, and returns the memory that results, which is the same each time.

    Raises wasmtime.Trap and wasmtime.WasmtimeError if the base fails, and KeyError if it lacks an export.
    """
    return _Run(engine, base).memory(files)


class _Run:
    """Runs the functions of `fanroute_runtime.compute.base`. No function of the host is there: a call of one is a trap."""

    def __init__(self, engine: "wasmtime.Engine", module: "wasmtime.Module") -> None:
        import wasmtime  # late: the key of a component covers this module, and needs no wasmtime

        self._store = wasmtime.Store(engine)
        linker = wasmtime.Linker(engine)
        linker.define_unknown_imports_as_traps(module)
        self._exports: Any = linker.instantiate(self._store, module).exports(self._store)
        self._globals = [each.name for each in module.exports if each.name.startswith(GLOBALS)]

    def memory(self, files: Mapping[str, str]) -> Memory:
        """Lets the base take the main module and the routes, and then settle its memory."""
        self._decide(json.dumps({name: files[name] for name in MAIN_FILES}).encode())
        self._decide(b" ")
        values = [self._exports[name].value(self._store) for name in self._globals]
        return Memory(bytes(self._exports[MEMORY_NAME].read(self._store)), values)

    def _decide(self, request: bytes) -> None:
        """Calls `decide` with a list, as the canonical ABI does. The function frees its argument, and post-return the result."""
        from fanroute.native.host import DECIDE_NAME  # late, too

        address = self._call(REALLOC_NAME, 0, 0, 1, len(request))
        self._exports[MEMORY_NAME].write(self._store, request, address)
        self._call(f"{POST_RETURN_NAME}{DECIDE_NAME}", self._call(DECIDE_NAME, address, len(request)))

    def _call(self, name: str, *arguments: int) -> Any:
        return self._exports[python_export(name)](self._store, *arguments)
