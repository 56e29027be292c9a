"""Represents sets of clients' addresses."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from fanroute_runtime.matching.addresses import IPV6, Range, number_of, range_of

# The number after that of the last address.
_END = IPV6 + (1 << 128)
# How many networks are kept as ranges: several checks ask for each.
MAX_CACHED = 20_000
# Examples use an address for documentation, if there is one (RFC 5737 and RFC 3849).
_PREFERRED = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")


_range = lru_cache(MAX_CACHED)(range_of)


def _gaps(*ranges: Range) -> tuple[Range, ...]:
    """Returns what is between ranges, which may overlap."""
    gaps, reached = [], 0
    for first, end in (*sorted(ranges), (_END, _END)):
        if first > reached:
            gaps.append((reached, first))
        reached = max(reached, end)
    return tuple(gaps)


# Addresses of IPv4 that are mapped into IPv6 count as IPv4, so no client has one.
_MAPPED = _range("::ffff:0:0/96")


class Addresses(NamedTuple):
    """Represents a set of addresses. With `unknown`, it includes a client whose address the edge does not know.

    The ranges are in order, and do not touch each other.
    """

    ranges: tuple[Range, ...] = _gaps(_MAPPED)
    unknown: bool = True

    @classmethod
    def of(cls, networks: Iterable[str]) -> "Addresses":
        """Returns the addresses in some networks."""
        others = _gaps(*map(_range, networks))
        return cls(_gaps(*others, _MAPPED), unknown=False)

    def intersect(self, other: "Addresses") -> "Addresses":
        return Addresses(_gaps(*_gaps(*self.ranges), *_gaps(*other.ranges)), self.unknown and other.unknown)

    def subtract(self, other: "Addresses") -> Iterator["Addresses"]:
        """Yields this set without the other."""
        yield Addresses(_gaps(*_gaps(*self.ranges), *other.ranges), self.unknown and not other.unknown)

    def contains(self, text: str | None) -> bool:
        """Returns True if the set has an address, or with None one that is not known."""
        if text is None:
            return self.unknown
        number = number_of(ip_address(text))
        return any(first <= number < end for first, end in self.ranges)

    @property
    def is_empty(self) -> bool:
        return not self.ranges and not self.unknown

    def sample(self, named: object) -> str | None:
        """Returns an address of a set that is not empty. It is None only if the set has no address that is known."""
        preferred = next(filter(self.contains, _PREFERRED), None)
        if preferred or not self.ranges:
            return preferred
        first, end = self.ranges[0]
        # The first address of a network is not a host's.
        number = first + 1 if end - first > 2 else first
        return str(IPv4Address(number) if number < IPV6 else IPv6Address(number - IPV6))


# A client whose address is not known. Fanout's own requests have such a one.
UNKNOWN = Addresses((), unknown=True)
