"""Represents the sets of values that one dimension of a request can have."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain, count, filterfalse
from sys import maxsize
from typing import NamedTuple

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, shortest_text
from fanroute.analysis.client_addresses import Addresses
from fanroute.analysis.outline import is_plain
from fanroute_runtime.matching.pattern import Automaton, compile_pattern

Names = frozenset[str]
NONE: Names = frozenset()

# How many sets of each kind are cached: many routes have the same ones.
MAX_CACHED = 10_000


class NonText(Enum):
    """Represents what a request may have instead of a text: nothing, bytes that are not UTF-8, or an encoded slash."""

    ABSENT = "absent"
    BROKEN = "broken"
    SLASHED = "slashed"


# The segments that a parameter does not bind, besides those with a slash and those that are not UTF-8: see `predicates.can_bind`.
UNBOUND: Names = frozenset({"", ".", ".."})
# The segments without a slash.
_SEGMENT = compile_pattern("[^/]*")


@dataclass(frozen=True, eq=False)
class Space:
    """Represents a dimension whose values are texts. `preferred` are the texts that examples use first."""

    possible: Automaton = QUERY_VALUE
    non_texts: tuple[NonText, ...] = ()
    preferred: tuple[str, ...] = ()


METHODS = Space(preferred=("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"))
SCHEMES = Space(preferred=("https", "http"))
WEBSOCKETS = Space(preferred=("no", "yes"))
SEGMENTS = Space(_SEGMENT, (NonText.BROKEN, NonText.SLASHED), preferred=("",))
HEADERS = Space(HEADER_VALUE, (NonText.ABSENT,))
QUERIES = Space(QUERY_VALUE, (NonText.ABSENT, NonText.BROKEN))


class Texts(NamedTuple):
    """Represents a set of texts and non-texts of a space.

    If `values` is not None, the texts are exactly those. Otherwise they are the possible texts that are not in `excluded`, that
    fit all of `patterns` and that fit none of `excluded_patterns`.
    """

    space: Space
    non_texts: frozenset[NonText] = frozenset()
    values: Names | None = None
    excluded: Names = NONE
    patterns: Names = NONE
    excluded_patterns: Names = NONE

    @classmethod
    def all(cls, space: Space) -> "Texts":
        return cls(space, frozenset(space.non_texts))

    @classmethod
    @lru_cache(maxsize=MAX_CACHED)
    def of(cls, space: Space, values: Names | tuple[str, ...]) -> "Texts":
        """Returns the set of these values, without those that are not possible."""
        return cls(space, values=frozenset(value for value in values if space.possible.matches(value)))

    def intersect(self, other: "Texts") -> "Texts":
        non_texts = self.non_texts & other.non_texts
        if self.values is not None and other.values is not None:
            return Texts(self.space, non_texts, self.values & other.values)
        for one, another in ((self, other), (other, self)):
            if one.values is not None:
                return Texts(self.space, non_texts, frozenset(filter(another.contains, one.values)))
        return Texts(
            self.space,
            non_texts,
            excluded=self.excluded | other.excluded,
            patterns=self.patterns | other.patterns,
            excluded_patterns=self.excluded_patterns | other.excluded_patterns,
        )

    def subtract(self, other: "Texts") -> Iterator["Texts"]:
        """Yields disjoint sets that together are this one without the other. The other must have no `excluded_patterns`."""
        yield self._replace(values=NONE, non_texts=self.non_texts - other.non_texts)
        texts = self._replace(non_texts=frozenset())
        if self.values is not None:
            contains = other.contains if other.values is None else other.values.__contains__
            yield texts._replace(values=frozenset(filterfalse(contains, self.values)))
        elif other.values is not None:
            yield texts._replace(excluded=self.excluded | other.values)
        else:
            yield texts.intersect(Texts.of(self.space, other.excluded))
            texts = texts._replace(excluded=self.excluded | other.excluded)
            for pattern in sorted(other.patterns):
                yield texts._replace(excluded_patterns=texts.excluded_patterns | {pattern})
                texts = texts._replace(patterns=texts.patterns | {pattern})

    def contains(self, text: str) -> bool:
        """Returns True if the set has this text, which must be possible."""
        if self.values is not None:
            return text in self.values
        return (
            text not in self.excluded
            and all(compile_pattern(pattern).matches(text) for pattern in self.patterns)
            and not any(compile_pattern(pattern).matches(text) for pattern in self.excluded_patterns)
        )

    @property
    def is_empty(self) -> bool:
        if self.non_texts or self.values or self._is_plain:
            return False
        return self.values is not None or (bool(self.patterns or self.excluded_patterns) and self._sample_text() is None)

    @property
    def _is_plain(self) -> bool:
        """Returns True if the texts are those of one plain pattern. Such a set has texts, as the values of any space."""
        one_pattern = self.values is None and len(self.patterns) == 1 and not self.excluded_patterns
        return one_pattern and self.excluded <= UNBOUND and all(map(is_plain, self.patterns))

    def sample(self, named: Names) -> str | NonText:
        """Returns a value of a set that is not empty: ABSENT if possible, otherwise preferably a text that is not in `named`."""
        if NonText.ABSENT in self.non_texts:
            return NonText.ABSENT
        text = self._sample_text(named)
        if text is not None:
            return text
        return NonText.BROKEN if NonText.BROKEN in self.non_texts else NonText.SLASHED

    def _sample_text(self, named: Names = NONE) -> str | None:
        """Returns a text of the set, or None if it has none."""
        if self.values is None and not self.patterns and not self.excluded_patterns:
            unusual = (text for text in _unusual_texts() if text not in named)
            return next(text for text in chain(self.space.preferred, unusual) if text not in self.excluded)
        preferred = next((text for text in (*self.space.preferred, "x") if self.contains(text)), None)
        if preferred is not None:
            return preferred
        if self.values is not None:
            return min(self.values, default=None)
        return _shortest(self.space, self.patterns, self.excluded_patterns, self.excluded)


@lru_cache(maxsize=MAX_CACHED)
def _shortest(space: Space, patterns: Names, excluded_patterns: Names, excluded: Names) -> str | None:
    accepting, rejecting = (map(compile_pattern, sorted(some)) for some in (patterns, excluded_patterns))
    return shortest_text(space.possible, *accepting, rejected_by=[*rejecting], excluding=excluded)


def _unusual_texts() -> Iterator[str]:
    """Yields texts that hardly any routes.yaml names."""
    yield from "xyz"
    yield from (f"x{number}" for number in count(1))


class Hosts(NamedTuple):
    """Represents a set of hosts: `names` and all hosts under `suffixes`, without the excluded ones.

    If `names` is None, the set has every host that is not excluded.
    """

    names: Names | None = None
    suffixes: Names = NONE
    excluded_names: Names = NONE
    excluded_suffixes: Names = NONE

    @classmethod
    @lru_cache(maxsize=MAX_CACHED)
    def of(cls, patterns: tuple[str, ...]) -> "Hosts":
        """Returns the hosts of a match, whose patterns are names, and suffixes after `*.`."""
        all_patterns = frozenset(patterns)
        names = frozenset(pattern for pattern in all_patterns if not pattern.startswith("*."))
        return cls(names, frozenset(pattern[2:] for pattern in all_patterns - names))

    def intersect(self, other: "Hosts") -> "Hosts":
        if self.names is None:
            names, suffixes = other.names, other.suffixes
        elif other.names is None:
            names, suffixes = self.names, self.suffixes
        else:
            names = (self.names & other.names) | _under(self.names, other.suffixes) | _under(other.names, self.suffixes)
            suffixes = (self.suffixes & other.suffixes) | _under(self.suffixes, other.suffixes)
            suffixes |= _under(other.suffixes, self.suffixes)
        common = Hosts(names, suffixes)._excluding(self.excluded_names, self.excluded_suffixes)
        return common._excluding(other.excluded_names, other.excluded_suffixes)

    def subtract(self, other: "Hosts") -> Iterator["Hosts"]:
        """Yields this set without the hosts of a match, which excludes none."""
        yield self._excluding(other.names or NONE, other.suffixes)

    def _excluding(self, names: Names, suffixes: Names) -> "Hosts":
        kept = self.suffixes - suffixes - _under(self.suffixes, suffixes)
        left = None if self.names is None else self.names - names - _under(self.names, suffixes)
        if left is not None and not kept:  # the set is finite, so it needs no exclusions
            return Hosts(left)
        return Hosts(left, kept, self.excluded_names | names, self.excluded_suffixes | suffixes)

    def contains(self, host: str) -> bool:
        hosts = frozenset({host})
        if host in self.excluded_names or _under(hosts, self.excluded_suffixes):
            return False
        return self.names is None or host in self.names or bool(_under(hosts, self.suffixes))

    @property
    def is_empty(self) -> bool:
        return self.names is not None and not self.names and not self.suffixes

    def sample(self, named: Names) -> str:
        """Returns a host of a set that is not empty, preferably one that is not in `named`."""
        return min(self.names) if self.names else next(self.candidates(named))

    @property
    def is_finite(self) -> bool:
        """Returns True if the set has only hosts that it names."""
        return self.names is not None and not self.suffixes

    def candidates(self, named: Names) -> Iterator[str]:
        """Yields hosts of a set that is not finite, without end: those that it does not name, and that are not in `named`."""
        below = () if self.names is None else (f"{text}.{min(self.suffixes)}" for text in _texts_and_pairs())
        hosts = chain(_HOSTS, _unusual_texts()) if self.names is None else below
        return (host for host in hosts if host not in named and self.contains(host))

    def has_labels_before(self, parent: str) -> bool:
        """Returns True if the set has all hosts of one label and this parent, apart from names that it excludes."""
        hosts = frozenset({f"x.{parent}"})
        is_included = self.names is None or bool(_under(hosts, self.suffixes))
        return is_included and not _under(hosts, self.excluded_suffixes)


_HOSTS = ("example.com", "example.org", "example.net")


def _texts_and_pairs() -> Iterator[str]:
    """Yields labels, and after each one two labels with a dot between them."""
    for text in _unusual_texts():
        yield from (text, f"x.{text}")


def _under(hosts: Names, suffixes: Names) -> Names:
    """Returns the hosts (or suffixes) that fall under any of the given suffixes."""
    if not suffixes:
        return NONE
    return frozenset(host for host in hosts if any(parent in suffixes for parent in parents(host)))


def parents(host: str) -> Iterator[str]:
    """Yields the domains that a host falls under, the longest first: `b.c` and `c` for `a.b.c`."""
    while "." in host:
        host = host.partition(".")[2]
        yield host


class Lengths(NamedTuple):
    """Represents the numbers of segments that a path may have: from `least` to `most`."""

    least: int = 1
    most: int = maxsize

    def intersect(self, other: "Lengths") -> "Lengths":
        return Lengths(max(self.least, other.least), min(self.most, other.most))

    def subtract(self, other: "Lengths") -> Iterator["Lengths"]:
        yield Lengths(self.least, min(self.most, other.least - 1))
        yield Lengths(max(self.least, other.most + 1), self.most)

    @property
    def is_empty(self) -> bool:
        return self.least > self.most

    def sample(self, named: Names) -> int:
        return self.least


ValueSet = Texts | Hosts | Lengths | Addresses
