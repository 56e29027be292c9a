"""Writes the `handle` that the component exports: it serves the requests of a sandbox, and calls Python once for each.

Python's own `handle` (`fanroute_runtime.compute.edge`) does the same in a component that is not flattened.
"""

from fanroute.native.assembler import I32, I64, Function, Memory, Program, Value, constant, load, load_byte, load_long, result_of
from fanroute.native.carry_out import ASKS, KIND, CarryOut, write_carry_out
from fanroute.native.gather import Arena, Gathered, write_gather
from fanroute.native.host import HANDLE_NAME, PAYLOAD, RESULT_SIZE, Host, case_of, failed, payload
from fanroute.native.look_up import LookUp, answer_if, write_look_up
from fanroute.native.tabulate import Table
from fanroute_runtime.blocks import ANSWER, BY_PYTHON, DECIDED, HANDOFF, NOT_DECIDED

# The size of a handle after a block, in bytes.
HANDLE_SIZE = 4


def write_handle(
    program: Program, memory: Memory, host: Host, table: Table | None, verify_token: Function, gives_handle: bool
) -> None:
    """Writes the function, and the allocator that the host calls.

    `verify_token` verifies a Grip-Sig. With `gives_handle`, Python gets the handle of the request after each block.
    """
    result = memory.reserve(RESULT_SIZE)
    arena = Arena(program, memory, host)
    gathered = write_gather(program, memory, host, arena, result)
    look_up = write_look_up(program, memory, host, arena, table, gathered, result, verify_token) if table else None
    carry_out = write_carry_out(program, memory, host, result, look_up.connection if look_up else {})
    by_python = _write_by_python(program, host, gathered, carry_out.pending)
    serve = _write_serve(program, host, arena, gathered, look_up, carry_out, by_python, memory.reserve(4), gives_handle)
    function = program.function(HANDLE_NAME, [I32] * 2, [I32])
    request, body = function.parameter(0), function.parameter(1)
    served, pending = function.local(constant(0)), function.local(constant(0))
    function.store_long(gathered.began, constant(0, I64))
    # The loop ends inside: there is always a request at its beginning.
    with function.repeat_until(constant(0)):
        function.store(carry_out.pending, 0)
        has_failed = function.local(result_of(serve, request, body, served))
        function.set(pending, load(carry_out.pending))
        function.give_if(pending.is_zero(), has_failed)
        function.call(host.await_request, pending, result)
        function.give_if(failed(result) | case_of(result).is_zero(), has_failed)
        function.set(request, payload(result, PAYLOAD + 4))
        function.set(body, payload(result, PAYLOAD + 8))
        function.set(served, served + 1)
    function.give(0)


def _write_serve(
    program: Program,
    host: Host,
    arena: Arena,
    gathered: Gathered,
    look_up: LookUp | None,
    carry_out: CarryOut,
    by_python: Function,
    has_failed: int,
    gives_handle: bool,
) -> Function:
    """Writes a function that serves a request. It returns whether the request could not be answered."""
    by_decision = _write_by_decision(program, host, carry_out, has_failed)
    function = program.function("serve", [I32] * 3, [I32])
    request, body, served = map(function.parameter, range(3))
    end = function.local(result_of(gathered.begin, request, body, served))
    arena.take_back(function)
    function.give_if(end.is_zero(), result_of(by_python, request, body, NOT_DECIDED, served))
    if look_up:
        known = function.local(result_of(look_up.function, request, end, served))
        arena.take_back(function)
        with function.when(known):
            progress = function.local(result_of(by_decision, known, request, body))
            with function.when(progress):
                # Python does not know the decision. It cannot decide again, because the request may have been changed.
                answer = function.local(answer_if(known, progress))
                function.store_byte(answer, load_byte(known, ASKS) & load(carry_out.pending).is_zero(), ASKS)
                function.set(progress, result_of(by_decision, answer, request, body))
            function.give(load(has_failed))
    size = function.local(result_of(gathered.add_headers, request, end))
    arena.take_back(function)
    function.give_if(size.is_zero(), result_of(by_python, request, body, NOT_DECIDED, served))
    # Python frees what it gets, so it gets a copy.
    whole = function.local(size + HANDLE_SIZE) if gives_handle else size
    copied = function.local(result_of(host.reallocate, 0, 0, 1, whole))
    function.copy(copied, gathered.block, size)
    if gives_handle:
        function.store(copied + size, request)
    returned = function.local(result_of(host.decide, copied, whole))
    function.set(end, result_of(by_decision, load(returned), request, body))
    function.call(host.forget_decision, returned)
    function.give_if(end, result_of(by_python, request, body, end, served))
    function.give(load(has_failed))
    return function


def _write_by_decision(program: Program, host: Host, carry_out: CarryOut, has_failed: int) -> Function:
    """Writes a function that carries a decision out, and drops the request and its body.

    It takes the address of the decision, and the two handles. It returns how far it came if Python has to go on. Otherwise it
    returns 0, and stores at `has_failed` whether the request could not be answered.
    """
    function = program.function("by decision", [I32] * 3, [I32])
    decision, request, body = map(function.parameter, range(3))
    kind = function.local(load_byte(decision, KIND))
    function.give_if(_is(kind, BY_PYTHON), DECIDED)
    function.store(has_failed, 0)
    with function.when(_is(kind, ANSWER)):
        function.store(has_failed, result_of(carry_out.answer, decision))
    with function.when(_is(kind, HANDOFF)):
        progress = function.local(result_of(carry_out.hand_off, decision, request))
        function.give_if(progress, progress)
    function.call(host.drop_request, request)
    function.call(host.drop_body, body)
    function.give(0)
    return function


def _is(value: Value, number: int) -> Value:
    return (value ^ number).is_zero()


def _write_by_python(program: Program, host: Host, gathered: Gathered, pending: int) -> Function:
    """Writes a function that lets Python serve a request, and drop it. It returns whether the request could not be answered."""
    function = program.function("by python", [I32] * 4, [I32])
    arguments = map(function.parameter, range(4))
    returned = function.local(result_of(host.serve, *arguments, load_long(gathered.began)))
    # A bool, and behind it an option of a handle.
    with function.when(load_byte(returned, 4)):
        function.store(pending, load(returned, 8))
    has_failed = function.local(load_byte(returned))
    function.call(host.forget_served, returned)
    function.give(has_failed)
    return function
