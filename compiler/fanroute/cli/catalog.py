"""Gathers the rules, for what needs all of them. A rule is all that is known of its code."""

from fanroute.diagnostics.rule import Rule
from fanroute.project import rules as building
from fanroute.routetests import rules as testing
from fanroute.rules.texts import advice, channels, passing, reach, trust
from fanroute.spec import rules as meaning
from fanroute.syntax import rules as reading

_THEMES = (reading, meaning, passing, trust, reach, channels, advice, testing, building)
_RULES = (rule for theme in _THEMES for rule in vars(theme).values() if isinstance(rule, Rule))
# Every code, with its rule, in order.
CODES = {rule.code: rule for rule in sorted(_RULES, key=lambda rule: rule.code)}
