"""Tests how this machine's clock is compared with those of servers."""

from email.utils import formatdate
from pathlib import Path

import pytest

from fanroute.doctor.clock import check_clock
from fanroute.doctor.finding import Finding
from fanroute.doctor.network import Network
from tests.support.doctor import ROUTES, examined, found

NOW = 1_700_000_000
NO_AUTH = "version: 1\nservice: {name: a}\nbackends: {o: {url: 'https://a.example'}}\nroutes: [{handoff: o}]\n"
FIX = "Set it, for example with `timedatectl set-ntp true`."


def clock(folder: Path, routes: str, *headers: dict[str, str]) -> Finding:
    """Returns the finding after answers with these headers."""
    network = Network(now=lambda: NOW)
    for each in headers:
        network.note_clock(each)
    (finding,) = found(check_clock, examined(folder, routes, network=network))
    return finding


def date(ahead: int) -> dict[str, str]:
    """Returns the Date of a server whose clock is ahead of this machine's."""
    return {"date": formatdate(NOW + ahead, usegmt=True)}


@pytest.mark.parametrize("skews", [(0,), (62,), (-62,), (4000, 1), (-9000, 62)])
def test_a_clock_that_agrees_with_one_server_is_right(tmp_path: Path, skews: tuple[int, ...]) -> None:
    assert clock(tmp_path, NO_AUTH, *map(date, skews)) == Finding("clock", "ok", "it agrees with a server's")


@pytest.mark.parametrize(
    ("skew", "told"),
    [
        (63, "63 s behind the servers' clocks; tokens allow 60 s"),
        (-7200, "7,200 s ahead of the servers' clocks; tokens allow 60 s"),
    ],
)
def test_a_wrong_clock_is_a_warning(tmp_path: Path, skew: int, told: str) -> None:
    assert clock(tmp_path, NO_AUTH, date(skew), date(skew * 2)) == Finding("clock", "warning", told, FIX)


def test_the_smallest_leeway_of_the_routes_counts(tmp_path: Path) -> None:
    routes = ROUTES.replace("auth: {", "auth: {leeway: 5s, ")
    assert clock(tmp_path, routes, date(7)).status == "ok"
    assert clock(tmp_path, routes, date(8)).text == "8 s behind the servers' clocks; tokens allow 5 s"
    key = "{algorithm: HS256, secret_store: keys, name: first}"
    routes += f"  - {{match: {{path: /lax}}, forward: origin, auth: {{leeway: 50s, keys: [{key}]}}}}\n"
    assert clock(tmp_path, routes, date(8)).status == "warning"


def test_a_cached_answer_is_as_old_as_it_says(tmp_path: Path) -> None:
    assert clock(tmp_path, NO_AUTH, {**date(-600), "age": "600"}).status == "ok"
    assert clock(tmp_path, NO_AUTH, {**date(-600), "age": "1"}).status == "warning"


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"date": ""}, {**date(0), "age": "x"}])
def test_an_answer_without_a_time_says_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    assert clock(tmp_path, NO_AUTH, headers).status == "skipped"
