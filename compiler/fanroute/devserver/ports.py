"""Finds free ports for programs that take a port as an argument, and listen on it later."""

import random
from collections.abc import Sequence

from fanroute.devserver.addresses import ADDRESS, are_free

# Systems take the ports of outgoing connections from above these, and also those that are asked for as port 0: Linux from 32768,
# others from 49152 (RFC 6335). So none takes a port between the moment it is found and the moment a program listens on it.
PORTS = range(20_000, 32_768)


def free_ports(*wanted: int, addresses: Sequence[str] = (ADDRESS,)) -> list[int]:
    """Returns different ports that are free at all addresses: for each wanted one the same if possible, any of PORTS for 0."""
    others = iter(random.sample(sorted({*PORTS}.difference(wanted)), 1000))
    return [
        port if port and are_free(addresses, port) else next(one for one in others if are_free(addresses, one)) for port in wanted
    ]
