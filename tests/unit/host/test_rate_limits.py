"""Tests the rate counters and penalty boxes of the embedded edge, at times that the tests set."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.host import rate_limits
from fanroute.host.rate_limits import RateLimits

START = 1_767_225_600


class Counted:
    """Counts for one entry and limit. `now` is the time."""

    def __init__(self, **changes: Any) -> None:
        self.now: float = START
        self.limits = RateLimits(lambda: self.now)
        usual: dict[str, Any] = {"counter": "c", "entry": "e", "count": 1, "window": 10, "limit": 10, "box": "c", "ttl": 120}
        self.usual = usual | changes

    def ask(self, **changes: Any) -> bool:
        return self.limits.check_rate(**self.usual | changes)

    def first_refused(self, most: int, **changes: Any) -> int:
        """Returns how many are let in before one is refused."""
        return next((number for number in range(most) if self.ask(**changes)), most)


@pytest.mark.parametrize(("window", "limit", "let_in"), [(1, 10, 10), (10, 10, 100), (60, 10, 600), (1, 200, 200)])
def test_the_average_over_the_window_counts(window: int, limit: int, let_in: int) -> None:
    assert Counted(window=window, limit=limit).first_refused(1000) == let_in


def test_what_is_older_than_the_window_does_not_count() -> None:
    counted = Counted(window=1)
    for _ in range(5):
        assert counted.first_refused(10) == 10
        counted.now += 1
    counted.now -= 0.5  # still in the second of which ten were counted
    assert counted.ask()


def test_a_window_ends_with_a_second() -> None:
    """So it has the current second, and as many before it as are left, as Fastly's has."""
    counted = Counted(window=10)
    assert counted.first_refused(100) == 100
    counted.now += 9.9
    assert not counted.ask(counter="other")
    assert counted.ask()
    counted = Counted(window=10)
    assert counted.first_refused(100) == 100
    counted.now += 10
    assert not counted.ask()


@pytest.mark.parametrize(("ttl", "seconds"), [(60, 60), (119, 60), (120, 120), (3600, 3600)])
def test_a_penalty_lasts_for_whole_minutes(ttl: int, seconds: int) -> None:
    counted = Counted(window=1, ttl=ttl)
    assert counted.first_refused(20) == 10
    counted.now += seconds - 1
    assert counted.ask()
    counted.now += 1
    assert not counted.ask()


def test_a_penalty_is_not_prolonged_but_whoever_goes_on_gets_another_one() -> None:
    counted = Counted(window=60, ttl=60)
    assert counted.first_refused(1000) == 600
    for _ in range(60):
        counted.now += 1
        refused = [counted.ask() for _ in range(20)]
    assert refused == [True] * 20, "the rate is still too high when the penalty ends"
    counted.now += 60
    assert not counted.ask()


def test_entries_counters_and_boxes_are_apart() -> None:
    counted = Counted()
    assert counted.first_refused(200) == 100
    assert counted.first_refused(200, entry="other") == 100
    assert counted.first_refused(200, counter="other", box="other") == 100
    assert counted.ask(counter="third"), "the box is the one of the first"


def test_several_are_counted_at_once() -> None:
    counted = Counted()
    assert not counted.ask(count=100)
    assert counted.ask()
    assert not Counted().ask(count=0)
    assert Counted().ask(count=101)


@pytest.mark.parametrize(
    "changes",
    [
        {"window": 0},
        {"window": 5},
        {"limit": 9},
        {"limit": 10_001},
        {"ttl": 59},
        {"ttl": 3601},
        {"count": -1},
        {"count": 1001},
        {"entry": "x" * 65},
        {"entry": "é" * 33},
    ],
)
def test_what_fastly_does_not_accept(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        Counted().ask(**changes)


def test_the_oldest_entries_make_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many values of a client take no more memory than the places that there are."""
    monkeypatch.setattr(rate_limits, "MAX_ENTRIES", 3)
    counted = Counted()
    assert not counted.ask(count=100)
    for number in range(3):
        assert not counted.ask(entry=str(number))
    assert len(counted.limits._counts) == 3
    assert not counted.ask(), "its count is forgotten"


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), max_size=40), st.sampled_from(rate_limits.WINDOWS))
def test_it_counts_as_a_list_of_all_times_does(steps: list[tuple[int, int]], window: int) -> None:
    """The plainest implementation keeps the time of everything that was counted."""
    counted = Counted(window=window, ttl=60)
    times: list[int] = []
    penalized_until = 0.0
    for seconds, count in steps:
        counted.now += seconds
        second = int(counted.now)
        times += [second] * count
        if counted.now >= penalized_until and sum(second - window < each for each in times) > 10 * window:
            penalized_until = counted.now + 60
        assert counted.ask(count=count) == (counted.now < penalized_until)
