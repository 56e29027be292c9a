"""The rules that a routes.yaml keeps, one a code: all that is known of a code, and the only place that knows it."""

from itertools import chain

from fanroute.rules import advice, building, channels, meaning, passing, reach, reading, testing, trust
from fanroute.rules.rule import Rule, Severity

__all__ = ["CODES", "Rule", "Severity"]

_THEMES = (
    reading.RULES,
    meaning.RULES,
    passing.RULES,
    trust.RULES,
    reach.RULES,
    channels.RULES,
    advice.RULES,
    testing.RULES,
    building.RULES,
)
# Every code, with its rule, in order.
CODES = {rule.code: rule for rule in sorted(chain(*_THEMES), key=lambda rule: rule.code)}
