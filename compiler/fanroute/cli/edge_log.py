"""Prints the log of a local edge, as the routes that it serves require."""

from collections.abc import Callable, Mapping

from fanroute.cli.output import say
from fanroute.devserver.request_log import make_explainer, make_redactor, token_parameters
from fanroute.pipeline import Compiled
from fanroute.routetests.outcome import make_tracer

Change = Callable[[str], str]
# Compiled routes, and the entries of the local store that `host_entries` returns for them.
Followed = tuple[Compiled, Mapping[str, str]]


def _unexplained(line: str) -> str:
    return line


class EdgeLog:
    """Prints lines of the log: hides tokens in them, and says why a route does not match."""

    def __init__(self) -> None:
        # By the names of the parameters that have tokens.
        self._redactors: dict[tuple[str, ...], Change] = {}
        self._explain: Change = _unexplained
        self._followed: Followed | None = None

    def follow(self, compiled: Compiled, hosts: Mapping[str, str]) -> None:
        """Hides the tokens that these routes take, and still those of earlier routes, because clients may not know of the change.

        Nothing is explained until `explain` is called for these routes.
        """
        self._redactors[tuple(token_parameters(compiled.plan))] = make_redactor(compiled.plan)
        self._followed, self._explain = (compiled, hosts), _unexplained

    def explain(self) -> None:
        """Explains by the routes that are followed. This takes a while with many routes, and others may be followed meanwhile."""
        followed = self._followed
        assert followed is not None
        compiled, hosts = followed
        explain = make_explainer(make_tracer(compiled), hosts)
        if followed is self._followed:
            self._explain = explain

    def __call__(self, line: str) -> None:
        """Prints a line."""
        line = self._explain(line)
        for redact in self._redactors.values():
            line = redact(line)
        say(line)
