"""Sets of the values that one dimension of a request can have."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain, count, filterfalse
from sys import maxsize
from typing import NamedTuple

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, shortest
from fanroute_runtime.pattern import Automaton, compile_pattern

Names = frozenset[str]
NONE: Names = frozenset()

# How many sets of one kind, which many routes have in common, are kept.
MAX_KEPT = 10_000


class Other(Enum):
    """What a request may have in the place of a text: nothing, what is no text, or a segment with an encoded slash in it."""

    ABSENT = "absent"
    BROKEN = "broken"
    SLASHED = "slashed"


# What a segment can be that has no slash in it.
_SEGMENT = compile_pattern("[^/]*")


@dataclass(frozen=True, eq=False)
class Space:
    """A dimension whose values are texts: which there are, what there is besides, and which are chosen first."""

    possible: Automaton = QUERY_VALUE
    others: tuple[Other, ...] = ()
    liked: tuple[str, ...] = ()


METHODS = Space(liked=("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"))
SCHEMES = Space(liked=("https", "http"))
WEBSOCKETS = Space(liked=("no", "yes"))
SEGMENTS = Space(_SEGMENT, (Other.BROKEN, Other.SLASHED), liked=("",))
HEADERS = Space(HEADER_VALUE, (Other.ABSENT,))
QUERIES = Space(QUERY_VALUE, (Other.ABSENT, Other.BROKEN))


class Texts(NamedTuple):
    """Some texts of a space, and some of what there is besides.

    Texts are those that are among `values` (None: all that are possible), are not in `without`, fit all the patterns
    `fits` and none of `unfit`. Where `values` are given, they are all that counts.
    """

    space: Space
    others: frozenset[Other] = frozenset()
    values: Names | None = None
    without: Names = NONE
    fits: Names = NONE
    unfit: Names = NONE

    @classmethod
    def all(cls, space: Space) -> "Texts":
        return cls(space, frozenset(space.others))

    @classmethod
    @lru_cache(maxsize=MAX_KEPT)
    def of(cls, space: Space, values: Names | tuple[str, ...]) -> "Texts":
        return cls(space, values=frozenset(value for value in values if space.possible.matches(value)))

    def meet(self, other: "Texts") -> "Texts":
        """What is in both."""
        others = self.others & other.others
        if self.values is not None and other.values is not None:
            return Texts(self.space, others, self.values & other.values)
        for one, another in ((self, other), (other, self)):
            if one.values is not None:
                return Texts(self.space, others, frozenset(filter(another.has, one.values)))
        return Texts(
            self.space,
            others,
            without=self.without | other.without,
            fits=self.fits | other.fits,
            unfit=self.unfit | other.unfit,
        )

    def minus(self, other: "Texts") -> Iterator["Texts"]:
        """What is left without another set that refuses no pattern, in parts that have nothing in common."""
        yield self._replace(values=NONE, others=self.others - other.others)
        texts = self._replace(others=frozenset())
        if self.values is not None:
            has = other.has if other.values is None else other.values.__contains__
            yield texts._replace(values=frozenset(filterfalse(has, self.values)))
        elif other.values is not None:
            yield texts._replace(without=self.without | other.values)
        else:
            yield texts.meet(Texts.of(self.space, other.without))
            texts = texts._replace(without=self.without | other.without)
            for pattern in sorted(other.fits):
                yield texts._replace(unfit=texts.unfit | {pattern})
                texts = texts._replace(fits=texts.fits | {pattern})

    def has(self, text: str) -> bool:
        """Whether a possible text is in it."""
        if self.values is not None:
            return text in self.values
        return (
            text not in self.without
            and all(compile_pattern(pattern).matches(text) for pattern in self.fits)
            and not any(compile_pattern(pattern).matches(text) for pattern in self.unfit)
        )

    @property
    def is_empty(self) -> bool:
        if self.others or self.values:
            return False
        return self.values is not None or (bool(self.fits or self.unfit) and self._some() is None)

    def pick(self, named: Names) -> str | Other:
        """A value of a set that is not empty: no text if that can be, and rather none that is `named`."""
        if Other.ABSENT in self.others:
            return Other.ABSENT
        text = self._some(named)
        if text is not None:
            return text
        return Other.BROKEN if Other.BROKEN in self.others else Other.SLASHED

    def _some(self, named: Names = NONE) -> str | None:
        """A text of the set; None where there is none."""
        if self.values is None and not self.fits and not self.unfit:
            fresh = (text for text in _fresh() if text not in named)
            return next(text for text in chain(self.space.liked, fresh) if text not in self.without)
        liked = next((text for text in (*self.space.liked, "x") if self.has(text)), None)
        if liked is not None:
            return liked
        if self.values is not None:
            return min(self.values, default=None)
        return _shortest(self.space, self.fits, self.unfit, self.without)


@lru_cache(maxsize=MAX_KEPT)
def _shortest(space: Space, fits: Names, unfit: Names, without: Names) -> str | None:
    taken = map(compile_pattern, sorted(fits))
    return shortest(space.possible, *taken, unfit=[*map(compile_pattern, sorted(unfit))], without=without)


def _fresh() -> Iterator[str]:
    """Texts that few would name."""
    yield from "xyz"
    yield from (f"x{number}" for number in count(1))


class Hosts(NamedTuple):
    """Some hosts: `names`, and what is under `suffixes` (or, where `names` is None, any), without others."""

    names: Names | None = None
    suffixes: Names = NONE
    without_names: Names = NONE
    without_suffixes: Names = NONE

    @classmethod
    @lru_cache(maxsize=MAX_KEPT)
    def of(cls, patterns: tuple[str, ...]) -> "Hosts":
        """The hosts of a match: names, and `*.` with a suffix."""
        given = frozenset(patterns)
        names = frozenset(pattern for pattern in given if not pattern.startswith("*."))
        return cls(names, frozenset(pattern[2:] for pattern in given - names))

    def meet(self, other: "Hosts") -> "Hosts":
        """What is in both."""
        if self.names is None:
            names, suffixes = other.names, other.suffixes
        elif other.names is None:
            names, suffixes = self.names, self.suffixes
        else:
            names = (self.names & other.names) | _under(self.names, other.suffixes) | _under(other.names, self.suffixes)
            suffixes = (self.suffixes & other.suffixes) | _under(self.suffixes, other.suffixes)
            suffixes |= _under(other.suffixes, self.suffixes)
        met = Hosts(names, suffixes)
        return met._without(self.without_names, self.without_suffixes)._without(other.without_names, other.without_suffixes)

    def minus(self, other: "Hosts") -> Iterator["Hosts"]:
        """What is left without the hosts of a match."""
        yield self._without(other.names or NONE, other.suffixes)

    def _without(self, names: Names, suffixes: Names) -> "Hosts":
        kept = self.suffixes - suffixes - _under(self.suffixes, suffixes)
        left = None if self.names is None else self.names - names - _under(self.names, suffixes)
        if left is not None and not kept:  # nothing else is in it that could be refused
            return Hosts(left)
        return Hosts(left, kept, self.without_names | names, self.without_suffixes | suffixes)

    def has(self, host: str) -> bool:
        parts = frozenset({host})
        if host in self.without_names or _under(parts, self.without_suffixes):
            return False
        return self.names is None or host in self.names or bool(_under(parts, self.suffixes))

    @property
    def is_empty(self) -> bool:
        return self.names is not None and not self.names and not self.suffixes

    def pick(self, named: Names) -> str:
        """A host of a set that is not empty, rather one that is not `named`."""
        if self.names is None:
            return next(filter(self.has, (host for host in chain(_HOSTS, _fresh()) if host not in named)))
        if self.names:
            return min(self.names)
        suffix = min(self.suffixes)
        return next(filter(self.has, (host for label in _fresh() if (host := f"{label}.{suffix}") not in named)))


_HOSTS = ("example.com", "example.org", "example.net")


def _under(hosts: Names, suffixes: Names) -> Names:
    """Those of some hosts (or suffixes) that are under one of some suffixes."""
    if not suffixes:
        return NONE
    return frozenset(host for host in hosts if any(parent in suffixes for parent in parents(host)))


def parents(host: str) -> Iterator[str]:
    """The domains that a host is under, from the longest: of `a.b.c` they are `b.c` and `c`."""
    while "." in host:
        host = host.partition(".")[2]
        yield host


class Lengths(NamedTuple):
    """How many segments a path has: from `least` to `most`."""

    least: int = 1
    most: int = maxsize

    def meet(self, other: "Lengths") -> "Lengths":
        return Lengths(max(self.least, other.least), min(self.most, other.most))

    def minus(self, other: "Lengths") -> Iterator["Lengths"]:
        yield Lengths(self.least, min(self.most, other.least - 1))
        yield Lengths(max(self.least, other.most + 1), self.most)

    @property
    def is_empty(self) -> bool:
        return self.least > self.most

    def pick(self, named: Names) -> int:
        return self.least


Set = Texts | Hosts | Lengths
