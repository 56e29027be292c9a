"""Writes a Plan as the files that ship. Pure: it takes the runtime's sources and returns texts."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import jinja2

from fanroute.codegen.base_module import APP_FILE, ROUTES_FILE, RUNTIME
from fanroute.codegen.constants import with_constant_instructions
from fanroute.codegen.routes_file import encode_routes
from fanroute.plan.literals import python_literal, set_fields
from fanroute.plan.routes import publishes, rewrite_of
from fanroute.plan.trace import guard_for, handlers_for
from fanroute_runtime.auth.guards import Guards, distinct_auths
from fanroute_runtime.decide import Decider, Handler
from fanroute_runtime.explain import Explainer
from fanroute_runtime.http.caching import override_cache
from fanroute_runtime.http.secret_headers import SecretHeaders
from fanroute_runtime.jose.keys import MODULES
from fanroute_runtime.limiter import Limiter
from fanroute_runtime.matching.addresses import in_networks
from fanroute_runtime.matching.host_labels import label_predicates
from fanroute_runtime.messages import Sample
from fanroute_runtime.plan import REFUSED_PATHS, Forward, GripSig, Plan
from fanroute_runtime.plan.logs import Logs
from fanroute_runtime.rewriting import Rewriter

# An import of the runtime's own, within parentheses or on a line. A syntax tree would take half of the time of a build that finds
# nothing changed. An indented import is not one of them: it is of a module that only some Plans need (`_imports_needed`).
_IMPORT = re.compile(rf"^from ({RUNTIME}[\w.]*) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
_NAME = re.compile(r"\w+")
# The module of a class or function, and its name there.
_Place = tuple[str, str]
# The names that the main module imports from the runtime whatever the Plan is, by module.
_ALWAYS = {"routes_file": "LazyRoutes"}
# What makes the classes that a component exports, and the same if requests are logged.
_EXPORTED, _LOGGING = ("compute.edge", "exported_classes"), ("compute.logs", "logging_classes")
# The functions that publish messages, and that count uses of a route. The compiler cannot import them: they call the host.
_PUBLISHER, _CHECK_RATE = (f"{RUNTIME}.compute.publishing", "carry_out"), (f"{RUNTIME}.compute.rates", "check_rate")


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
        logs=[plan.logs] if plan.logs else [],
        exported=_Code((_LOGGING if plan.logs else _EXPORTED)[1]),
        samples=samples,
        decider=_Code(_decider(plan).__name__),
        handlers=[(_Code(action.__name__), _Code(handler.__name__)) for action, handler in _handlers(plan)],
        publisher=[_Code(_PUBLISHER[1])] if publishes(plan) else [],
        features=[(_Code(keyword), _Code(expression)) for keyword, expression, _ in _features(plan)],
    )


def _custom_grip_sig(plan: Plan) -> list[GripSig]:
    """Returns how Grip-Sig is verified, if that differs from the default."""
    return [] if plan.grip_sig == GripSig() else [plan.grip_sig]


def _imports_needed(plan: Plan) -> dict[str, set[str]]:
    """Returns the names that the app module imports, by module."""
    used = {name for part in (*plan.fallbacks, *_custom_grip_sig(plan), plan.sandbox, plan.debug) for name in _dataclasses(part)}
    always = _ALWAYS | dict([_LOGGING if plan.logs else _EXPORTED])
    imports = {f"{RUNTIME}.{module}": {name} for module, name in always.items()} | {f"{RUNTIME}.plan": {"Plan"} | used}
    for module, name in _modules_for_keys(plan):
        imports[f"{RUNTIME}.jose.{module}"] = {name}
    if any(route.match.client_ips for route in plan.routes):
        imports[in_networks.__module__] = {in_networks.__name__}
    if any(route.match.host_parameter for route in plan.routes):
        imports[label_predicates.__module__] = {label_predicates.__name__}
    if plan.logs:
        imports[Logs.__module__] = {Logs.__name__}
    handlers = _handlers(plan)
    for action, _ in handlers:
        imports.setdefault(action.__module__, set()).add(action.__name__)
    if publishes(plan):
        imports[_PUBLISHER[0]] = {_PUBLISHER[1]}
    code: list[Callable[..., Any]] = [_decider(plan), *(handler for _, handler in handlers)]
    for module, name in (*map(_place, code), *(place for _, _, places in _features(plan) for place in places)):
        imports.setdefault(module, set()).add(name)
    return imports


def _place(made: Callable[..., Any]) -> _Place:
    return made.__module__, made.__name__


def _modules_for_keys(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yields the modules that only some keys need, each with a name in it. `jose.keys` finds them if they are imported."""
    auths = distinct_auths(plan.routes)
    sets = [key_set for auth in auths for key_set in auth.key_sets]
    algorithms = {key.algorithm for auth in auths for key in auth.keys} | {each for one in sets for each in one.algorithms}
    yield from ((MODULES[each], "VERIFIER_MAKERS") for each in algorithms & MODULES.keys())
    if sets:
        yield "jwks", "read_keys"


def _decider(plan: Plan) -> type[Decider]:
    """Returns the class that decides about requests."""
    return Explainer if plan.debug else Decider


def _handlers(plan: Plan) -> list[tuple[type, Handler]]:
    """Returns each class of a Plan's actions that has a handler, with that handler."""
    kinds = {type(route.action) for route in plan.routes}
    handlers = handlers_for(plan.routes)
    return [(kind, handlers[kind]) for kind in sorted(kinds, key=lambda kind: kind.__name__) if kind in handlers]


def _features(plan: Plan) -> Iterator[tuple[str, str, tuple[_Place, ...]]]:
    """Yields the arguments of a Decider that only some Plans need: the keyword, the expression, and what is imported for it."""
    if auths := distinct_auths(plan.routes):
        guard = guard_for(auths)
        yield "guards", f"{Guards.__name__}(PLAN, {guard.__name__})", (_place(Guards), _place(guard))
    if any(route.secret_headers for route in plan.routes):
        yield "secret_headers", f"{SecretHeaders.__name__}()", (_place(SecretHeaders),)
    if any(isinstance(route.action, Forward) and route.action.cache for route in plan.routes):
        yield "override_cache", override_cache.__name__, (_place(override_cache),)
    if any(rewrite_of(route.action) for route in plan.routes):
        yield "rewriter", f"{Rewriter.__name__}(PLAN.refused_paths)", (_place(Rewriter),)
    if any(route.limit for route in plan.routes):
        yield "limiter", f"{Limiter.__name__}(PLAN.service, {_CHECK_RATE[1]})", (_place(Limiter), _CHECK_RATE)


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
