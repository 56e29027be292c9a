"""How many pages of memory are touched in a new sandbox, by Linux's count: most of what a request costs there."""

from resource import RUSAGE_THREAD, getrusage

import pytest

from fanroute.workspace import Workspace
from tests.budget import Budget
from tests.component.test_component import EVENTS, SIGNED, Host
from tests.conftest import OWN_HOST

BASE = f"http://{OWN_HOST}"
REQUESTS = {
    "stream": (f"{BASE}/test/stream", SIGNED, b""),
    "websocket": (f"{BASE}/test/websocket", EVENTS, b"TEXT 5\r\nhello\r\n"),
    "handoff": (f"{BASE}/room/1", [], b""),
}
# Python's hashes are others in each component, and with them where its objects lie.
SPREAD = 0.15


def faults(host: Host, kind: str) -> int:
    """Those of a request in a new sandbox, and a few of this process."""
    handle = host.component.sandbox()
    exchange = host.exchange(*REQUESTS[kind])
    before = getrusage(RUSAGE_THREAD).ru_minflt
    assert handle(exchange)
    return getrusage(RUSAGE_THREAD).ru_minflt - before


@pytest.mark.budget
def test_the_page_faults_of_a_new_sandbox(own_project: Workspace, budget: Budget) -> None:
    host = Host(own_project)
    budget.check("page faults", {kind: min(faults(host, kind) for _ in range(3)) for kind in REQUESTS}, SPREAD)
