"""Writes a Plan as the files that ship. Pure: it takes the runtime's sources and returns texts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import jinja2

from fanroute.codegen.base_module import APP_FILE, ROUTES_FILE, RUNTIME
from fanroute.codegen.constants import with_constant_instructions
from fanroute.codegen.routes_file import encode_routes
from fanroute.plan.literals import python_literal, set_fields
from fanroute.plan.routes import rewrite_of
from fanroute.plan.trace import HANDLERS, guard_for
from fanroute_runtime.explain import Explainer
from fanroute_runtime.jose.keys import MODULES
from fanroute_runtime.matching.addresses import in_networks
from fanroute_runtime.messages import Sample
from fanroute_runtime.plan import REFUSED_PATHS, Auth, CachePolicy, Forward, GripSig, Plan, Rewrite, StoreEntry
from fanroute_runtime.routes_file import distinct_auths

# An import of the runtime's own, within parentheses or on a line. A syntax tree would take half of the time of a build that finds
# nothing changed. An indented import is not one of them: it is of a module that only some Plans need (`_imports_needed`).
_IMPORT = re.compile(rf"^from ({RUNTIME}[\w.]*) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
_NAME = re.compile(r"\w+")
# The names that the main module imports from the runtime whatever the Plan is, by module.
_ALWAYS = {"compute.edge": "exported_classes", "routes_file": "LazyRoutes"}


class _Code:
    """Represents an identifier of Fanroute's own. Everything else is written as a Python literal."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("fanroute"),
    undefined=jinja2.StrictUndefined,
    finalize=python_literal,  # nothing is inserted but as a Python literal
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def emit(plan: Plan, samples: Sequence[Sample], runtime: Mapping[str, str]) -> dict[str, str]:
    """Returns the files of `build/app/`, by relative path: the app module, its routes and the runtime modules that it needs.

    Args:
        plan: the Plan to write.
        samples: the requests that the component serves while it is built.
        runtime: the source of each module of fanroute_runtime, by its dotted name.
    """
    imports = _imports_needed(plan)
    modules = _reachable_modules(set(imports), runtime)
    routes = encode_routes([with_constant_instructions(route) for route in plan.routes])
    files = {APP_FILE: _app_module(plan, samples, imports), ROUTES_FILE: routes}
    return files | {file_of(name, runtime): runtime[name] for name in sorted(modules)}


def _app_module(plan: Plan, samples: Sequence[Sample], imports: Mapping[str, set[str]]) -> str:
    """Returns the source of the component's main module: the Plan without its routes, the samples and the handlers."""
    return _TEMPLATES.get_template("app.py.jinja").render(
        imports=[(_Code(module), [_Code(name) for name in sorted(imports[module])]) for module in sorted(imports)],
        module=APP_FILE,
        routes=ROUTES_FILE,
        service=plan.service,
        fallbacks=plan.fallbacks,
        grip_sig=_custom_grip_sig(plan),
        sandbox=plan.sandbox,
        refused_paths=[] if plan.refused_paths == REFUSED_PATHS else [plan.refused_paths],
        linked=plan.linked,
        debug=[plan.debug] if plan.debug else [],
        samples=samples,
        handlers=[(_Code(action.__name__), _Code(handler.__name__)) for action, handler in _handlers(plan)],
    )


def _custom_grip_sig(plan: Plan) -> list[GripSig]:
    """Returns how Grip-Sig is verified, if that differs from the default."""
    return [] if plan.grip_sig == GripSig() else [plan.grip_sig]


def _imports_needed(plan: Plan) -> dict[str, set[str]]:
    """Returns the names that the app module imports, by module."""
    used = {name for part in (*plan.fallbacks, *_custom_grip_sig(plan), plan.sandbox, plan.debug) for name in _dataclasses(part)}
    imports = {f"{RUNTIME}.{module}": {name} for module, name in _ALWAYS.items()} | {f"{RUNTIME}.plan": {"Plan"} | used}
    for module, name in _modules_for_keys(plan):
        imports[f"{RUNTIME}.jose.{module}"] = {name}
    if plan.debug:
        imports[Explainer.__module__] = {Explainer.__name__}
    if any(route.match.client_ips for route in plan.routes):
        imports[in_networks.__module__] = {in_networks.__name__}
    for action, handler in _handlers(plan):
        imports[f"{RUNTIME}.plan"].add(action.__name__)
        imports.setdefault(handler.__module__, set()).add(handler.__name__)
    return imports


def _modules_for_keys(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yields the modules that only some keys need, each with a name in it. `jose.keys` finds them if they are imported."""
    auths = distinct_auths(plan.routes)
    sets = [key_set for auth in auths for key_set in auth.key_sets]
    algorithms = {key.algorithm for auth in auths for key in auth.keys} | {each for one in sets for each in one.algorithms}
    yield from ((MODULES[each], "VERIFIER_MAKERS") for each in algorithms & MODULES.keys())
    if sets:
        yield "jwks", "read_keys"


def _handlers(plan: Plan) -> list[tuple[type, Any]]:
    """Returns each class of a Plan that has a handler, with that handler.

    For an Auth, it is the class that admits clients, and for a Rewrite the one that makes URIs for backends.
    """
    auths = {route.auth for route in plan.routes if route.auth}
    handlers = HANDLERS | {Auth: guard_for(auths)}
    kinds: set[type] = {type(route.action) for route in plan.routes} | {type(auth) for auth in auths}
    kinds |= {StoreEntry for route in plan.routes if route.secret_headers}
    kinds |= {CachePolicy for route in plan.routes if isinstance(route.action, Forward) and route.action.cache}
    kinds |= {Rewrite for route in plan.routes if rewrite_of(route.action)}
    return [(kind, handlers[kind]) for kind in sorted(kinds, key=lambda kind: kind.__name__) if kind in handlers]


def _dataclasses(value: Any) -> Iterator[str]:
    """Yields the names of the dataclasses in a value's literal."""
    if is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__
        value = [field for _, field in set_fields(value)]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _dataclasses(part)


def _reachable_modules(waiting: set[str], runtime: Mapping[str, str]) -> set[str]:
    """Returns the runtime modules that these modules import, directly or not, and the packages that they are in."""
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in runtime and name not in reached:
            reached.add(name)
            waiting |= {name.rpartition(".")[0]} | _imported_modules(runtime[name])
    return reached


def _imported_modules(source: str) -> set[str]:
    """Returns the modules that a source may import: `from a import b` means `a` or `a.b`."""
    found = _IMPORT.findall(source)
    return {
        name for module, *names in found for name in (module, *(f"{module}.{each}" for each in _NAME.findall("".join(names))))
    }


def file_of(module: str, runtime: Mapping[str, str]) -> str:
    """Returns the path of a runtime module's file among those that ship."""
    path = module.replace(".", "/")
    is_package = any(name.startswith(f"{module}.") for name in runtime)
    return f"{path}/__init__.py" if is_package else f"{path}.py"
