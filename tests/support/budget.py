"""Compares costs with budget.json, which has counts and sizes but no times. `make perf-check` runs these tests."""

import json
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).parent / "budget.json"


class Budget:
    """Compares measured costs with the budget.

    Args:
        update: write the measured costs to the budget instead of comparing them.
    """

    def __init__(self, update: bool) -> None:
        self._update = update

    def check(self, what: str, costs: Mapping[str, int], spread: float = 0) -> None:
        """Checks that no cost is above the budget, or below it. A lower cost must be written to the budget.

        Args:
            what: the name of the table in budget.json.
            costs: the measured costs, by name.
            spread: how far a cost may be from the budget, as a share of the budget.
        """
        budget: dict[str, dict[str, int]] = json.loads(FILE.read_text()) if FILE.exists() else {}
        if self._update:
            FILE.write_text(json.dumps(budget | {what: dict(costs)}, indent=2, sort_keys=True) + "\n")
            return
        found = differences(costs, budget.get(what, {}), spread)
        assert not found, "\n".join(
            [f"{what}, otherwise than in tests/support/{FILE.name} (--update writes down what is meant):", *found]
        )


def differences(costs: Mapping[str, int], budget: Mapping[str, int], spread: float) -> list[str]:
    """Returns a sentence for each cost that differs from the budget."""
    found = []
    for name, cost in costs.items():
        allowed = budget.get(name, 0)
        if abs(cost - allowed) > spread * allowed:
            found.append(f"{name}: {cost}, more than {allowed}" if cost > allowed else f"{name}: {cost}, less than {allowed}")
    return [*found, *(f"{name}: no more there" for name in budget if name not in costs)]
