"""Writes the function that finds the answer to a request of Fanout in the table, by the pin of the first pass.

It does so only if Fastly's key has signed the request's Grip-Sig for this service. Python decides about all other requests.
"""

import json
from dataclasses import dataclass

from fanroute.native.assembler import I32, Function, Memory, Program, constant, load, load_byte, load_long, result_of
from fanroute.native.gather import Arena, Gathered
from fanroute.native.host import PAYLOAD, Host, case_of, failed, payload
from fanroute.native.tabulate import FANOUTS, PINS
from fanroute_runtime.grip.signature import FASTLY_ISSUER, FASTLY_KEY, HEADER, LEEWAY
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.jose.es256 import read_point
from fanroute_runtime.jose.limbs import ALGORITHMS, MET, TABLE_SIZE, pack_table
from fanroute_runtime.matching.pin import MAX_PIN

# The longest id of a service, and the longest Grip-Sig that is read here, in bytes.
_MAX_SERVICE, _MAX_TOKEN = 64, 1024
# What is before and after the id of the service in the claims, as Fanout writes them behind the time.
_BEFORE, _AFTER = f',"iss":{json.dumps(FASTLY_ISSUER)}}}'.encode().split(b"{}")


@dataclass(frozen=True)
class Search:
    """Represents the functions that search the table (`look_up.py`).

    `find` takes a node and the address and size of a text, and returns the next node, or 0. `are_harmless` takes a node, and
    returns whether it leads on for the names of all headers. `classes` is the address of each byte's class, and `plain` the class
    of unreserved characters.
    """

    find: Function
    are_harmless: Function
    classes: int
    plain: int


def write_second_pass(
    program: Program, memory: Memory, host: Host, arena: Arena, gathered: Gathered, result: int, search: Search, verify: Function
) -> Function:
    """Writes the function. It takes the handle of a request, and the address behind its URI. It returns the node, or 0.

    `verify` is the function `verify-token` of the interface `grip-sig`. `result` is the address for the host's results.
    """
    read_single = _write_read_single(program, host, arena, result)
    claims, table = memory.reserve(len(_BEFORE) + _MAX_SERVICE + len(_AFTER)), memory.place(_fastlys_table())
    write_claims = _write_claims(program, memory, host, arena, result, search, claims)
    pin_name, sig_name = memory.place(PIN.encode()), memory.place(HEADER.encode())
    function = program.function("second pass", [I32] * 2, [I32])
    request, at = function.parameter(0), function.parameter(1)
    function.give_if(result_of(search.are_harmless, FANOUTS).is_zero(), 0)
    pin_size = function.local(result_of(read_single, request, pin_name, len(PIN), at, MAX_PIN + 1))
    function.give_if(pin_size.is_zero(), 0)
    node = function.local(result_of(search.find, PINS, at, pin_size))
    function.give_if(node.is_zero(), 0)
    function.set(at, at + pin_size)
    size = function.local(result_of(read_single, request, sig_name, len(HEADER), at, _MAX_TOKEN + 1))
    function.give_if(size.is_zero(), 0)
    claims_size = function.local(result_of(write_claims))
    function.give_if(claims_size.is_zero(), 0)
    algorithm = constant(ALGORITHMS[FASTLY_KEY.algorithm])
    expiry = function.local(result_of(verify, at, size, algorithm, claims, claims_size, table, TABLE_SIZE))
    function.give_if(expiry.exceeds(MET).is_zero(), 0)
    function.give_if((expiry + LEEWAY).exceeds(load_long(gathered.now)).is_zero(), 0)
    function.give(node)
    return function


def _fastlys_table() -> bytes:
    assert isinstance(FASTLY_KEY.material, bytes)
    return pack_table(read_point(FASTLY_KEY.material))


def _write_read_single(program: Program, host: Host, arena: Arena, result: int) -> Function:
    """Writes a function that reads the only value of a header. It returns its size, or 0 if there are more, or none.

    It takes the handle of a request, the address and size of the header's name, the address for the value, and the room there.
    """
    function = program.function("read single", [I32] * 5, [I32])
    request, name, name_size, at, room = map(function.parameter, range(5))
    arena.lend(function, at, at + room)
    function.call(host.get_header_values, request, name, name_size, room.widened(), 0, result)
    function.give_if(failed(result) | case_of(result, PAYLOAD + 8) | payload(result) ^ at, 0)
    size = function.local(payload(result, PAYLOAD + 4))
    function.give_if(size.is_zero(), 0)
    end = function.local(at)
    with function.repeat_while(load_byte(end).exceeds(0) & end.is_below(at + size)):
        function.set(end, end + 1)
    # The first end of a value is the last byte.
    function.give_if((end ^ at + size - 1).is_zero().is_zero(), 0)
    function.give(size - 1)
    return function


def _write_claims(
    program: Program, memory: Memory, host: Host, arena: Arena, result: int, search: Search, claims: int
) -> Function:
    """Writes a function that writes the claims with this service's issuer, and returns their size, or 0."""
    before, after = memory.place(_BEFORE), memory.place(_AFTER)
    function = program.function("claims", [], [I32])
    service = claims + len(_BEFORE)
    function.copy(claims, before, len(_BEFORE))
    arena.lend(function, service, service + _MAX_SERVICE)
    function.call(host.get_service_id, result)
    size = function.local(load(result, 4))
    function.give_if((load(result) ^ service).is_zero().is_zero(), 0)
    at, end = function.local(constant(service)), function.local(size + service)
    with function.repeat_while(at ^ end):
        # In JSON, other characters may have to be escaped.
        function.give_if((load_byte(load_byte(at) + search.classes) & search.plain).is_zero(), 0)
        function.set(at, at + 1)
    function.copy(end, after, len(_AFTER))
    function.give(size + len(_BEFORE) + len(_AFTER))
    return function
