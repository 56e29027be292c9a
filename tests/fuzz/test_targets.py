"""Tests each property with bytes that are nearly well-formed. `make fuzz` tries more of them, guided by coverage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import times
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.support.counts import COUNTS


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_mutated_seeds(target: Target) -> None:
    near = st.builds(mutated, st.randoms(), st.just(target.seeds), st.just(target.words))

    @times(5)
    @given(st.one_of(near, st.lists(st.sampled_from(target.words)).map(b"".join), st.binary()))
    def holds(data: bytes) -> None:
        COUNTS[f"mutated {target.name}"] += 1
        target.check(data)

    for seed in target.seeds:
        target.check(seed)
    holds()
