"""Puts the native module together, which the build links into a component."""

from fanroute.native.assembler import Memory, Program
from fanroute.native.handle import write_handle
from fanroute.native.host import HANDLE_NAME, import_host
from fanroute.native.p256 import write_p256
from fanroute.wasm.flatten.graph import REALLOC_NAME
from fanroute.wasm.flatten.native import Native


def write_module(base: int) -> tuple[bytes, int]:
    """Returns the module, and the address of the end of its memory, which begins at `base`."""
    memory, program = Memory(base), Program()
    host = import_host(program)
    write_p256(program, memory)
    write_handle(program, memory, host)
    return program.encode(memory), memory.end


# With the beginning of the names of the packages that connect it to Python (runtime/wit/edge.wit).
NATIVE = Native("fanroute:", write_module, (HANDLE_NAME, REALLOC_NAME))
