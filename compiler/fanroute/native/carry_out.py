"""Writes the functions that carry out a decision: they send an answer, or hand a request off to Fanout.

The decision is a block of bytes (`fanroute_runtime.blocks`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fanroute.native.assembler import I32, Function, Memory, Program, Value, load, load_byte, load_long, result_of
from fanroute.native.gather import offsets
from fanroute.native.host import INVALID_ARGUMENT, OPENED, Host, case_of, failed, payload
from fanroute_runtime.blocks import APPEND, CHANGE, DECISION, INSERT, NOT_CHANGED, NOT_HANDED_OFF, REMOVE, SET_URI

# The addresses and sizes of values of the connection, by the number of the change that inserts them.
Connection = Mapping[int, tuple[Value, Value]]

_WAIT, _CHANGES, _REST, _STATUS, KIND, ASKS = offsets(DECISION)
_OPERATION, _NAME, _VALUE = offsets(CHANGE)
# The status of a new response.
_OK = 200


@dataclass(frozen=True)
class CarryOut:
    """Represents the functions. All take the address of a decision.

    `answer` sends an answer, and returns whether that failed. `hand_off` takes the handle of a request, too. It returns 0, or how
    far it came. Before, both ask for the next request, if the decision says so. Its handle is then at the address `pending`.
    """

    pending: int
    answer: Function
    hand_off: Function


def write_carry_out(program: Program, memory: Memory, host: Host, result: int, connection: Connection) -> CarryOut:
    """Writes the functions.

    `result` is the address for the results of the host's functions.
    """
    pending = memory.reserve(4)
    ask = _write_ask(program, host, result, pending)
    hand_off = _write_hand_off(program, host, result, ask, connection)
    return CarryOut(pending, _write_answer(program, host, result, ask), hand_off)


def _write_ask(program: Program, host: Host, result: int, pending: int) -> Function:
    """Writes a function that asks for the next request, if the decision says so."""
    function = program.function("ask", [I32])
    decision = function.parameter(0)
    with function.when(load_byte(decision, ASKS)):
        function.call(host.next_request, 1, load_long(decision, _WAIT), 0, 0, result)
        with function.when(failed(result).is_zero()):
            function.store(pending, payload(result))
    return function


def _write_answer(program: Program, host: Host, result: int, ask: Function) -> Function:
    fill, write = _write_fill(program, host, result), _write_body(program, host, result)
    function = program.function("answer", [I32], [I32])
    decision = function.parameter(0)
    function.call(host.new_response, result)
    function.give_if(failed(result), 1)
    response = function.local(payload(result))
    content = function.local(result_of(fill, decision, response))
    with function.when(content.is_zero()):
        function.call(host.drop_response, response)
        function.give(1)
    function.call(host.new_body, result)
    with function.when(failed(result)):
        function.call(host.drop_response, response)
        function.give(1)
    body = function.local(payload(result))
    with function.when(result_of(write, body, content, load(decision, _REST)).is_zero()):
        function.call(host.drop_response, response)
        function.call(host.drop_body, body)
        function.give(1)
    function.call(ask, decision)
    function.call(host.send_downstream, response, body, result)
    function.give(failed(result))
    return function


def _write_fill(program: Program, host: Host, result: int) -> Function:
    """Writes a function that gives a response its status and headers. It returns where the content begins, or 0."""
    function = program.function("fill", [I32] * 2, [I32])
    decision, response = function.parameter(0), function.parameter(1)
    status = function.local(load(decision, _STATUS) & 0xFFFF)
    with function.when(status - _OK):
        function.call(host.set_status, response, status, result)
        function.give_if(failed(result), 0)
    at, left = function.local(decision + DECISION.size), function.local(load(decision, _CHANGES))
    with function.repeat_while(left):
        function.call(host.append_response_header, response, *_name_and_value(at), result)
        function.give_if(failed(result), 0)
        function.set(at, _next(at))
        function.set(left, left - 1)
    function.give(at)
    return function


def _write_body(program: Program, host: Host, result: int) -> Function:
    """Writes a function that writes bytes to a body. It returns 1, or 0 if the host does not take them."""
    function = program.function("write", [I32] * 3, [I32])
    body, at, left = map(function.parameter, range(3))
    with function.repeat_while(left):
        function.call(host.write_body, body, at, left, result)
        function.give_if(failed(result) | payload(result).is_zero(), 0)
        function.set(at, at + payload(result))
        function.set(left, left - payload(result))
    function.give(1)
    return function


def _write_hand_off(program: Program, host: Host, result: int, ask: Function, connection: Connection) -> Function:
    change = _write_change(program, host, result, connection)
    function = program.function("hand off", [I32] * 2, [I32])
    decision, request = function.parameter(0), function.parameter(1)
    backend_name = function.local(result_of(change, decision, request))
    function.give_if(backend_name.is_zero(), NOT_CHANGED)
    function.call(host.open_backend, backend_name, load(decision, _REST), result)
    function.give_if(failed(result), NOT_HANDED_OFF)
    backend = function.local(payload(result, OPENED))
    function.call(ask, decision)
    function.call(host.redirect_to_grip_proxy, request, backend, result)
    function.call(host.drop_backend, backend)
    function.give_if(failed(result), NOT_HANDED_OFF)
    function.give(0)
    return function


def _write_change(program: Program, host: Host, result: int, connection: Connection) -> Function:
    """Writes a function that changes a request. It returns where the name of the backend begins, or 0."""
    function = program.function("change", [I32] * 2, [I32])
    decision, request = function.parameter(0), function.parameter(1)
    at, left = function.local(decision + DECISION.size), function.local(load(decision, _CHANGES))
    with function.repeat_while(left):
        name, name_size, value, value_size = _name_and_value(at)
        operation = function.local(load(at, _OPERATION))
        for number, call, arguments in (
            (REMOVE, host.remove_header, (name, name_size)),
            (INSERT, host.insert_header, (name, name_size, value, value_size)),
            (APPEND, host.append_header, (name, name_size, value, value_size)),
            (SET_URI, host.set_uri, (value, value_size)),
            *((number, host.insert_header, (name, name_size, *value)) for number, value in connection.items()),
        ):
            with function.when((operation ^ number).is_zero()):
                function.call(call, request, *arguments, result)
        # The host has the error for the removal of a header that is absent.
        is_absent = (operation ^ REMOVE).is_zero() & (case_of(result) ^ INVALID_ARGUMENT).is_zero()
        function.give_if(failed(result) & is_absent.is_zero(), 0)
        function.set(at, _next(at))
        function.set(left, left - 1)
    function.give(at)
    return function


def _name_and_value(change: Value) -> tuple[Value, Value, Value, Value]:
    """Returns the address and the size of a change's name, and then of its value."""
    name, size = change + CHANGE.size, load(change, _NAME)
    return name, size, name + size, load(change, _VALUE)


def _next(change: Value) -> Value:
    """Returns the address behind a change."""
    return change + CHANGE.size + load(change, _NAME) + load(change, _VALUE)
