"""The stages in a row: the bytes of a routes.yaml to all that is made of it. Pure."""

from dataclasses import dataclass

from fanroute.advice import advise
from fanroute.checks import check
from fanroute.diagnostics import Diagnostic
from fanroute.emit import emit
from fanroute.lower import Backend, lower_backends, lower_plan
from fanroute.source import decode, load
from fanroute.surroundings import Surroundings
from fanroute_runtime.plan import Plan


@dataclass(frozen=True, slots=True)
class Compiled:
    """A routes.yaml, compiled: its Plan, the backends to set up, and the files that ship, by relative path.

    `diagnostics` are the warnings and notes, in source order.
    """

    plan: Plan
    backends: tuple[Backend, ...]
    files: dict[str, str]
    diagnostics: tuple[Diagnostic, ...] = ()


def compile_routes(raw: bytes, surroundings: Surroundings) -> Compiled:
    """Compile a routes.yaml. Raises Invalid."""
    source = load(decode(raw), surroundings.environment)
    spec = check(source)
    plan = lower_plan(spec)
    return Compiled(plan, lower_backends(spec), emit(plan, surroundings.runtime), advise(source, plan))
