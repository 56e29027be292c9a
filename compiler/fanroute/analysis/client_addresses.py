"""Represents sets of clients' addresses."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

# Addresses are numbers here: first those of IPv4, then those of IPv6. A range has its first number, and the one after its last.
Range = tuple[int, int]
_IPV6 = 1 << 32
_END = _IPV6 + (1 << 128)
# Examples use an address for documentation, if there is one (RFC 5737 and RFC 3849).
_PREFERRED = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")


def _number(address: IPv4Address | IPv6Address) -> int:
    return int(address) + (_IPV6 if address.version == 6 else 0)


def _range(network: IPv4Network | IPv6Network) -> Range:
    return _number(network.network_address), _number(network.broadcast_address) + 1


def _gaps(*ranges: Range) -> tuple[Range, ...]:
    """Returns what is between ranges, which may overlap."""
    gaps, reached = [], 0
    for first, end in (*sorted(ranges), (_END, _END)):
        if first > reached:
            gaps.append((reached, first))
        reached = max(reached, end)
    return tuple(gaps)


# Addresses of IPv4 that are mapped into IPv6 count as IPv4, so no client has one.
_MAPPED = _range(IPv6Network("::ffff:0:0/96"))


class Addresses(NamedTuple):
    """Represents a set of addresses. With `unknown`, it includes a client whose address the edge does not know.

    The ranges are in order, and do not touch each other.
    """

    ranges: tuple[Range, ...] = _gaps(_MAPPED)
    unknown: bool = True

    @classmethod
    def of(cls, networks: Iterable[str]) -> "Addresses":
        """Returns the addresses in some networks."""
        others = _gaps(*(_range(ip_network(network)) for network in networks))
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
        number = _number(ip_address(text))
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
        return str(IPv4Address(number) if number < _IPV6 else IPv6Address(number - _IPV6))


# A client whose address is not known. Fanout's own requests have such a one.
UNKNOWN = Addresses((), unknown=True)
