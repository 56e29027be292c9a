"""Represents conditions on the first label of a host (`{tenant}.example.com`), and finds hosts that meet them.

Such a condition is about the same text as the set of hosts that a match names. So a host has to be found for both at once.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from fanroute.analysis.automata import shortest_text
from fanroute.analysis.sets import MAX_CACHED, NONE, Hosts, Names
from fanroute_runtime.matching.host_labels import LABEL, can_be_label
from fanroute_runtime.matching.pattern import compile_pattern

# The hosts of which one must follow the first label, and the label's pattern, "" for any.
Condition = tuple[Names, str]
# The labels that examples have first.
_USUAL = ("x", "y", "z")


class Labels(NamedTuple):
    """Represents the hosts that meet all conditions of `fitting` and none of `unfitting`."""

    fitting: frozenset[Condition] = frozenset()
    unfitting: frozenset[Condition] = frozenset()

    @classmethod
    def of(cls, hosts: tuple[str, ...], pattern: str) -> "Labels":
        """Returns the hosts of a match that binds their first label. Its `hosts` are suffixes after `*.`."""
        return cls(frozenset({(frozenset(host[2:] for host in hosts), pattern)}))

    def intersect(self, other: "Labels") -> "Labels":
        return Labels(self.fitting | other.fitting, self.unfitting | other.unfitting)

    def subtract(self, other: "Labels") -> Iterator["Labels"]:
        """Yields disjoint sets that together are this one without the other, which must have nothing `unfitting`."""
        left = self
        for condition in sorted(other.fitting, key=lambda condition: (sorted(condition[0]), condition[1])):
            yield left._replace(unfitting=left.unfitting | {condition})
            left = left._replace(fitting=left.fitting | {condition})

    def contains(self, host: str) -> bool:
        """Returns True if a host meets the conditions."""
        return all(_meets(host, one) for one in self.fitting) and not any(_meets(host, one) for one in self.unfitting)

    @property
    def is_empty(self) -> bool:
        """Returns True if the conditions contradict each other. They may also contradict the set of hosts: see `find_host`."""
        return bool(self.fitting & self.unfitting)


def _meets(host: str, condition: Condition) -> bool:
    parents, pattern = condition
    label, _, parent = host.partition(".")
    return parent in parents and can_be_label(label) and (not pattern or compile_pattern(pattern).matches(label))


def find_host(hosts: Hosts, labels: Labels, named: Names = NONE) -> str | None:
    """Returns a host of a set that meets conditions, or None if there is none. Raises BudgetExceeded.

    It is preferably one that is not in `named`.
    """
    if found := next(filter(labels.contains, sorted(hosts.names or ())), None):
        return found
    if not labels.fitting:
        # The conditions that are not met are about one label and some parents, so other hosts are left.
        return None if hosts.is_finite else next(filter(labels.contains, hosts.candidates(named)))
    for parent in sorted(frozenset.intersection(*(parents for parents, _ in labels.fitting))):
        if hosts.has_labels_before(parent) and (label := _find_label(parent, hosts, labels, named)):
            return f"{label}.{parent}"
    return None


def _find_label(parent: str, hosts: Hosts, labels: Labels, named: Names) -> str | None:
    """Returns the label of a host with this parent, if a set of hosts has such hosts apart from those it excludes by name."""
    usual = (label for label in _USUAL if f"{label}.{parent}" not in named)
    found = next((one for one in usual if hosts.contains(f"{one}.{parent}") and labels.contains(f"{one}.{parent}")), None)
    excluded = frozenset(name.partition(".")[0] for name in hosts.excluded_names if name.partition(".")[2] == parent)
    rejected = frozenset(pattern for parents, pattern in labels.unfitting if parent in parents)
    return found or _shortest(frozenset(pattern for _, pattern in labels.fitting), rejected, excluded)


@lru_cache(maxsize=MAX_CACHED)
def _shortest(patterns: Names, rejected: Names, excluded: Names) -> str | None:
    accepting, rejecting = ([compile_pattern(one or LABEL) for one in sorted(some)] for some in (patterns, rejected))
    return shortest_text(compile_pattern(LABEL), *accepting, rejected_by=rejecting, excluding=excluded)
