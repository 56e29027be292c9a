"""Finds free ports for programs that take a port as an argument, and listen on it later."""

import random
import socket

from fanroute.devserver.embedded import ADDRESS

# Systems take the ports of outgoing connections from above these, and also those that are asked for as port 0: Linux from 32768,
# others from 49152 (RFC 6335). So none takes a port between the moment it is found and the moment a program listens on it.
PORTS = range(20_000, 32_768)


def free_ports(*wanted: int) -> list[int]:
    """Returns different ports that are free: for each wanted one the same if possible, and any of PORTS for 0."""
    others = iter(random.sample(sorted({*PORTS}.difference(wanted)), 1000))
    return [port if port and _is_free(port) else next(filter(_is_free, others)) for port in wanted]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
        return True
