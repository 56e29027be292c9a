"""Tests the findings about the Fastly CLI, Viceroy and Pushpin, with programs that print a version and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fanroute.devserver.pushpin import Pushpin
from fanroute.doctor import tools
from fanroute.doctor.finding import Finding
from fanroute.doctor.tools import FAULTS, check_fastly_cli, check_pushpin, check_viceroy
from fanroute.project import processes
from tests.support.doctor import ROUTES, examined, found

Program = Callable[..., Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Returns a function that makes a program in a folder, by default the only one on PATH. HOME has nothing."""
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tools, "SYSTEM_PROGRAM", tmp_path / "no-pushpin")
    monkeypatch.setattr("fanroute.devserver.pushpin.SYSTEM_PROGRAM", tmp_path / "no-pushpin")

    def make(name: str, script: str, folder: Path = path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder / name

    return make


CLI = "echo 'Fastly CLI version v{} (617c3243)'; echo 'Built with go version go1.24.6'"


@pytest.mark.parametrize("version", ["14.0.0", "16.1.0", "100.0.0"])
def test_a_current_fastly_cli_is_right(tmp_path: Path, program: Program, version: str) -> None:
    made = program("fastly", CLI.format(version))
    assert found(check_fastly_cli, examined(tmp_path)) == [Finding("Fastly CLI", "ok", f"{version} ({made})")]


def test_an_old_fastly_cli_is_a_warning(tmp_path: Path, program: Program) -> None:
    made = program("fastly", CLI.format("13.9.9"))
    (finding,) = found(check_fastly_cli, examined(tmp_path))
    told = f"13.9.9 ({made}) may be too old to enable Fanout at the first publish, which 14.0.0 does"
    assert finding == Finding("Fastly CLI", "warning", told, "Update it to 14.0.0 or later.")


def test_no_fastly_cli_is_a_warning(tmp_path: Path, program: Program) -> None:
    (finding,) = found(check_fastly_cli, examined(tmp_path))
    assert (finding.status, finding.text) == ("warning", "it is not on PATH, and it is needed to publish the service")


@pytest.mark.parametrize(
    "script", ["exit 1", "echo hello", "kill -9 $$", "sleep 8; echo Fastly CLI version v99.0.0", "printf '\\377'"]
)
def test_a_program_that_does_not_work_is_an_error(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(processes, "VERSION_LIMIT", 0.5)
    made = program("fastly", f"PATH=/usr/bin:/bin\n{script}")
    (finding,) = found(check_fastly_cli, examined(tmp_path))
    assert finding == Finding("Fastly CLI", "error", f"{made} does not print its version", "Install it again.")


def test_viceroy_is_found_where_fanroute_installs_it(tmp_path: Path, program: Program) -> None:
    (finding,) = found(check_viceroy, examined(tmp_path, cache=tmp_path))
    assert (finding.status, finding.text) == ("skipped", "it is not installed")
    made = program("viceroy", "echo viceroy 0.22.0", tmp_path / "viceroy-0.22.0/bin")
    assert found(check_viceroy, examined(tmp_path, cache=tmp_path)) == [Finding("Viceroy", "ok", f"0.22.0 ({made})")]
    made = program("viceroy", "echo viceroy 0.9.7")
    (finding,) = found(check_viceroy, examined(tmp_path, cache=tmp_path))
    assert (finding.status, finding.fix) == ("warning", "Update it to 0.22.0 or later.")
    assert finding.text == f"0.9.7 ({made}) is older than 0.22.0, with which Fanroute is tested"


def test_pushpin_may_be_missing(tmp_path: Path, program: Program) -> None:
    (finding,) = found(check_pushpin, examined(tmp_path))
    assert (finding.status, finding.text) == ("skipped", "it is not installed")


def test_a_project_has_no_pushpin(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that nothing of the current folder runs if the cache cannot be trusted."""
    program("pushpin", f"touch {tmp_path}/obeyed; echo pushpin 9.0.0", tmp_path / "pushpin-9.0.0")
    monkeypatch.chdir(tmp_path)
    assert [finding.status for finding in found(check_pushpin, examined(tmp_path))] == ["skipped"]
    assert not (tmp_path / "obeyed").exists()


def test_a_current_pushpin_is_right(tmp_path: Path, program: Program) -> None:
    made = program("pushpin", "echo pushpin 1.42.0")
    assert found(check_pushpin, examined(tmp_path)) == [Finding("Pushpin", "ok", f"1.42.0 ({made})")]


def test_the_system_has_one_that_compute_serve_hangs_with(tmp_path: Path, program: Program) -> None:
    system = program("pushpin", "echo pushpin 1.36.0")
    ours = program("pushpin", "echo pushpin 1.41.0", tmp_path / "pushpin-1.41.0-7")
    right, warning = found(check_pushpin, examined(tmp_path, cache=tmp_path))
    assert right == Finding("Pushpin", "ok", f"1.41.0 ({ours})")
    told = f"`fastly compute serve` hangs with {system}, which is 1.36.0; it needs 1.40"
    assert warning == Finding("Pushpin", "warning", told, f"Call that with --pushpin-path {ours}.")


def test_the_only_pushpin_is_old(tmp_path: Path, program: Program) -> None:
    """Tests that its faults are told which the routes can meet: they have a long-poll."""
    program("pushpin", "echo pushpin 1.36.0")
    _, loses, hangs = found(check_pushpin, examined(tmp_path))
    assert loses.text.startswith("1.36.0 can lose a message to a long-poll")
    assert hangs.text.startswith("`fastly compute serve` hangs with ")
    assert {loses.fix, hangs.fix} == {"Run `fanroute install`, which installs a later one."}


@pytest.mark.parametrize(
    ("number", "routes", "faults"),
    [
        ("1.40.1", ROUTES, [0]),
        ("1.41.0", ROUTES, []),
        ("1.40.1", ROUTES.replace("long_poll", "stream"), []),
        ("1.39.9", ROUTES.replace("long_poll", "stream").replace('.com"}', '.com", local: "http://[::1]:3000"}'), [1]),
        ("1.40.0", ROUTES.replace("long_poll", "stream").replace('.com"}', '.com", local: "http://[::1]:3000"}'), []),
        ("1.41.5", ROUTES.replace("channel: a", "channel: {name: a, filters: [build-id]}, meta: {id_format: x}"), [2]),
        ("1.42.0", ROUTES.replace("channel: a", "channel: {name: a, filters: [build-id]}, meta: {id_format: x}"), []),
        ("1.41.0", ROUTES.replace("long_poll: {channel: a}", "websocket: {channel: {name: a, filters: [require-sub]}}"), [3]),
        ("1.42.0", ROUTES.replace("long_poll: {channel: a}", "websocket: {channel: {name: a, filters: [require-sub]}}"), []),
        ("1.41.0", ROUTES.replace("long_poll: {channel: a}", "stream: {channel: {name: a, filters: [require-sub]}}"), []),
    ],
)
def test_a_fault_is_told_if_the_service_can_meet_it(tmp_path: Path, number: str, routes: str, faults: list[int]) -> None:
    compiled = examined(tmp_path, routes).compiled
    assert compiled
    pushpin = Pushpin(Path("pushpin"), number)
    met = [
        index for index, fault in enumerate(FAULTS) if fault.has_it(pushpin) and fault.concerns(compiled.plan, compiled.backends)
    ]
    assert met == faults


def test_faults_need_routes(tmp_path: Path, program: Program) -> None:
    program("pushpin", "echo pushpin 1.40.0")
    subject = examined(tmp_path)
    without = type(subject)(subject.workspace, {}, routes_error="x")
    assert [finding.status for finding in found(check_pushpin, without)] == ["ok"]
