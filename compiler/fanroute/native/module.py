"""Puts the native module together, which the build links into a component."""

from functools import partial

from fanroute.native.assembler import Memory, Program
from fanroute.native.handle import write_handle
from fanroute.native.host import HANDLE_NAME, import_host
from fanroute.native.p256 import write_p256
from fanroute.native.tabulate import Table, tabulate
from fanroute.wasm.flatten.graph import REALLOC_NAME
from fanroute.wasm.flatten.native import Native
from fanroute_runtime.plan import Plan


def write_module(base: int, table: Table | None, gives_handle: bool = False) -> tuple[bytes, int]:
    """Returns the module, and the address of the end of its memory, which begins at `base`.

    With `gives_handle`, Python gets the handle of each request (`compute.logs`).
    """
    memory, program = Memory(base), Program()
    host = import_host(program)
    write_handle(program, memory, host, table, write_p256(program, memory), gives_handle)
    return program.encode(memory), memory.end


def native_module(plan: Plan | None = None) -> Native:
    """Returns the module for a Plan, with the names of what connects it to Python (runtime/wit/edge.wit).

    Without a Plan, it returns the module of a base, whose functions come first in that of any Plan.
    """
    gives_handle = plan is not None and plan.logs is not None
    write = partial(write_module, table=tabulate(plan) if plan else None, gives_handle=gives_handle)
    return Native("fanroute:", write, (HANDLE_NAME, REALLOC_NAME))
