"""The rules that a routes.yaml keeps, one a code: all that is known of a code, and the only place that knows it."""

from fanroute.rules import advice, meaning, reading
from fanroute.rules.rule import Rule, Severity

__all__ = ["CODES", "Rule", "Severity"]

# Every code, with its rule.
CODES = {rule.code: rule for rule in (*reading.RULES, *meaning.RULES, *advice.RULES)}
