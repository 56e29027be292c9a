"""Gathers all rules by code, for `fanroute explain` and docs/diagnostics.md. Each rule stands in the module that reports it."""

from importlib import import_module

from fanroute.diagnostics.rule import Rule
from fanroute.rules.run import TOPICS

# The modules with rules outside of the room `rules`.
_OTHERS = (
    "syntax.source",
    "spec.environments",
    "spec.included",
    "spec.inputs",
    "spec.validate",
    "project.folder",
    "project.workspace",
    "routetests.coverage",
    "routetests.judge",
    "routetests.read",
)
_MODULES = (*TOPICS, *(import_module(f"fanroute.{name}") for name in _OTHERS))
_RULES = (rule for module in _MODULES for rule in vars(module).values() if isinstance(rule, Rule))
# Every rule by its code, in the order of the codes.
CODES = {rule.code: rule for rule in sorted(_RULES, key=lambda rule: rule.code)}
