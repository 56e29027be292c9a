"""Tests which addresses are in a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute_runtime.matching.addresses import in_networks
from tests.property.language import ADDRESSES, NETWORKS
from tests.support.naive import is_within


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


# As the Plan has them: IPv4 within IPv6 is written as IPv4.
PLAIN = [network for network in NETWORKS if "::ffff:" not in network]


@given(st.lists(st.sampled_from(PLAIN), min_size=1), st.sampled_from(ADDRESSES))
def test_networks_that_touch_or_contain_each_other(networks: list[str], address: str) -> None:
    assert in_networks(tuple(networks))(address) == any(is_within(address, network) for network in networks)


def test_the_borders_of_ranges() -> None:
    fits = in_networks(("192.0.2.0/31", "192.0.2.2/31", "192.0.2.8/30", "255.255.255.255", "::"))
    found = [fits(f"192.0.2.{number}") for number in range(13)]
    assert found == [True] * 4 + [False] * 4 + [True] * 4 + [False]
    assert [fits(address) for address in ("255.255.255.254", "255.255.255.255", "::", "::1")] == [False, True, True, False]
