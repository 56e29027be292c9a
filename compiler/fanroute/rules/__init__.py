"""The rules that a routes.yaml keeps, one a code: all that is known of a code, and the only place that knows it."""

from fanroute.rules import advice, channels, meaning, passing, reach, reading, testing
from fanroute.rules.rule import Rule, Severity

__all__ = ["CODES", "Rule", "Severity"]

_ALL = (*reading.RULES, *meaning.RULES, *passing.RULES, *reach.RULES, *channels.RULES, *advice.RULES, *testing.RULES)
# Every code, with its rule, in order.
CODES = {rule.code: rule for rule in sorted(_ALL, key=lambda rule: rule.code)}
