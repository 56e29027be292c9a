"""How much may be tried: the search is exact, and for some files that would take for ever."""


class TooMuch(Exception):
    """The work is used up before there was a result."""


class Work:
    """Steps that may be taken: each some microseconds, and for the same input as many on every machine.

    Those that are taken are taken from `within`, too.
    """

    def __init__(self, steps: int, within: "Work | None" = None) -> None:
        self.left = steps
        self._within = within

    def spend(self, steps: int = 1) -> None:
        """Take steps. Raises TooMuch where there are none left."""
        if self._within:
            self._within.spend(steps)
        self.left -= steps
        if self.left < 0:
            raise TooMuch

    def give_up(self, steps: int) -> None:
        """Count a search that was given up, which may have done its work where none is taken (`automata.shortest`)."""
        self.left -= steps
