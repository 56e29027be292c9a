"""What things may cost, in budget.json: counts and sizes, no times. `make perf-check` runs the tests that are marked so."""

import json
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).parent / "budget.json"


class Budget:
    """Compares what things cost with what they may.

    Args:
        update: write down what they cost instead, as what they may from now on.
    """

    def __init__(self, update: bool) -> None:
        self._update = update

    def check(self, what: str, costs: Mapping[str, int], spread: float = 0) -> None:
        """See that nothing costs more than is written down, or less, which is to be written down then.

        Args:
            what: the table in budget.json.
            costs: what each costs.
            spread: how far these may be from what is written down, as a share of it.
        """
        budget: dict[str, dict[str, int]] = json.loads(FILE.read_text()) if FILE.exists() else {}
        if self._update:
            FILE.write_text(json.dumps(budget | {what: dict(costs)}, indent=2, sort_keys=True) + "\n")
            return
        told = differences(costs, budget.get(what, {}), spread)
        assert not told, "\n".join(
            [f"{what}, otherwise than in tests/support/{FILE.name} (--update writes down what is meant):", *told]
        )


def differences(costs: Mapping[str, int], budget: Mapping[str, int], spread: float) -> list[str]:
    """A sentence for each thing whose cost is not as in a budget."""
    told = []
    for name, cost in costs.items():
        written = budget.get(name, 0)
        if abs(cost - written) > spread * written:
            told.append(f"{name}: {cost}, more than {written}" if cost > written else f"{name}: {cost}, less than {written}")
    return [*told, *(f"{name}: no more there" for name in budget if name not in costs)]
