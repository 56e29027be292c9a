"""Finds hosts by their first label, and compares what is found with every host of a small universe."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.analysis.host_labels import Labels, find_host
from fanroute.analysis.sets import Hosts
from fanroute_runtime.matching.host_labels import LABEL, MAX_LABEL, can_be_label
from fanroute_runtime.matching.predicates import match_predicates
from fanroute_runtime.plan import Match, Parameter
from tests.unit.runtime.matching.test_predicates import Asked

NAMES = ["x", "a", "b", "ab", "-", "x.a", "b.a"]
UNIVERSE = [*NAMES, *(f"{name}.{parent}" for name, parent in product(NAMES, ["com", "b.com", "c.b.com", "org"]))]
PARENTS = st.lists(st.sampled_from(["*.com", "*.b.com", "*.c.b.com", "*.org"]), min_size=1, max_size=2).map(tuple)
HOSTS = st.one_of(PARENTS, st.lists(st.sampled_from(UNIVERSE), min_size=1, max_size=3).map(tuple))
LABELS = st.builds(Labels.of, PARENTS, st.sampled_from(["", "a+", "[ab]+", "b|x", "a.*"]))


@given(st.lists(HOSTS, max_size=3), st.lists(HOSTS, max_size=3), st.lists(LABELS, max_size=2), st.lists(LABELS, max_size=2))
def test_a_host_is_found_if_there_is_one(
    within: list[tuple[str, ...]], without: list[tuple[str, ...]], fitting: list[Labels], unfitting: list[Labels]
) -> None:
    hosts = Hosts()
    for given_hosts in within:
        hosts = hosts.intersect(Hosts.of(given_hosts))
    for given_hosts in without:
        (hosts,) = hosts.subtract(Hosts.of(given_hosts))
    labels = Labels(frozenset().union(*(one.fitting for one in fitting)), frozenset().union(*(one.fitting for one in unfitting)))
    found = find_host(hosts, labels)
    if found is None:
        assert not [host for host in UNIVERSE if hosts.contains(host) and labels.contains(host)]
    else:
        assert hosts.contains(found) and labels.contains(found)


@given(LABELS, LABELS, st.sampled_from(UNIVERSE))
def test_parts_are_disjoint_and_whole(one: Labels, other: Labels, host: str) -> None:
    parts = [*one.subtract(other), one.intersect(other)]
    assert [part.contains(host) for part in parts].count(True) == one.contains(host)


@pytest.mark.parametrize("label", ["a", "0", "_", "a-b", "a--b", "xn--bcher-kva", "_dmarc", "x" * MAX_LABEL])
def test_what_is_a_label(label: str) -> None:
    match = Match(hosts=("*.b.com",), host_parameter=Parameter("tenant"))
    assert all(test(Asked(host=f"{label}.b.com")) for test in match_predicates(match).values())
    assert can_be_label(label)


@pytest.mark.parametrize(
    "host",
    [
        *["b.com", ".b.com", "..b.com", "a..b.com", "a.a.b.com", "a.b.com.", "a.b.com.evil.com", "ab.com", "a.b.co", "a.xb.com"],
        *["-a.b.com", "a-.b.com", "-.b.com", "a b.b.com", "a%20.b.com", "%61.b.com", "A.b.com", "é.b.com", "\u0660.b.com"],
        *["a\n.b.com", "a\0.b.com", "a/.b.com", "a~.b.com", "*.b.com", "{x}.b.com", "[::1].b.com", f"{'x' * 64}.b.com", ""],
    ],
)
def test_what_is_no_label(host: str) -> None:
    """Hosts as they are matched: in lower case, without port and final dot."""
    match = Match(hosts=("*.b.com",), host_parameter=Parameter("tenant", "[\\s\\S]*"))
    assert "host" in [key for key, test in match_predicates(match).items() if not test(Asked(host=host))]


def test_the_longest_label_is_that_of_the_pattern() -> None:
    assert f"{{0,{MAX_LABEL - 2}}}" in LABEL
