"""Tests whether a client's address is in one of some networks."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network


def in_networks(networks: tuple[str, ...]) -> Callable[[str | None], bool]:
    """Returns a predicate for addresses: true for those in one of the networks. An unknown address (None) is in none.

    An IPv4 address that is mapped into IPv6 counts as IPv4 (RFC 4291, 2.5.5.2).
    """
    known = tuple(map(ip_network, networks))

    def fits(text: str | None) -> bool:
        if text is None:
            return False
        address = ip_address(text)
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in known)

    return fits
