"""Declares what the native `handle` calls: functions of the host and of Python, as the canonical ABI lowers them.

A result that does not fit into one value goes to an address, which is the last argument. Source: the component model's
design/mvp/CanonicalABI.md.
"""

from dataclasses import dataclass

from fanroute.native.assembler import I32, I64, Function, Program, Value, load, load_byte
from fanroute.wasm.component import WALL_CLOCK
from fanroute.wasm.flatten.graph import POST_RETURN_NAME, PYTHON, REALLOC_NAME

_FASTLY = "fastly:compute/{}@0.1.0"
_DECISIONS = "fanroute:app/decisions@0.1.0#"
# The name under which the component exports its handler.
HANDLE_NAME = _FASTLY.format("http-incoming") + "#handle"
# The name under which Python's side exports the function that decides.
DECIDE_NAME = f"{_DECISIONS}decide"

# The size of the largest result in memory, and where a payload begins in one: behind the case of a `result`, whose errors are
# aligned to 8 bytes or, for `open-error`, not at all.
RESULT_SIZE = 32
PAYLOAD, OPENED = 8, 4
# The number of the case `invalid-argument` of an error. The host has it for a header that is absent.
INVALID_ARGUMENT = 1

_NAME_AND_VALUE = (I32,) * 4


@dataclass(frozen=True)
class Host:
    """Represents the functions that are imported, by their names in runtime/wit/edge.wit, with those of Python at the end."""

    get_method: Function
    get_uri: Function
    get_header_names: Function
    get_header_values: Function
    set_uri: Function
    remove_header: Function
    insert_header: Function
    append_header: Function
    redirect_to_grip_proxy: Function
    drop_request: Function
    open_backend: Function
    drop_backend: Function
    client_address: Function
    tls_protocol: Function
    next_request: Function
    await_request: Function
    new_response: Function
    set_status: Function
    append_response_header: Function
    drop_response: Function
    send_downstream: Function
    new_body: Function
    write_body: Function
    drop_body: Function
    now: Function
    get_service_id: Function
    decide: Function
    forget_decision: Function
    serve: Function
    forget_served: Function
    reallocate: Function


def import_host(program: Program) -> Host:
    """Adds the imports to a module."""

    def host(interface: str, name: str, *parameters: int) -> Function:
        return program.imported(_FASTLY.format(interface), name, parameters)

    def request(name: str, *parameters: int) -> Function:
        return host("http-req", f"[method]request.{name}", I32, *parameters, I32)

    def response(name: str, *parameters: int) -> Function:
        return host("http-resp", f"[method]response.{name}", I32, *parameters, I32)

    return Host(
        get_method=request("get-method", I64),
        get_uri=request("get-uri", I64),
        get_header_names=request("get-header-names", I64, I32),
        get_header_values=request("get-header-values", I32, I32, I64, I32),
        set_uri=request("set-uri", I32, I32),
        remove_header=request("remove-header", I32, I32),
        insert_header=request("insert-header", *_NAME_AND_VALUE),
        append_header=request("append-header", *_NAME_AND_VALUE),
        redirect_to_grip_proxy=request("redirect-to-grip-proxy", I32),
        drop_request=host("http-req", "[resource-drop]request", I32),
        open_backend=host("backend", "[static]backend.open", I32, I32, I32),
        drop_backend=host("backend", "[resource-drop]backend", I32),
        client_address=host("http-downstream", "downstream-client-ip-addr", I32, I32),
        tls_protocol=host("http-downstream", "downstream-tls-protocol", I32, I64, I32),
        next_request=host("http-downstream", "next-request", I32, I64, I32, I32, I32),
        await_request=host("http-downstream", "await-request", I32, I32),
        new_response=host("http-resp", "[static]response.new", I32),
        set_status=response("set-status", I32),
        append_response_header=response("append-header", *_NAME_AND_VALUE),
        drop_response=host("http-resp", "[resource-drop]response", I32),
        send_downstream=host("http-resp", "send-downstream", I32, I32, I32),
        new_body=host("http-body", "new", I32),
        write_body=host("http-body", "write", I32, I32, I32, I32),
        drop_body=host("async-io", "[resource-drop]pollable", I32),
        get_service_id=host("compute-runtime", "get-service-id", I32),
        now=program.imported(WALL_CLOCK[0], "now", (I32,)),
        decide=program.imported(PYTHON, DECIDE_NAME, (I32, I32), (I32,)),
        forget_decision=program.imported(PYTHON, f"{POST_RETURN_NAME}{DECIDE_NAME}", (I32,)),
        serve=program.imported(PYTHON, f"{_DECISIONS}serve", (I32, I32, I32, I32, I64), (I32,)),
        forget_served=program.imported(PYTHON, f"{POST_RETURN_NAME}{_DECISIONS}serve", (I32,)),
        reallocate=program.imported(PYTHON, REALLOC_NAME, (I32,) * 4, (I32,)),
    )


def failed(result: int) -> Value:
    """Returns 1 if the `result` at an address is an error."""
    return load_byte(result)


def payload(result: int, offset: int = PAYLOAD) -> Value:
    """Returns the i32 at an offset in the `result` at an address."""
    return load(result, offset)


def case_of(result: int, offset: int = PAYLOAD) -> Value:
    """Returns the number of the case that begins at an offset in the `result` at an address."""
    return load_byte(result, offset)
