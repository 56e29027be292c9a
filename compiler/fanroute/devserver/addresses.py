"""Says at which addresses of this machine a local edge listens. Pure, except for `is_own` and `are_free`."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

# The edge's own programs and the URLs that it prints use this one, so a local edge always listens there.
ADDRESS = "127.0.0.1"
# A server that listens on this one listens on all IPv4 addresses of the machine, so also on ADDRESS.
ALL = "0.0.0.0"


def listened_at(address: str) -> tuple[str, ...]:
    """Returns the addresses at which a server listens so that clients can use `address`, an IP address."""
    return (address,) if address in (ADDRESS, ALL) else (ADDRESS, address)


def names_of(address: str) -> frozenset[str]:
    """Returns the hosts that a URL has for an address, as `normalize_host` spells them. None is known for all addresses."""
    return frozenset() if ip_address(address).is_unspecified else frozenset({str(ip_address(address))})


def is_own(address: str) -> bool:
    """Returns True if this machine has an IP address, so that a server can listen there."""
    return are_free((address,), 0)


def are_free(addresses: Sequence[str], port: int) -> bool:
    """Returns True if nothing listens on this port of any of the addresses. Any free port will do if it is 0."""
    for address in addresses:
        with socket.socket(_family(address)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
