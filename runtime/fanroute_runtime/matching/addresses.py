"""Tests whether a client's address is in one of some networks."""

from bisect import bisect
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Addresses are numbers here: first those of IPv4, then those of IPv6. A range has its first number, and the one after its last.
Range = tuple[int, int]
# The number of the first address of IPv6.
IPV6 = 1 << 32


def number_of(address: IPv4Address | IPv6Address) -> int:
    """Returns the number of an address."""
    return int(address) + (IPV6 if address.version == 6 else 0)


def range_of(network: str) -> Range:
    """Returns the range of a network's addresses. Raises ValueError if the text is no network."""
    parsed = ip_network(network)
    first = number_of(parsed.network_address)
    return first, first + (1 << parsed.max_prefixlen - parsed.prefixlen)


def in_networks(networks: tuple[str, ...]) -> Callable[[str | None], bool]:
    """Returns a predicate for addresses: true for those in one of the networks. An unknown address (None) is in none.

    An IPv4 address that is mapped into IPv6 counts as IPv4 (RFC 4291, 2.5.5.2). The predicate takes a few steps however many
    networks there are.
    """
    # The numbers at which ranges begin and end, in turn. A number is in a range if it comes after an odd number of these.
    borders: list[int] = []
    for first, end in sorted(map(range_of, networks)):
        if borders and first <= borders[-1]:
            borders[-1] = max(borders[-1], end)
        else:
            borders += (first, end)

    def fits(text: str | None) -> bool:
        if text is None:
            return False
        address = ip_address(text)
        number = number_of(getattr(address, "ipv4_mapped", None) or address)
        return bisect(borders, number) % 2 == 1

    return fits
