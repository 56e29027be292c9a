"""Tests the messages about costs that differ from the budget."""

from tests.support.budget import differences

BUDGET = {"stream": 10, "respond": 10, "gone": 1}


def test_what_is_as_it_was_is_not_told() -> None:
    assert differences(BUDGET, BUDGET, 0) == []
    assert differences(BUDGET | {"stream": 11, "respond": 9}, BUDGET, 0.1) == []


def test_what_is_otherwise_is_told() -> None:
    assert differences({"stream": 12, "respond": 8, "new": 1}, BUDGET, 0.1) == [
        "stream: 12, more than 10",
        "respond: 8, less than 10",
        "new: 1, more than 0",
        "gone: no more there",
    ]
