"""A component's core half: which core instances there are, and who provides what each of them imports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from fanroute.wasm.binary import COMPONENT, BadComponent, Reader, sections
from fanroute.wasm.flatten.module import FUNCTION, KINDS, MEMORY

# Sections, by the format's numbers. What is not among them is passed over: types, imports and exports of the component itself.
CORE_MODULE, CORE_INSTANCE, CORE_TYPE, COMPONENT_SECTION, ALIAS, CANON, START = 1, 2, 3, 4, 6, 8, 9
# The sort of an instance among others, and of what is of the core.
_INSTANCE, _CORE = 0x12, 0x00
# What an alias is of: an export of an instance, of a core instance, or something outside.
_EXPORT, _CORE_EXPORT, _OUTER = range(3)
# Canonical definitions: lift, lower, and those of resources (new, drop, rep).
_LIFT, _LOWER, *_OF_RESOURCES = range(5)
# The encoding of strings that we know.
_UTF8 = 0

Value = TypeVar("Value")


class Exported(NamedTuple):
    """What a core instance exports."""

    instance: int
    name: str


class Canonical(NamedTuple):
    """A function of the host's, as the component makes it: by which canonical definition, of which function or resource."""

    form: int
    of: int


Definition = Exported | Canonical


@dataclass(frozen=True, slots=True)
class Instantiated:
    """An instance of a core module; `arguments` are the instances that provide what it imports, by name."""

    module: int
    arguments: dict[str, int]


@dataclass(frozen=True, slots=True)
class Bundle:
    """An instance that is no module's: what others define, under names of its own."""

    exports: dict[str, Definition]


@dataclass(frozen=True, slots=True)
class Options:
    """What values are passed with between a core function and the component."""

    memory: Definition | None = None
    realloc: Definition | None = None
    post_return: Definition | None = None


@dataclass(slots=True)
class CoreHalf:
    """What a component does with core modules, in order. `lifted` are the functions that it exports, and how."""

    modules: list[bytes] = field(default_factory=list)
    instances: list[Instantiated | Bundle] = field(default_factory=list)
    definitions: tuple[list[Definition], ...] = field(default_factory=lambda: tuple([] for _ in KINDS))
    lifted: list[tuple[Definition, Options]] = field(default_factory=list)
    lowered: list[Options] = field(default_factory=list)

    def provider(self, instance: int, name: str) -> Definition:
        """Who really provides what an instance exports."""
        found = self.instances[instance]
        while isinstance(found, Bundle):
            definition = found.exports[name]
            if isinstance(definition, Canonical):
                return definition
            instance, name = definition
            found = self.instances[instance]
        return Exported(instance, name)


def read_core_half(component: bytes) -> CoreHalf:
    """The core half of a component. Raises BadComponent."""
    half = CoreHalf()
    for kind, content in sections(component, COMPONENT):
        if kind in (CORE_TYPE, START):
            raise BadComponent(f"it has a section {kind}")
        if kind == CORE_MODULE:
            half.modules.append(content)
        elif kind == COMPONENT_SECTION:
            _check_inner(content)
        elif kind in _READ:
            reader = Reader(content)
            for _ in range(reader.number()):
                _READ[kind](half, reader)
            if reader:
                raise BadComponent(f"section {kind} does not add up")
    return half


def _check_inner(component: bytes) -> None:
    """What is within a component has no core half of its own."""
    for kind, _ in sections(component, COMPONENT):
        if kind in (CORE_MODULE, CORE_INSTANCE, COMPONENT_SECTION, CANON):
            raise BadComponent("there is a component with core modules within it")


def _instance(half: CoreHalf, reader: Reader) -> None:
    form = reader.byte()
    if form == 0:
        half.instances.append(Instantiated(reader.number(), _named(reader, lambda: _argument(half, reader))))
    elif form == 1:
        half.instances.append(Bundle(_named(reader, lambda: half.definitions[_kind(reader)][reader.number()])))
    else:
        raise BadComponent(f"a core instance has the form {form}")


def _named(reader: Reader, value: Callable[[], Value]) -> dict[str, Value]:
    """Values by their names. Raises BadComponent where there is a name twice."""
    found: dict[str, Value] = {}
    for _ in range(reader.number()):
        name = reader.name()
        if name in found:
            raise BadComponent(f"a core instance has {name} twice")
        found[name] = value()
    return found


def _argument(half: CoreHalf, reader: Reader) -> int:
    if reader.byte() != _INSTANCE:
        raise BadComponent("a core instance takes something else than instances")
    return _earlier(half, reader)


def _earlier(half: CoreHalf, reader: Reader) -> int:
    """The number of a core instance that is there already: so nothing goes in circles."""
    index = reader.number()
    if index >= len(half.instances):
        raise BadComponent(f"there is no core instance {index} yet")
    return index


def _kind(reader: Reader) -> int:
    kind = reader.byte()
    if kind not in KINDS:
        raise BadComponent(f"a core instance has something of kind {kind}")
    return kind


def _alias(half: CoreHalf, reader: Reader) -> None:
    of_core = reader.byte() == _CORE
    kind = reader.byte() if of_core else -1
    target = reader.byte()
    if target == _CORE_EXPORT and kind in KINDS:
        half.definitions[kind].append(Exported(_earlier(half, reader), reader.name()))
    elif target == _EXPORT and not of_core:
        reader.number(), reader.name()
    elif target == _OUTER and not of_core:
        reader.number(), reader.number()
    else:
        raise BadComponent("there is an alias of something unknown")


def _canonical(half: CoreHalf, reader: Reader) -> None:
    form = reader.byte()
    if form in (_LIFT, _LOWER) and reader.byte() != 0:
        raise BadComponent("there is an unknown canonical definition")
    if form == _LIFT:
        function = half.definitions[FUNCTION][reader.number()]
        half.lifted.append((function, _options(half, reader)))
        reader.number()
        return
    if form not in (_LOWER, *_OF_RESOURCES):
        raise BadComponent(f"there is a canonical definition {form}")
    half.definitions[FUNCTION].append(Canonical(form, reader.number()))
    if form == _LOWER:
        half.lowered.append(_options(half, reader))


def _options(half: CoreHalf, reader: Reader) -> Options:
    found: dict[str, Definition] = {}
    for _ in range(reader.number()):
        option = reader.byte()
        if option == _UTF8:
            continue
        if option not in _OPTIONS:
            raise BadComponent(f"a function has the canonical option {option}")
        name, kind = _OPTIONS[option]
        found[name] = half.definitions[kind][reader.number()]
    return Options(**found)


_OPTIONS = {3: ("memory", MEMORY), 4: ("realloc", FUNCTION), 5: ("post_return", FUNCTION)}
_READ: dict[int, Callable[[CoreHalf, Reader], None]] = {CORE_INSTANCE: _instance, ALIAS: _alias, CANON: _canonical}
