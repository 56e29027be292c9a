"""Free ports: different ones, those that are wanted if possible, and none that the system gives to outgoing connections."""

import socket
from pathlib import Path

from fanroute.devserver.addresses import ADDRESS
from fanroute.devserver.ports import PORTS, free_ports

# The first port of outgoing connections, and the last. Source: ip(7)
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_ports_are_different_and_free() -> None:
    ports = free_ports(*[0] * 100)
    assert len(set(ports)) == 100
    assert set(ports) <= set(PORTS)
    for port in ports:
        with socket.create_server((ADDRESS, port)):
            pass


def test_a_wanted_port_is_found_if_it_is_free() -> None:
    [port] = free_ports(0)
    assert free_ports(0, port)[1] == port
    with socket.create_server((ADDRESS, port)):
        found = free_ports(port, 0)
        assert port not in found
        assert len(set(found)) == 2


def test_no_outgoing_connection_takes_one_of_these() -> None:
    first, last = map(int, OUTGOING.read_text().split())
    with socket.create_server((ADDRESS, 0)) as server:
        assert first <= server.getsockname()[1] <= last
    assert PORTS.stop <= first
