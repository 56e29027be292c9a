"""The stages in a row: the bytes of a routes.yaml to all that is made of it. Pure."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.lowering.lower import lower_backends, lower_plan
from fanroute.plan.backend import Backend, loopback_host
from fanroute.rules.keys import check_key_files
from fanroute.rules.run import find_warnings, validate_routes
from fanroute.spec.document import Spec
from fanroute.spec.inputs import Inputs, read_files
from fanroute.syntax.source import Source, decode, parse_yaml
from fanroute.syntax.variables import command_unexpander, unexpander
from fanroute_runtime.plan import Hold, Plan, Tunnel


@dataclass(frozen=True, slots=True)
class Compiled:
    """A routes.yaml, compiled: its Plan, the backends to set up, and the warnings and notes, in source order.

    `source` and `spec` are what it was compiled from.
    """

    source: Source
    spec: Spec
    plan: Plan
    backends: tuple[Backend, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def loopback(self) -> str:
        """The name of the loopback backend, "" if there is none."""
        return next((backend.name for backend in self.backends if backend.loopback), "")

    @property
    def loopback_host(self) -> str:
        """The host of the loopback backend, "" if there is none."""
        return loopback_host(self.backends)

    @property
    def tunnels(self) -> bool:
        """Whether a route joins WebSockets."""
        return any(isinstance(route.action, Tunnel) for route in self.plan.routes)


def compile_routes(raw: bytes, inputs: Inputs) -> Compiled:
    """Compile a routes.yaml. Raises Invalid."""
    with _uncollected():
        source = parse_yaml(decode(raw), inputs.environment)
        hide = unexpander(source.unexpanded), command_unexpander(source.unexpanded)
        files, unusable = read_files(source, inputs.read)
        try:
            spec = validate_routes(source, [*unusable, *check_key_files(source, files)])
        except Invalid as invalid:
            raise Invalid(diagnostic.map_texts(*hide) for diagnostic in invalid.diagnostics) from None
        plan = lower_plan(spec, files)
        backends = lower_backends(spec)
        host = loopback_host(backends)
        if any(isinstance(route.action, Hold) and route.action.link for route in plan.routes):
            from fanroute.analysis.links import linked_backends  # late: most files have no links

            plan = replace(plan, linked=linked_backends(plan, host))
        warnings = tuple(diagnostic.map_texts(*hide) for diagnostic in find_warnings(source, plan, host))
        return Compiled(source, spec, plan, backends, warnings)


def keep(compiled: Compiled) -> None:
    """Leave it to the end of the process: to free what is made of many routes, piece by piece, takes a tenth of a check.

    What is in a cycle only the collector frees, and that does not look at what is frozen.
    """
    cycle: list[object] = [compiled]
    cycle.append(cycle)
    gc.freeze()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: it would go through the growing trees again and again, and they have none.

    Nor does it go through them at once when it is back: they are as old to it as all that it has kept.
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
