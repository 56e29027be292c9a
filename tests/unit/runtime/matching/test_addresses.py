"""Tests which addresses are in a network."""

import pytest

from fanroute_runtime.matching.addresses import in_networks


@pytest.mark.parametrize(
    ("network", "within", "without"),
    [
        ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.1"], ["192.0.1.255", "192.0.3.0", "::c000:201", "::1"]),
        ("192.0.2.1", ["192.0.2.1", "::ffff:c000:201"], ["192.0.2.0", "192.0.2.2"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:0.0.0.0"], ["::", "::1"]),
        ("::/0", ["::", "2001:db8::1"], ["0.0.0.0", "::ffff:0.0.0.0"]),
        ("2001:db8::/33", ["2001:db8:7fff:ffff::", "2001:0DB8:0::0"], ["2001:db8:8000::", "2001:db7:ffff::"]),
    ],
)
def test_addresses_of_a_network(network: str, within: list[str], without: list[str]) -> None:
    fits = in_networks((network,))
    assert [fits(address) for address in (*within, *without)] == [True] * len(within) + [False] * len(without)


def test_one_of_several_networks_is_enough() -> None:
    fits = in_networks(("192.0.2.1", "2001:db8::/32"))
    assert [fits(address) for address in ("192.0.2.1", "2001:db8::1", "192.0.2.2")] == [True, True, False]


def test_an_unknown_address_is_in_none() -> None:
    assert not in_networks(("0.0.0.0/0", "::/0"))(None)
