"""A Plan to the files that ship. Pure: sources in, texts out."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import jinja2

from fanroute.codegen.constants import ready
from fanroute.codegen.routes_file import packed
from fanroute.plan.trace import HANDLERS
from fanroute_runtime.decide import Handler
from fanroute_runtime.exchange import Sample
from fanroute_runtime.plan import REFUSED_PATHS, GripSig, Plan

APP_MODULE = "app"
# The routes, beside that module: of many within it, compiling would leave its garbage in the snapshot.
ROUTES = "routes.jsonl"
RUNTIME = "fanroute_runtime"


class _Code:
    """A name of ours, not the user's: the one thing that is written as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def literal(value: Any) -> str:
    """A value as a Python literal; of dataclasses only the fields that differ from their defaults."""
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(f'{name}={literal(part)}' for name, part in _given(value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def _given(value: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass that differ from their defaults."""
    return [(field.name, getattr(value, field.name)) for field in fields(value) if getattr(value, field.name) != field.default]


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("fanroute"),
    undefined=jinja2.StrictUndefined,
    finalize=literal,  # nothing reaches the module but as a Python literal
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def emit(plan: Plan, samples: Sequence[Sample], runtime: Mapping[str, str]) -> dict[str, str]:
    """The files of `build/app/`, by relative path: the emitted module, its routes and the runtime modules it reaches.

    Args:
        plan: what to build.
        samples: what it serves while it is built.
        runtime: the source of each module of fanroute_runtime, by its dotted name.
    """
    imports = _needed(plan)
    reached = _reached(set(imports), runtime)
    made = {f"{APP_MODULE}.py": _module(plan, samples, imports), ROUTES: packed([ready(route) for route in plan.routes])}
    return made | {_file(name): runtime[name] for name in sorted(reached)}


def _module(plan: Plan, samples: Sequence[Sample], imports: Mapping[str, set[str]]) -> str:
    """The module that the component starts with: the Plan, but for its routes, samples, and the handlers that these use."""
    return _TEMPLATES.get_template("app.py.jinja").render(
        imports=[(_Code(module), [_Code(name) for name in sorted(imports[module])]) for module in sorted(imports)],
        module=f"{APP_MODULE}.py",
        routes=ROUTES,
        service=plan.service,
        fallbacks=plan.fallbacks,
        grip_sig=_special(plan),
        sandbox=plan.sandbox,
        refused_paths=[] if plan.refused_paths == REFUSED_PATHS else [plan.refused_paths],
        linked=plan.linked,
        samples=samples,
        handlers=[(_Code(action.__name__), _Code(handler.__name__)) for action, handler in _handlers(plan)],
    )


def _special(plan: Plan) -> list[GripSig]:
    """How Fanout's requests are told, where that is otherwise than by default."""
    return [] if plan.grip_sig == GripSig() else [plan.grip_sig]


def _needed(plan: Plan) -> dict[str, set[str]]:
    """What the emitted module imports: names, by their modules."""
    used = {name for part in (*plan.fallbacks, *_special(plan), plan.sandbox) for name in _dataclasses(part)}
    imports = {f"{RUNTIME}.edge": {"http_incoming"}, f"{RUNTIME}.packed": {"Routes"}, f"{RUNTIME}.plan": {"Plan"} | used}
    for action, handler in _handlers(plan):
        imports[f"{RUNTIME}.plan"].add(action.__name__)
        imports.setdefault(handler.__module__, set()).add(handler.__name__)
    return imports


def _handlers(plan: Plan) -> list[tuple[type, Handler]]:
    """What answers for the actions of a Plan."""
    actions = sorted({type(route.action) for route in plan.routes}, key=lambda action: action.__name__)
    return [(action, HANDLERS[action]) for action in actions if action in HANDLERS]


def _dataclasses(value: Any) -> Iterator[str]:
    """The names of the dataclasses that a value's literal is made of."""
    if is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__
        value = [part for _, part in _given(value)]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _dataclasses(part)


def _reached(waiting: set[str], runtime: Mapping[str, str]) -> set[str]:
    """The runtime modules among some, those that they import, directly or through others, and their package."""
    reached = {RUNTIME}
    while waiting:
        name = waiting.pop()
        if name in runtime and name not in reached:
            reached.add(name)
            waiting |= _imports(runtime[name])
    return reached


def _imports(source: str) -> set[str]:
    """The modules that a module may import: `from a import b` names `a` and `a.b`."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    return {name for node in nodes for name in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))}


def _file(module: str) -> str:
    return f"{module}/__init__.py" if module == RUNTIME else f"{module.replace('.', '/')}.py"
