"""Gathers the rules, for what needs all of them. A rule is all that is known of its code; it stands with what reports it."""

from importlib import import_module

from fanroute.diagnostics.rule import Rule

# The modules that have rules, by room.
_MODULES = {
    "syntax": ["source"],
    "spec": ["inputs", "validate"],
    "project": ["folder", "workspace"],
    "rules": [
        "routes",
        "auth",
        "caching",
        "channels",
        "run",
        "cors",
        "delivery",
        "foreign_pages",
        "headers",
        "hijacking",
        "keys",
        "links",
        "variables",
        "paths",
        "openness",
        "other_routers",
        "patterns",
        "reachability",
        "warnings",
    ],
    "routetests": ["coverage", "judge", "read"],
}
_LOADED = [import_module(f"fanroute.{room}.{name}") for room, names in _MODULES.items() for name in names]
_RULES = (rule for module in _LOADED for rule in vars(module).values() if isinstance(rule, Rule))
# Every code, with its rule, in order.
CODES = {rule.code: rule for rule in sorted(_RULES, key=lambda rule: rule.code)}
