"""Finds wit-component's shim and fix-up, through which a module calls functions that are made only after it.

These are host functions that need the module's memory. Each function of the shim is named by a number and calls that entry of a
table. The fix-up, which is instantiated last, puts the real functions into the table. In a flattened module, callers of the shim
call the real functions.
"""

from dataclasses import dataclass

from fanroute.wasm.binary import BadComponent, signed, u32
from fanroute.wasm.flatten.code import CALL_INDIRECT
from fanroute.wasm.flatten.linking import CoreDefinitions, CoreExport, Definition, InlineExports
from fanroute.wasm.flatten.module import FUNCTION, TABLE, Module

# The name of the shim's table.
_TABLE = "$imports"
_I32_CONST, _END = b"\x41", b"\x0b"


@dataclass(frozen=True, slots=True)
class Shim:
    """Represents the instances of the shim and of the fix-up, and the function behind each of the shim's functions."""

    instance: int
    fix_up: int
    functions: dict[str, Definition]


def find_shim(core: CoreDefinitions, modules: dict[int, Module]) -> Shim | None:
    """Returns the shim among the instances of modules, or None. Raises BadComponent if there is more than one."""
    fix_ups = [instance for instance, module in modules.items() if _is_fix_up(module)]
    if not fix_ups:
        return None
    if len(fix_ups) > 1:
        raise BadComponent("it has more than one fix-up")
    (fix_up,) = fix_ups
    table = _provider(core, fix_up, modules[fix_up].imported(TABLE)[0].module, _TABLE)
    if not isinstance(table, CoreExport) or table.instance not in modules:
        raise BadComponent("its fix-up has no shim")
    module = modules[fix_up]
    functions = [_provider(core, fix_up, each.module, each.name) for each in module.imported(FUNCTION)]
    return Shim(table.instance, fix_up, _targets(modules[table.instance], functions))


def _is_fix_up(module: Module) -> bool:
    """Returns True if a module only fills the shim's table with the functions that it imports, in order."""
    tables, functions = module.imported(TABLE), module.imported(FUNCTION)
    return (
        [table.name for table in tables] == [_TABLE]
        and len(module.imports) == 1 + len(functions)
        and not (module.functions or module.exports or module.tables or module.memories or module.globals or module.data_segments)
        and module.element_segments == [(0, (0,), list(range(len(functions))))]
    )


def _targets(shim: Module, functions: list[Definition]) -> dict[str, Definition]:
    """Returns the function that each function of a shim calls, by name. Raises BadComponent if one does anything else."""
    targets = {}
    for name, (kind, index) in shim.exports.items():
        if kind != FUNCTION:
            continue
        entry = int(name) if name.isdecimal() and name.isascii() else len(functions)
        if entry >= len(functions) or shim.imports or not _calls(shim, index, entry):
            raise BadComponent(f"its shim's function {name} does more than call its entry of the table")
        targets[name] = functions[entry]
    return targets


def _calls(shim: Module, index: int, entry: int) -> bool:
    """Returns True if a function of the shim only calls an entry of the table, with its own parameters."""
    parameters = shim.types[shim.functions[index]][1]
    passed = b"".join(b"\x20" + u32(parameter) for parameter in range(parameters))
    call = bytes([CALL_INDIRECT]) + u32(shim.functions[index]) + u32(0)
    return shim.bodies[index] == b"\0" + passed + _I32_CONST + signed(entry) + call + _END


def _provider(core: CoreDefinitions, instance: int, module: str, name: str) -> Definition:
    """Returns the provider of an import of an instance."""
    found = core.instances[instance]
    assert not isinstance(found, InlineExports)
    return core.resolve(found.arguments[module], name)
