"""Gathers the rules, for what needs all of them. A rule is all that is known of its code; it stands with what reports it."""

from fanroute.diagnostics.rule import Rule
from fanroute.project import folder, workspace
from fanroute.routetests import coverage, judge, read
from fanroute.rules import (
    actions,
    auth,
    caching,
    channels,
    checks,
    cors,
    delivery,
    foreign_pages,
    headers,
    hijacking,
    keys,
    links,
    misplaced,
    misreadings,
    openness,
    other_routers,
    patterns,
    reachability,
    warnings,
)
from fanroute.spec import inputs, validate
from fanroute.syntax import source

_MODULES = (
    folder,
    workspace,
    coverage,
    judge,
    read,
    actions,
    auth,
    caching,
    channels,
    checks,
    cors,
    delivery,
    foreign_pages,
    headers,
    hijacking,
    keys,
    links,
    misplaced,
    misreadings,
    openness,
    other_routers,
    patterns,
    reachability,
    warnings,
    inputs,
    validate,
    source,
)
_RULES = (rule for module in _MODULES for rule in vars(module).values() if isinstance(rule, Rule))
# Every code, with its rule, in order.
CODES = {rule.code: rule for rule in sorted(_RULES, key=lambda rule: rule.code)}
