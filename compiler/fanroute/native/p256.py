"""Writes the functions that verify ECDSA on P-256 and check a Grip-Sig."""

from fanroute.native.assembler import Function, Memory, Program
from fanroute.native.grip_sig import write_grip_sig
from fanroute.native.numbers import write_read
from fanroute.native.points import write_points
from fanroute.native.sha256 import write_hashing
from fanroute.native.table import write_table
from fanroute.native.verify import write_verify
from fanroute.wasm.flatten.native import Native
from fanroute_runtime.jose.limbs import pack_table
from fanroute_runtime.jose.p256 import GENERATOR

# The interfaces that Python imports (runtime/wit/edge.wit).
P256_INTERFACE, GRIP_SIG_INTERFACE = "fanroute:native/p256@0.1.0", "fanroute:native/grip-sig@0.1.0"


def write_p256(program: Program, memory: Memory) -> Function:
    """Writes the functions of the interfaces, and returns `verify-token`."""
    # The table comes first, so that the numbers to which each verification writes are on one page after it.
    generator = memory.place(pack_table(GENERATOR))
    points, read = write_points(program, memory), write_read(program)
    verify = write_verify(program, memory, points, read, generator)
    verify_token = write_grip_sig(program, memory, write_hashing(program, memory), verify)
    write_table(program, memory, points, read)
    return verify_token


def write_p256_module(base: int) -> tuple[bytes, int]:
    """Returns a module with these functions only, and the address of the end of its memory, which begins at `base`."""
    memory, program = Memory(base), Program()
    write_p256(program, memory)
    return program.encode(memory), memory.end


# This module, for components that only verify signatures.
P256 = Native("fanroute:native/", write_p256_module)
