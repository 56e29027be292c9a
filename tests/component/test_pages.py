"""Counts the pages of the snapshot that a request in a new sandbox writes to. Linux copies each of them first.

Reads cost page faults too, but how many depends on the kernel.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from resource import getpagesize

import pytest

from fanroute.pipeline import compile_routes
from fanroute.project.workspace import Workspace
from tests.component.test_component import EVENTS, SIGNED, Host
from tests.conftest import INPUTS, OWN_HOST, REPOSITORY
from tests.support.budget import Budget
from tests.support.pins import UPGRADE, pin

BASE = f"http://{OWN_HOST}"
PLAN = compile_routes((REPOSITORY / "routes.yaml").read_bytes(), INPUTS).plan
REQUESTS = {
    "stream": (f"{BASE}/test/stream", [*SIGNED, *pin(PLAN, f"{BASE}/test/stream")], b""),
    "websocket": (f"{BASE}/test/websocket", [*EVENTS, *pin(PLAN, f"{BASE}/test/websocket", UPGRADE)], b"TEXT 5\r\nhello\r\n"),
    "handoff": (f"{BASE}/room/1", [], b""),
}
# Python's hashes differ between components, and with them the addresses of objects. The budget is the middle of ten builds, which
# are up to 6 % from it. A request that uses 64 KiB more writes to 11 pages more.
SPREAD = 0.1

SMAPS = Path("/proc/self/smaps")
# A mapping there (proc(5)): of a file, for this process alone, writable.
MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ (?P<kind>\S{4}) \S+ \S+ (?P<inode>\d+)")


def copied() -> Iterator[int]:
    """Yields the number of pages that this process has copied of each file mapping, such as a sandbox's snapshot."""
    of_file = False
    for line in SMAPS.read_text().splitlines():
        if mapping := MAPPING.match(line):
            of_file = mapping["kind"] == "rw-p" and mapping["inode"] != "0"
        elif of_file and line.startswith("Anonymous:"):
            yield int(line.split()[1]) * 1024 // getpagesize()


def written(host: Host, kind: str) -> int:
    """Returns the number of pages that one request writes to."""
    handle = host.component.sandbox()
    exchange = host.exchange(*REQUESTS[kind])
    before = sum(copied())
    assert handle(exchange)
    return sum(copied()) - before


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells")
@pytest.mark.budget
def test_the_pages_that_a_new_sandbox_copies(own_project: Workspace, budget: Budget) -> None:
    host = Host(own_project)
    budget.check("pages written", {kind: min(written(host, kind) for _ in range(3)) for kind in REQUESTS}, SPREAD)
