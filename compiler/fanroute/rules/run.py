"""Runs the checks: those of the data, to validate a file, and those of the Plan, to find its warnings."""

from collections.abc import Iterator, Sequence

from fanroute.diagnostics.diagnostic import Diagnostic, in_source_order
from fanroute.rules import (
    auth,
    backend_options,
    backends,
    cache_policies,
    caching,
    channels,
    claims,
    client_ips,
    cors,
    delivery,
    environments,
    headers,
    health,
    keys,
    other_meanings,
    other_routers,
    parameters,
    paths,
    patterns,
    profiles,
    published,
    publishing,
    rate_limits,
    reachability,
    redirects,
    rewriting,
    routes,
    secrets,
    template,
    variables,
)
from fanroute.rules.check import PLAN_CHECKS, SOURCE_CHECKS, ValidFile
from fanroute.spec.document import Spec
from fanroute.spec.validate import validate
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Plan

# The modules whose checks run. Importing a module registers its checks.
TOPICS = (
    auth,
    backend_options,
    backends,
    cache_policies,
    caching,
    channels,
    claims,
    client_ips,
    cors,
    delivery,
    environments,
    headers,
    health,
    keys,
    other_meanings,
    other_routers,
    parameters,
    paths,
    patterns,
    profiles,
    published,
    publishing,
    rate_limits,
    reachability,
    redirects,
    rewriting,
    rewriting,
    routes,
    secrets,
    template,
    variables,
)


def validate_routes(source: Source, found: Sequence[Diagnostic] = ()) -> Spec:
    """Validates the data of a routes.yaml.

    Raises Invalid with all of its errors, including those that were `found` before.
    """
    return validate(Spec, source, lambda source: (*found, *_find_errors(source)))


def _find_errors(source: Source) -> Iterator[Diagnostic]:
    if not isinstance(source.data, dict):
        return
    for check, about in SOURCE_CHECKS.items():
        if not about or not source.keys.isdisjoint(about):
            yield from check(source)


def find_warnings(source: Source, plan: Plan, loopback_host: str) -> tuple[Diagnostic, ...]:
    """Returns the warnings and notes of a valid file, in source order. `loopback_host` is the host of its loopback backend."""
    file = ValidFile(source, plan, loopback_host)
    return tuple(in_source_order(diagnostic for check in PLAN_CHECKS for diagnostic in check(file)))
