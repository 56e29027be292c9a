"""wit-component's shim and fix-up: how a module calls what can only be made after it, and needs its memory.

The shim's functions, named by numbers, each call that entry of a table; the fix-up, which comes last, puts the real functions
into it. Once all is known beforehand, who calls the shim can call those.
"""

from dataclasses import dataclass

from fanroute.wasm.binary import BadComponent, number, signed
from fanroute.wasm.flatten.code import CALL_INDIRECT
from fanroute.wasm.flatten.linking import Bundle, CoreHalf, Definition, Exported
from fanroute.wasm.flatten.module import FUNCTION, TABLE, Module

# What the shim's table is called.
_TABLE = "$imports"
_I32_CONST, _END = b"\x41", b"\x0b"


@dataclass(frozen=True, slots=True)
class Shim:
    """The instances of the shim and of the fix-up, and who provides each of the shim's functions."""

    instance: int
    fix_up: int
    functions: dict[str, Definition]


def find_shim(half: CoreHalf, modules: dict[int, Module]) -> Shim | None:
    """The shim among the instances of modules, None where there is none. Raises BadComponent where there are more."""
    fix_ups = [instance for instance, module in modules.items() if _is_fix_up(module)]
    if not fix_ups:
        return None
    if len(fix_ups) > 1:
        raise BadComponent("it has more than one fix-up")
    (fix_up,) = fix_ups
    table = _imported(half, fix_up, modules[fix_up].imported(TABLE)[0].module, _TABLE)
    if not isinstance(table, Exported) or table.instance not in modules:
        raise BadComponent("its fix-up has no shim")
    module = modules[fix_up]
    slots = [_imported(half, fix_up, one.module, one.name) for one in module.imported(FUNCTION)]
    return Shim(table.instance, fix_up, _targets(modules[table.instance], slots))


def _is_fix_up(module: Module) -> bool:
    """Whether a module does nothing but fill the shim's table with all that it imports, in order."""
    tables, functions = module.imported(TABLE), module.imported(FUNCTION)
    return (
        [table.name for table in tables] == [_TABLE]
        and len(module.imports) == 1 + len(functions)
        and not (module.functions or module.exports or module.tables or module.memories or module.globals or module.segments)
        and module.elements == [(0, (0,), list(range(len(functions))))]
    )


def _targets(shim: Module, slots: list[Definition]) -> dict[str, Definition]:
    """Who provides what the functions of a shim call, by their names. Raises BadComponent where they do something else."""
    targets = {}
    for name, (kind, index) in shim.exports.items():
        if kind != FUNCTION:
            continue
        slot = int(name) if name.isdecimal() and name.isascii() else len(slots)
        if slot >= len(slots) or shim.imports or not _calls(shim, index, slot):
            raise BadComponent(f"its shim does something else in {name}")
        targets[name] = slots[slot]
    return targets


def _calls(shim: Module, index: int, slot: int) -> bool:
    """Whether a function of the shim calls an entry of its table, with its parameters."""
    parameters = shim.types[shim.functions[index]][1]
    passed = b"".join(b"\x20" + number(parameter) for parameter in range(parameters))
    call = bytes([CALL_INDIRECT]) + number(shim.functions[index]) + number(0)
    return shim.bodies[index] == b"\0" + passed + _I32_CONST + signed(slot) + call + _END


def _imported(half: CoreHalf, instance: int, module: str, name: str) -> Definition:
    """Who provides what an instance imports."""
    found = half.instances[instance]
    assert not isinstance(found, Bundle)
    return half.provider(found.arguments[module], name)
