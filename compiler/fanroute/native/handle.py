"""Writes the `handle` that the component exports: it serves the requests of a sandbox, and calls Python once for each.

Python's own `handle` (`fanroute_runtime.compute.edge`) does the same in a component that is not flattened.
"""

from fanroute.native.assembler import I32, Function, Memory, Program, Value, constant, load, load_byte, result_of
from fanroute.native.carry_out import KIND, CarryOut, write_carry_out
from fanroute.native.gather import BLOCK_SIZE, Arena, write_gather
from fanroute.native.host import HANDLE_NAME, PAYLOAD, RESULT_SIZE, Host, case_of, failed, payload
from fanroute_runtime.blocks import ANSWER, BY_PYTHON, DECIDED, NOT_DECIDED


def write_handle(program: Program, memory: Memory, host: Host) -> None:
    """Writes the function, and the allocator that the host calls."""
    result, block = memory.reserve(RESULT_SIZE), memory.reserve(BLOCK_SIZE)
    arena = Arena(program, memory, host)
    gather = write_gather(program, memory, host, arena, result, block)
    carry_out = write_carry_out(program, memory, host, result)
    by_python = _write_by_python(program, host, carry_out.pending)
    serve = _write_serve(program, host, arena, gather, carry_out, by_python, block)
    function = program.function(HANDLE_NAME, [I32] * 2, [I32])
    request, body = function.parameter(0), function.parameter(1)
    served, pending = function.local(constant(0)), function.local(constant(0))
    # The loop ends inside: there is always a request at its beginning.
    with function.repeat_until(constant(0)):
        function.store(carry_out.pending, 0)
        has_failed = function.local(result_of(serve, request, body, served))
        function.set(pending, load(carry_out.pending))
        with function.when(pending.is_zero()):
            function.give(has_failed)
        function.call(host.await_request, pending, result)
        with function.when(failed(result) | case_of(result).is_zero()):
            function.give(has_failed)
        function.set(request, payload(result, PAYLOAD + 4))
        function.set(body, payload(result, PAYLOAD + 8))
        function.set(served, served + 1)
    function.give(0)


def _write_serve(
    program: Program, host: Host, arena: Arena, gather: Function, carry_out: CarryOut, by_python: Function, block: int
) -> Function:
    """Writes a function that serves a request. It returns whether the request could not be answered."""
    function = program.function("serve", [I32] * 3, [I32])
    request, body, served = map(function.parameter, range(3))
    size = function.local(result_of(gather, request, body, served))
    arena.take_back(function)
    with function.when(size.is_zero()):
        function.give(result_of(by_python, request, body, NOT_DECIDED, served))
    # Python frees what it gets, so it gets a copy.
    copied = function.local(result_of(host.reallocate, 0, 0, 1, size))
    function.copy(copied, block, size)
    returned = function.local(result_of(host.decide, copied, size))
    decision = function.local(load(returned))
    kind = function.local(load_byte(decision, KIND).narrowed())
    progress, has_failed = function.local(constant(DECIDED)), function.local(constant(0))
    with function.when(_is(kind, ANSWER)):
        function.set(has_failed, result_of(carry_out.answer, decision))
        function.set(progress, constant(0))
    with function.when((_is(kind, ANSWER) | _is(kind, BY_PYTHON)).is_zero()):
        function.set(progress, result_of(carry_out.hand_off, decision, request))
    function.call(host.forget_decision, returned)
    with function.when(progress):
        function.give(result_of(by_python, request, body, progress, served))
    function.call(host.drop_request, request)
    function.call(host.drop_body, body)
    function.give(has_failed)
    return function


def _is(value: Value, number: int) -> Value:
    return (value ^ number).is_zero()


def _write_by_python(program: Program, host: Host, pending: int) -> Function:
    """Writes a function that lets Python serve a request, and drop it. It returns whether the request could not be answered."""
    function = program.function("by python", [I32] * 4, [I32])
    returned = function.local(result_of(host.serve, *map(function.parameter, range(4))))
    # A bool, and behind it an option of a handle.
    with function.when(load_byte(returned, 4).narrowed()):
        function.store(pending, load(returned, 8))
    has_failed = function.local(load_byte(returned).narrowed())
    function.call(host.forget_served, returned)
    function.give(has_failed)
    return function
