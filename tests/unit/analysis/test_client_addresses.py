"""Tests sets of addresses, in a comparison with a naive reading of networks."""

from hypothesis import given
from hypothesis import strategies as st

from fanroute.analysis.client_addresses import UNKNOWN, Addresses
from fanroute.analysis.sets import NONE
from tests.property.language import ADDRESSES, NETWORKS
from tests.support.naive import is_within

# An IPv4 address that is mapped into IPv6 counts as IPv4: sets have the form of IPv4.
NETWORK_LISTS = st.lists(st.sampled_from([each for each in NETWORKS if "::ffff:" not in each]), min_size=1, max_size=4)
EVERY = [*(each for each in ADDRESSES if "::ffff:" not in each), None]


@given(NETWORK_LISTS, NETWORK_LISTS)
def test_what_sets_contain(some: list[str], others: list[str]) -> None:
    one, other = Addresses.of(some), Addresses.of(others)
    (left,), (inverse,) = one.subtract(other), Addresses().subtract(one)
    for address in EVERY:
        in_one, in_other = (any(is_within(address, each) for each in networks) for networks in (some, others))
        assert one.contains(address) == in_one
        assert one.intersect(other).contains(address) == (in_one and in_other)
        assert left.contains(address) == (in_one and not in_other)
        assert inverse.contains(address) == (not in_one)


@given(NETWORK_LISTS, NETWORK_LISTS)
def test_a_sample_is_in_its_set(some: list[str], others: list[str]) -> None:
    (left,) = Addresses.of(some).subtract(Addresses.of(others))
    assert left.is_empty or left.contains(left.sample(NONE))


def test_the_parts_of_a_network_are_all_of_it() -> None:
    halves = Addresses.of(["192.0.2.0/25", "192.0.2.128/25"])
    assert halves == Addresses.of(["192.0.2.0/24"])
    assert next(Addresses.of(["192.0.2.0/24"]).subtract(halves)).is_empty


def test_only_an_unknown_address_is_in_no_network() -> None:
    (left,) = Addresses().subtract(Addresses.of(["0.0.0.0/0", "::/0"]))
    assert left == UNKNOWN and left.sample(NONE) is None


def test_samples_are_typical() -> None:
    networks = ["0.0.0.0/0", "::/0", "203.0.113.0/24", "10.0.0.0/8", "10.0.0.0/31", "10.0.0.7", "fd00::/8"]
    expected = ["192.0.2.1", "2001:db8::1", "203.0.113.1", "10.0.0.1", "10.0.0.0", "10.0.0.7", "fd00::1"]
    assert [Addresses.of([network]).sample(NONE) for network in networks] == expected
