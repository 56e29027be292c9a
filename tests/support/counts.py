"""Counts what tests generate and ask, by kind, and prints the sums after the last test."""

from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

# How often each kind was counted; the seconds that the tests that count it took; and how many of these tests failed.
COUNTS: Counter[str] = Counter()
SECONDS: Counter[str] = Counter()
FAILURES: Counter[str] = Counter()

_KEY = "counts"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    before, start, failed = COUNTS.copy(), monotonic(), True
    try:
        yield
        failed = False
    finally:
        for what in COUNTS - before:
            SECONDS[what] += round(monotonic() - start)
            FAILURES[what] += failed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Sends the sums of one of several processes to the one that prints them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_KEY] = [dict(counter) for counter in (COUNTS, SECONDS, FAILURES)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Adds the sums of a process that has ended. One that crashed sends none."""
    for counter, sums in zip((COUNTS, SECONDS, FAILURES), getattr(node, "workeroutput", {}).get(_KEY, []), strict=False):
        counter.update(sums)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in sorted(COUNTS.items()):
        terminalreporter.write_line(f"{count:8} {what}, in {SECONDS[what]} s; findings: {FAILURES[what]}")
