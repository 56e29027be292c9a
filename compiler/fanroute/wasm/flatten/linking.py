"""Reads the core definitions of a component: its core modules, their instances, and who provides the imports of each instance.

Source: the component model's design/mvp/Binary.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from fanroute.wasm.binary import COMPONENT, BadComponent, Reader, sections
from fanroute.wasm.flatten.module import FUNCTION, KINDS, MEMORY

# The ids of sections ("Component Definitions"). Others, such as the component's own types, imports and exports, are skipped.
CORE_MODULE, CORE_INSTANCE, CORE_TYPE, COMPONENT_SECTION, ALIAS, CANON, START = 1, 2, 3, 4, 6, 8, 9
# The byte of an instance argument, and the sort of core definitions.
_INSTANCE, _CORE = 0x12, 0x00
# The targets of aliases ("Alias Definitions"): an export of an instance, of a core instance, or an outer definition.
_EXPORT, _CORE_EXPORT, _OUTER = range(3)
# Canonical definitions: lift, lower, and those for resources (new, drop, rep).
_LIFT, _LOWER, *_OF_RESOURCES = range(5)
# The canonical option for UTF-8, the only string encoding that is supported.
_UTF8 = 0

Value = TypeVar("Value")


class CoreExport(NamedTuple):
    """Represents an export of a core instance."""

    instance: int
    name: str


class CanonicalFunction(NamedTuple):
    """Represents a core function that a canonical definition makes from a host function or a resource type."""

    form: int
    target: int


Definition = CoreExport | CanonicalFunction


@dataclass(frozen=True, slots=True)
class ModuleInstance:
    """Represents an instance of a core module. `arguments` maps the module name of an import to the instance that provides it."""

    module: int
    arguments: dict[str, int]


@dataclass(frozen=True, slots=True)
class InlineExports:
    """Represents a core instance without a module, which gives names to definitions of others."""

    exports: dict[str, Definition]


@dataclass(frozen=True, slots=True)
class CanonicalOptions:
    """Represents the canonical options with which a function is lifted or lowered."""

    memory: Definition | None = None
    realloc: Definition | None = None
    post_return: Definition | None = None


@dataclass(slots=True)
class CoreDefinitions:
    """Represents the core definitions of a component, in order.

    `definitions` has a list for each of KINDS. `lifted` has the functions that the component exports, with their options, and
    `lowered` the options of the functions that it imports.
    """

    modules: list[bytes] = field(default_factory=list)
    instances: list[ModuleInstance | InlineExports] = field(default_factory=list)
    definitions: tuple[list[Definition], ...] = field(default_factory=lambda: tuple([] for _ in KINDS))
    lifted: list[tuple[Definition, CanonicalOptions]] = field(default_factory=list)
    lowered: list[CanonicalOptions] = field(default_factory=list)

    def resolve(self, instance: int, name: str) -> Definition:
        """Returns the definition behind an export of an instance, through any inline exports."""
        found = self.instances[instance]
        while isinstance(found, InlineExports):
            definition = found.exports[name]
            if isinstance(definition, CanonicalFunction):
                return definition
            instance, name = definition
            found = self.instances[instance]
        return CoreExport(instance, name)


def read_core_definitions(component: bytes) -> CoreDefinitions:
    """Reads the core definitions of a component. Raises BadComponent."""
    core = CoreDefinitions()
    for id_, contents in sections(component, COMPONENT):
        if id_ in (CORE_TYPE, START):
            raise BadComponent(f"it has section {id_}, which is not supported")
        if id_ == CORE_MODULE:
            core.modules.append(contents)
        elif id_ == COMPONENT_SECTION:
            _check_nested(contents)
        elif id_ in _READ:
            reader = Reader(contents)
            for _ in range(reader.u32()):
                _READ[id_](core, reader)
            if reader:
                raise BadComponent(f"section {id_} is longer than its contents")
    return core


def _check_nested(component: bytes) -> None:
    """Raises BadComponent if a nested component has core definitions of its own."""
    for id_, _ in sections(component, COMPONENT):
        if id_ in (CORE_MODULE, CORE_INSTANCE, COMPONENT_SECTION, CANON):
            raise BadComponent("it has a nested component with core modules")


def _instance(core: CoreDefinitions, reader: Reader) -> None:
    form = reader.byte()
    if form == 0:
        core.instances.append(ModuleInstance(reader.u32(), _named(reader, lambda: _argument(core, reader))))
    elif form == 1:
        core.instances.append(InlineExports(_named(reader, lambda: core.definitions[_kind(reader)][reader.u32()])))
    else:
        raise BadComponent(f"a core instance has the unknown form {form}")


def _named(reader: Reader, value: Callable[[], Value]) -> dict[str, Value]:
    """Reads a list of (name, value) pairs as a dict. `value` reads a value. Raises BadComponent if a name occurs twice."""
    found: dict[str, Value] = {}
    for _ in range(reader.u32()):
        name = reader.name()
        if name in found:
            raise BadComponent(f"a core instance has the name {name} twice")
        found[name] = value()
    return found


def _argument(core: CoreDefinitions, reader: Reader) -> int:
    if reader.byte() != _INSTANCE:
        raise BadComponent("a core instance is made with an argument that is not an instance")
    return _earlier(core, reader)


def _earlier(core: CoreDefinitions, reader: Reader) -> int:
    """Reads the index of a core instance. Raises BadComponent unless it is defined already, so there are no cycles."""
    index = reader.u32()
    if index >= len(core.instances):
        raise BadComponent(f"core instance {index} is used before it is defined")
    return index


def _kind(reader: Reader) -> int:
    kind = reader.byte()
    if kind not in KINDS:
        raise BadComponent(f"a core instance has an export of the unknown kind {kind}")
    return kind


def _alias(core: CoreDefinitions, reader: Reader) -> None:
    is_core = reader.byte() == _CORE
    kind = reader.byte() if is_core else -1
    target = reader.byte()
    if target == _CORE_EXPORT and kind in KINDS:
        core.definitions[kind].append(CoreExport(_earlier(core, reader), reader.name()))
    elif target == _EXPORT and not is_core:
        reader.u32(), reader.name()
    elif target == _OUTER and not is_core:
        reader.u32(), reader.u32()
    else:
        raise BadComponent("it has an unknown alias")


def _canonical(core: CoreDefinitions, reader: Reader) -> None:
    form = reader.byte()
    if form in (_LIFT, _LOWER) and reader.byte() != 0:
        raise BadComponent("it has an unknown canonical definition")
    if form == _LIFT:
        function = core.definitions[FUNCTION][reader.u32()]
        core.lifted.append((function, _options(core, reader)))
        reader.u32()
        return
    if form not in (_LOWER, *_OF_RESOURCES):
        raise BadComponent(f"it has the unsupported canonical definition {form}")
    core.definitions[FUNCTION].append(CanonicalFunction(form, reader.u32()))
    if form == _LOWER:
        core.lowered.append(_options(core, reader))


def _options(core: CoreDefinitions, reader: Reader) -> CanonicalOptions:
    found: dict[str, Definition] = {}
    for _ in range(reader.u32()):
        option = reader.byte()
        if option == _UTF8:
            continue
        if option not in _OPTIONS:
            raise BadComponent(f"a function has the unsupported canonical option {option}")
        name, kind = _OPTIONS[option]
        found[name] = core.definitions[kind][reader.u32()]
    return CanonicalOptions(**found)


_OPTIONS = {3: ("memory", MEMORY), 4: ("realloc", FUNCTION), 5: ("post_return", FUNCTION)}
_READ: dict[int, Callable[[CoreDefinitions, Reader], None]] = {CORE_INSTANCE: _instance, ALIAS: _alias, CANON: _canonical}
