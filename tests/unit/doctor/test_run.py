"""Tests that checks run side by side, within a time limit, and that none can make the command fail."""

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fanroute.doctor import network as networks
from fanroute.doctor import run
from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.doctor.network import Network
from fanroute.doctor.run import CHECKS, NEED_NETWORK, NEED_ROUTES, examine
from tests.support.doctor import examined

SECRET = "a secret in a message"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Returns the checks that run, for a test to fill."""
    own: dict[str, Any] = {}
    monkeypatch.setattr(run, "CHECKS", own)
    return own


def test_a_check_that_fails_does_not_stop_the_others(tmp_path: Path, checks: dict[str, Any]) -> None:
    async def fails(subject: Examined) -> Findings:
        yield Finding("first", "ok", "before")
        raise RuntimeError(SECRET)

    async def works(subject: Examined) -> Findings:
        yield Finding("second", "ok", "after")

    checks |= {"first": fails, "second": works}
    before, failed, after, clock = asyncio.run(examine(examined(tmp_path)))
    assert (before.text, after.text, clock.status) == ("before", "after", "skipped")
    assert (failed.subject, failed.status, failed.text) == ("first", "error", "the check itself failed (RuntimeError)")


def test_checks_run_side_by_side_and_not_for_ever(
    tmp_path: Path, checks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that the second check starts while the first waits, and that one which waits for ever is ended."""
    monkeypatch.setattr(run, "LIMIT", 0.5)
    started = asyncio.Event()

    async def waits(subject: Examined) -> Findings:
        await started.wait()
        yield Finding("first", "ok", "the other has started")

    async def starts(subject: Examined) -> Findings:
        started.set()
        yield Finding("second", "ok", "starts")
        await asyncio.Event().wait()

    checks |= {"first": waits, "second": starts}
    begun = time.monotonic()
    findings = asyncio.run(examine(examined(tmp_path)))
    assert time.monotonic() - begun < 10
    assert [finding.text for finding in findings[:3]] == [
        "the other has started",
        "starts",
        "not everything was looked at within 0 s",
    ]
    assert findings[2].status == "skipped"


def test_a_server_is_asked_who_signed_only_if_that_is_wanted(tmp_path: Path, checks: dict[str, Any]) -> None:
    async def works(subject: Examined) -> Findings:
        yield Finding(subject.whoami, "ok", "looked at")

    checks["whoami"] = works
    subjects = [
        [each.subject for each in asyncio.run(examine(examined(tmp_path, whoami=given, network=Network())))]
        for given in ("", "/x")
    ]
    assert subjects == [["clock"], ["/x", "clock"]]


def test_a_resolver_that_hangs_is_not_waited_for(tmp_path: Path, checks: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that the run is over while the thread with the resolver still waits."""
    monkeypatch.setattr(networks, "LIMIT", 0.2)
    released, ended = threading.Event(), threading.Event()

    def hangs(*arguments: Any, **options: Any) -> Any:
        released.wait(20)
        ended.set()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    checks["backends"] = CHECKS["backends"]
    findings = asyncio.run(examine(examined(tmp_path, network=Network())))
    assert not ended.is_set()
    assert findings[0].text == "https://app.example.com: it has not answered within 3 s"
    released.set()
    assert ended.wait(5)


def test_without_routes_and_network_the_rest_is_looked_at(tmp_path: Path, checks: dict[str, Any]) -> None:
    async def works(subject: Examined) -> Findings:
        yield Finding("x", "ok", "looked at")

    checks |= dict.fromkeys(CHECKS, works)
    subject = examined(tmp_path, whoami="/whoami")
    offline = asyncio.run(examine(subject))
    assert {finding.subject for finding in offline if finding.status == "skipped"} == NEED_NETWORK
    without = Examined(subject.workspace, {}, routes_error="x", network=Network(), whoami="/whoami")
    assert {finding.subject for finding in asyncio.run(examine(without)) if finding.status == "skipped"} == {
        *NEED_ROUTES,
        "clock",
    }
    assert {*NEED_ROUTES, *NEED_NETWORK} - {*CHECKS} == {"clock"}
