"""Tests what commands say about included files."""

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import fanroute

ROUTES = """\
version: 1
service: {name: chat-edge}
backends:
  origin: {url: "https://app.example.com"}
routes:
  - include: teams/chat.yaml
  - forward: origin
"""
CHAT = """\
routes:
  - name: rooms
    match: {path: /rooms/*}
    forward: origin
  - name: dead
    match: {path: /rooms/1}
    respond: {status: 404}
"""
TESTS = "tests:\n  - request: GET https://a.example.com/rooms/1\n    expect: {route: dead}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "edge/teams").mkdir(parents=True)
    (tmp_path / "edge/routes.yaml").write_text(ROUTES)
    (tmp_path / "edge/teams/chat.yaml").write_text(CHAT)
    (tmp_path / "edge/routes.test.yaml").write_text(TESTS)
    return tmp_path


def test_a_diagnostic_names_the_file_from_where_the_command_runs(folder: Path) -> None:
    done = fanroute(folder, "check", "edge/routes.yaml")
    assert (
        done.stderr
        == """\
edge/teams/chat.yaml:5:11: warning[FR301]: route 'dead' can never match: 'rooms' takes all its requests
    5 |   - name: dead
      |           ^^^^ put it before that one, restrict that one, or remove it
      = edge/teams/chat.yaml:2:11: 'rooms'
"""
    )
    (found,) = json.loads(fanroute(folder, "check", "edge/routes.yaml", "--format", "json").stdout)["diagnostics"]
    assert found["span"]["file"] == found["notes"][0]["span"]["file"] == "edge/teams/chat.yaml"
    assert "file=edge/teams/chat.yaml,line=5," in fanroute(folder, "check", "edge/routes.yaml", "--format", "github").stdout


def test_a_failed_test_names_the_included_route(folder: Path) -> None:
    done = fanroute(folder, "test", "edge/routes.yaml", "--coverage")
    assert done.returncode == 1
    assert "      = edge/teams/chat.yaml:2:5: 'rooms' takes it\n" in done.stderr
    assert "edge/teams/chat.yaml:2:5: note[FR515]: no passed test exercises the route 'rooms'" in done.stderr


def test_two_files_that_include_the_same_are_compared(folder: Path) -> None:
    (folder / "edge/new.yaml").write_text("\n".join(line for line in ROUTES.splitlines() if "include" not in line) + CHAT[7:])
    done = fanroute(folder, "diff", "edge/routes.yaml", "edge/new.yaml")
    assert (done.returncode, done.stdout) == (0, "No request gets another answer.\n")


def test_an_error_of_an_included_file_stops_every_command(folder: Path) -> None:
    (folder / "edge/teams/chat.yaml").write_text(CHAT.replace("forward", "forwart"))
    for command in (
        ["build"],
        ["check"],
        ["test"],
        ["match", "GET", "https://a/", "--routes"],
        ["routes"],
        ["export", "pushpin-routes"],
    ):
        done = fanroute(folder, *command, "edge/routes.yaml")
        assert done.returncode == 1
        assert "edge/teams/chat.yaml:4:5: error[FR201]: unknown key 'forwart'" in done.stderr


@pytest.mark.parametrize("within", [False, True])
def test_an_export_names_the_included_file(folder: Path, within: bool) -> None:
    chat = folder / "edge/teams/chat.yaml"
    chat.write_text(CHAT.replace("/rooms/*", "/rooms/*, method: GET"))
    words = "route 'rooms': left out, because Pushpin cannot match `method`. Its requests get another line, or none"
    (begin, where), file = ((folder / "edge", ""), "routes.yaml") if within else ((folder, "edge/"), "edge/routes.yaml")
    done = fanroute(begin, "export", "pushpin-routes", file)
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, f"{where}teams/chat.yaml:2: {words}")
    # The file may be read anywhere, so its comments do not depend on where the command runs.
    assert done.stdout.splitlines()[1] == f"# teams/chat.yaml:2: {words}"
    chat.write_text(CHAT.replace("/rooms/*", "/rooms/*, client_ip: 203.0.113.7"))
    done = fanroute(begin, "export", "pushpin-routes", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{where}teams/chat.yaml:2: error: route 'rooms' is for clients of some addresses")


def test_the_doctor_names_the_included_file(folder: Path) -> None:
    (folder / "edge/teams/chat.yaml").write_text(CHAT.replace("forward", "forwart"))
    done = fanroute(folder / "edge", "doctor", "--offline")
    assert "teams/chat.yaml, line 4, column 5: unknown key 'forwart'" in done.stdout + done.stderr
