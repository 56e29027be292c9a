"""Compiles the bytes of a routes.yaml: parse, check, lower, look for warnings. Pure."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Note, in_source_order
from fanroute.diagnostics.printable import quoted
from fanroute.lowering.lower import lower_backends, lower_plan
from fanroute.plan.backend import Backend, loopback_host
from fanroute.plan.health import with_health_answer
from fanroute.plan.routes import publishes
from fanroute.rules.environments import check_changes, check_loopback_domain, check_merged_hosts
from fanroute.rules.keys import check_key_files
from fanroute.rules.run import find_warnings, validate_routes
from fanroute.spec.document import MAX_ENVIRONMENTS, PRODUCTION, Spec
from fanroute.spec.environments import environments, in_environment, told_there
from fanroute.spec.included import with_included
from fanroute.spec.inputs import Inputs, read_files
from fanroute.syntax.source import Source, decode, parse_yaml
from fanroute.syntax.variables import command_unexpander, unexpander
from fanroute_runtime.plan import Hold, Plan, Tunnel


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled routes.yaml.

    Attributes:
        source: the parsed file.
        spec: the valid data, as it is in the file.
        plan: what the component knows of it.
        backends: the backends to set up, sorted by name.
        diagnostics: warnings and notes, in source order.
        environment: the name of the environment in which it was compiled.
        whole: the parsed file as it is without an environment, or None if that is not known.
    """

    source: Source
    spec: Spec
    plan: Plan
    backends: tuple[Backend, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    environment: str = PRODUCTION
    whole: Source | None = None

    @property
    def loopback(self) -> str:
        """Returns the name of the loopback backend, "" if there is none."""
        return next((backend.name for backend in self.backends if backend.loopback), "")

    @property
    def loopback_host(self) -> str:
        """Returns the host of the loopback backend, "" if there is none."""
        return loopback_host(self.backends)

    @property
    def has_tunnels(self) -> bool:
        """Returns True if a route has the action `tunnel`."""
        return any(isinstance(route.action, Tunnel) for route in self.plan.routes)

    @property
    def has_limits(self) -> bool:
        """Returns True if a route has a `limit`."""
        return any(route.limit for route in self.plan.routes)


def compile_routes(raw: bytes, inputs: Inputs) -> Compiled:
    """Compiles a routes.yaml. Raises Invalid if it has errors. No message contains the value of a variable."""
    checked = check_routes(raw, inputs, only=inputs.environment)
    if not checked.compiled:
        raise Invalid(checked.diagnostics)
    return replace(checked.compiled[inputs.environment], diagnostics=checked.diagnostics)


def compile_plan(raw: bytes, inputs: Inputs) -> Compiled:
    """Compiles a routes.yaml as `compile_routes` does, but looks for no warnings, which takes almost half of the time."""
    with _without_garbage_collection():
        return _compile_source(with_included(parse_yaml(decode(raw), inputs.variables), inputs), inputs)


def _compile_source(whole: Source, inputs: Inputs) -> Compiled:
    """Compiles a parsed routes.yaml in an environment."""
    unexpand = unexpander(whole.unexpanded), command_unexpander(whole.unexpanded)
    source = in_environment(whole, inputs.environment, inputs.renames_hosts)
    files, unreadable = read_files(source, inputs.read)
    try:
        spec = validate_routes(source, [*check_changes(whole), *unreadable, *check_key_files(source, files)])
    except Invalid as invalid:
        raise Invalid(diagnostic.map_texts(*unexpand) for diagnostic in invalid.diagnostics) from None
    plan = lower_plan(spec, files)
    backends = lower_backends(spec)
    host = loopback_host(backends)
    if any(isinstance(route.action, Hold) and route.action.link for route in plan.routes):
        from fanroute.analysis.links import linked_backends  # late: most files have no links

        plan = replace(plan, linked=linked_backends(plan, host))
    if publishes(plan):
        from fanroute.analysis.publishing import with_subscribers  # late: most files publish nothing
        from fanroute.rules.publishing import check_subscribers

        plan = with_subscribers(plan)
        if wrong := list(check_subscribers(source, plan)):
            raise Invalid(diagnostic.map_texts(*unexpand) for diagnostic in in_source_order(wrong))
    return Compiled(source, spec, with_health_answer(plan), backends, environment=inputs.environment, whole=whole)


@dataclass(frozen=True, slots=True)
class Checked:
    """A routes.yaml that was compiled in all of its environments.

    Attributes:
        compiled: it in each environment in which it has no errors, by the environment's name, `production` first.
        diagnostics: all that is wrong with it, in source order. What is wrong in several environments is there once.
    """

    compiled: dict[str, Compiled]
    diagnostics: tuple[Diagnostic, ...]


def check_routes(raw: bytes, inputs: Inputs, only: str | None = None) -> Checked:
    """Compiles a routes.yaml in all of its environments, or in only one. Raises Invalid if it cannot be parsed."""
    with _without_garbage_collection():
        whole = with_included(parse_yaml(decode(raw), inputs.variables), inputs)
    compiled: dict[str, Compiled] = {}
    found: dict[str, Sequence[Diagnostic]] = {}
    for name in (only,) if only else (PRODUCTION, *islice(environments(whole), MAX_ENVIRONMENTS)):
        try:
            with _without_garbage_collection():
                one = _compile_source(whole, replace(inputs, environment=name))
            compiled[name] = one = replace(one, diagnostics=warnings_of(one))
            found[name] = one.diagnostics
        except Invalid as invalid:
            found[name] = invalid.diagnostics
    if only:
        return Checked(compiled, tuple(in_source_order(_told_there(whole, only, one) for one in found[only])))
    return Checked(compiled, tuple(told_once(found, whole)))


def told_once(found: Mapping[str, Sequence[Diagnostic]], source: Source | None = None) -> list[Diagnostic]:
    """Returns the diagnostics of several environments of a file, in source order, each once.

    A note says which environments one is in that is not of production. If `source` is the file as it is without an environment,
    it is also told where its environment has another value than production.
    """
    where: dict[Diagnostic, tuple[Diagnostic, list[str]]] = {}
    for name, diagnostics in found.items():
        for one in dict.fromkeys(diagnostics):
            # The request that shows it can have other hosts.
            same = replace(one, message=one.message.removesuffix(one.request), request="")
            where.setdefault(same, (one, []))[1].append(name)
    return in_source_order(
        one if PRODUCTION in names else _only_in(names, _told_there(source, names[0], one) if source else one)
        for one, names in where.values()
    )


def _told_there(source: Source, name: str, found: Diagnostic) -> Diagnostic:
    return found if name not in environments(source) else told_there(source, name, found)


def _only_in(names: Sequence[str], found: Diagnostic) -> Diagnostic:
    return replace(found, notes=(*found.notes, Note(f"only in {' and '.join(map(quoted, names))}")))


def warnings_of(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """Returns the warnings and notes about a compiled routes.yaml, in source order."""
    source = compiled.source
    unexpand = unexpander(source.unexpanded), command_unexpander(source.unexpanded)
    with _without_garbage_collection():
        found = find_warnings(source, compiled.plan, compiled.loopback_host)
        if compiled.environment != PRODUCTION and compiled.whole:
            domains = check_loopback_domain(compiled.whole, compiled.environment, compiled.loopback_host)
            merged = check_merged_hosts(compiled.whole, compiled.environment)
            found = tuple(in_source_order([*found, *domains, *merged]))
        return tuple(diagnostic.map_texts(*unexpand) for diagnostic in found)


def keep_until_exit(compiled: Checked) -> None:
    """Has the end of the process free the memory. Freeing the many objects of many routes takes a tenth of a check's time.

    An object in a reference cycle is freed only by the garbage collector, which ignores what is frozen.
    """
    cycle: list[object] = [compiled]
    cycle.append(cycle)
    gc.freeze()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pauses the garbage collector, which would search the growing trees for cycles again and again, although they have none.

    freeze() and unfreeze() move all objects to the oldest generation, so the collector does not search them soon after, either.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.unfreeze()
            gc.enable()
