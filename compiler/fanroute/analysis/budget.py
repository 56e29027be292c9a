"""Limits the steps of a search: the searches are exact, and for a few files an exact answer would take forever."""


class BudgetExceeded(Exception):
    """Raised when the budget is used up before there is a result."""


class Budget:
    """Counts the steps that a search may still take.

    A step takes a few microseconds. The same input takes the same number of steps on every machine. Steps are also charged to
    `within`, the budget of the whole analysis.
    """

    def __init__(self, steps: int, within: "Budget | None" = None) -> None:
        self.left = steps
        self._within = within

    def spend(self, steps: int = 1) -> None:
        """Takes steps. Raises BudgetExceeded if none are left."""
        if self._within:
            self._within.spend(steps)
        self.left -= steps
        if self.left < 0:
            raise BudgetExceeded

    def charge(self, steps: int) -> None:
        """Takes steps and never raises. Used for a search that was given up, because it may not have counted all of its work.

        An example is `automata.shortest_text`, which limits its states instead.
        """
        self.left -= steps
