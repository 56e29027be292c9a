"""Gathers the rules that a routes.yaml keeps, for what needs all of them. A rule is all that is known of its code."""

from fanroute.rules import advice, building, channels, meaning, passing, reach, reading, testing, trust
from fanroute.rules.rule import Rule

_THEMES = (reading, meaning, passing, trust, reach, channels, advice, testing, building)
_RULES = (rule for theme in _THEMES for rule in vars(theme).values() if isinstance(rule, Rule))
# Every code, with its rule, in order.
CODES = {rule.code: rule for rule in sorted(_RULES, key=lambda rule: rule.code)}
