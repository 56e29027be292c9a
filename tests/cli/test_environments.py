"""Tests `--env` of the commands, and the files that belong to an environment."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from fanroute.project.workspace import Workspace
from tests.cli.test_cli import fanroute
from tests.support.builds import build_once

ROUTES = """\
version: 1
service: {name: chat-edge}
backends:
  origin: {url: "https://app.example.com"}
  self: {loopback: true, host: live.example.com}
environments:
  staging:
    service: {name: chat-edge-staging}
    hosts:
      chat.example.com: chat.staging.example.com
      "*.example.com": "*.staging.example.com"
      live.example.com: live.staging.example.com
    backends: {origin: {url: "https://staging.example.com"}}
routes:
  - name: room
    match: {host: [chat.example.com, "*.example.com"], path: "/rooms/{room}"}
    sse: {channel: "room-{room}", cors: {origins: "https://chat.example.com"}}
  - name: rest
    match: {host: [chat.example.com, fixed.example.com]}
    forward: origin
"""
COMMANDS = ["build", "check", "serve", "test", "match GET https://a/", "routes", "token", "doctor", "export pushpin-routes"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    return tmp_path


def workspace(folder: Path, environment: str = "production") -> Workspace:
    return Workspace(folder / "routes.yaml", environment=environment)


def test_each_environment_has_a_fastly_toml_of_its_own(folder: Path) -> None:
    """The new one keeps what the user has written in that of production, such as stores, but not its service."""
    (folder / "fastly.toml").write_text('service_id = "prod"\nname = "chat-edge"\n[local_server.kv_stores]\nx = []\n')
    build_once(workspace(folder, "staging"))
    build_once(workspace(folder))
    production, staging = (tomllib.loads((folder / name).read_text()) for name in ("fastly.toml", "fastly.staging.toml"))
    assert production["service_id"] == "prod" and "service_id" not in staging
    assert (production["name"], staging["name"]) == ("chat-edge", "chat-edge-staging")
    assert staging["local_server"]["kv_stores"] == {"x": []}
    addresses = [each["setup"]["backends"]["origin"]["address"] for each in (production, staging)]
    assert addresses == ["app.example.com", "staging.example.com"]
    assert "fanroute build --env staging" in staging["scripts"]["build"]
    assert "--env" not in production["scripts"]["build"]


def test_a_build_of_another_environment_is_not_the_last_one(folder: Path) -> None:
    """Not even if it is put back after a failure: it would be published in the wrong place."""
    built = build_once(workspace(folder, "staging"))
    assert built.compiled.plan.service == "chat-edge-staging"
    component = (folder / "bin/main.wasm").read_bytes()
    assert workspace(folder, "staging")._key_of(component) == workspace(folder)._key_of(component)
    (folder / "bin/main.wasm").unlink()
    (folder / "routes.yaml").write_text(ROUTES.replace("forward", "forwart"))
    assert fanroute(folder, "build").returncode == 1
    assert not (folder / "bin/main.wasm").exists()
    assert fanroute(folder, "build", "--env", "staging").returncode == 1
    assert (folder / "bin/main.wasm").read_bytes() == component


def test_equal_components_of_two_environments_are_two_builds(folder: Path) -> None:
    same = "environments: {dev: {backends: {origin: {local: 'http://localhost:3000'}}}}\n"
    before, _, after = ROUTES.partition("environments:")
    (folder / "routes.yaml").write_text(before + same + after[after.index("routes:") :])
    component = b"a component"
    workspace(folder, "dev").keep_component(component, "key")
    assert workspace(folder, "dev").built_component("key") == (component, "")
    assert workspace(folder).built_component("key") == (None, "")


def test_staging_never_replaces_the_service_of_production(folder: Path) -> None:
    (folder / "fastly.toml").write_text('service_id = "prod"\n')
    (folder / "fastly.staging.toml").write_text('name = "x"\nservice_id = "prod"\n')
    done = fanroute(folder, "build", "--env", "staging")
    assert done.returncode == 1
    assert done.stderr.startswith("fastly.staging.toml:2:1: error: its service_id is that of fastly.toml")
    findings = json.loads(fanroute(folder, "doctor", "--offline", "--env", "staging", "--format", "json").stdout)["findings"]
    assert [one["status"] for one in findings if one["subject"] == "fastly.staging.toml"] == ["error"]


def test_a_makefile_that_knows_no_environments_does_not_build_them(folder: Path) -> None:
    makefile = folder / "Makefile"
    makefile.write_text("build:\n\tfanroute build\n")
    assert (workspace(folder).has_makefile, workspace(folder, "staging").has_makefile) == (True, False)
    makefile.write_text("build:\n\tfanroute build --env $(ENV)\n")
    assert workspace(folder, "staging").has_makefile


@pytest.mark.parametrize("command", COMMANDS)
def test_no_name_leads_elsewhere(folder: Path, command: str) -> None:
    done = fanroute(folder, *command.split(), "--env", "../../x")
    assert done.returncode == 2
    assert "'../../x' is not the name of an environment" in done.stderr


def test_an_unknown_environment_is_told(folder: Path) -> None:
    for command in (["build"], ["check"], ["test"], ["match", "GET", "https://a/"], ["routes"], ["export", "pushpin-routes"]):
        done = fanroute(folder, *command, "--env", "stagin")
        assert done.returncode == 1
        assert "error[FR270]: the file has no environment 'stagin'" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["routes.yaml"]


def test_a_request_is_matched_in_an_environment(folder: Path) -> None:
    asked = ["match", "GET", "https://chat.staging.example.com/rooms/a"]
    assert (
        "https://chat.staging.example.com"
        in fanroute(folder, *asked, "--env", "staging", "-H", "Origin: https://chat.staging.example.com").stdout.partition(
            "access-control-allow-origin"
        )[2]
    )
    assert "access-control-allow-origin" not in fanroute(folder, *asked, "-H", "Origin: https://chat.staging.example.com").stdout
    witnesses = fanroute(folder, "routes", "--witness", "--env", "staging").stdout
    assert "https://chat.staging.example.com/rooms/x --env staging  # room" in witnesses


TESTS = """\
tests:
  - request: {url: "https://chat.example.com/rooms/a", headers: {Origin: "https://chat.example.com"}}
    expect: {route: room, channel: room-a, headers: {access-control-allow-origin: "https://chat.example.com"}}
  - request: GET https://other.example.com/rooms/a
    expect: {route: room, request_headers: {x-forwarded-host: [other.example.com]}}
  - request: GET https://chat.example.com/x?a=https://chat.example.com
    expect: {route: rest, backend: origin, request_headers: {x-forwarded-host: chat.example.com}}
  - request: GET https://fixed.example.com/x
    expect: {route: rest}
"""


def test_route_tests_run_in_all_environments(folder: Path) -> None:
    """The requests have the hosts of each. A host that no environment changes stays, even below one that does."""
    (folder / "routes.test.yaml").write_text(TESTS)
    done = fanroute(folder, "test", "--fail-under", "100")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "routes.test.yaml: 4 tests, 4 passed",
        "coverage of routes.yaml: 2 of 2 routes, 4 of 4 alternatives, 100 %",
        "routes.test.yaml in 'staging': 4 tests, 4 passed",
        "coverage of routes.yaml in 'staging': 2 of 2 routes, 4 of 4 alternatives, 100 %",
    ]
    assert fanroute(folder, "test", "--env", "staging").stdout == "routes.test.yaml in 'staging': 4 tests, 4 passed\n"


def test_a_failed_test_is_told_once(folder: Path) -> None:
    (folder / "routes.test.yaml").write_text(
        TESTS.replace("https://fixed", "https://nothing")
        .replace("expect: {route: rest}", "expect: {route: room}")
        .replace("channel: room-a", "channel: room-b")
    )
    done = fanroute(folder, "test", "--format", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)["diagnostics"]
    assert [(one["span"]["line"], any("only in" in note["message"] for note in one["notes"])) for one in found] == [
        (3, False),
        (9, False),
    ]
    assert "GET https://nothing.example.com/x: expected the route 'room'" in found[1]["message"]


def test_two_environments_are_compared(folder: Path) -> None:
    done = fanroute(folder, "diff", "--env", "production", "--env", "staging", "routes.yaml")
    assert done.returncode == 1
    assert (
        done.stdout
        == """\
service
  - chat-edge
  + chat-edge-staging
host chat.example.com
  - chat.example.com
  + chat.staging.example.com
host *.example.com
  - *.example.com
  + *.staging.example.com
host live.example.com
  - live.example.com
  + live.staging.example.com
GET https://chat.example.com/
  - rest: forward to https://app.example.com
  + rest: forward to https://staging.example.com (differs in backend)
"""
    )
    command = [*done.args[:4], "diff", "-", "--env=staging", "--env=production"]
    piped = subprocess.run(command, cwd=folder, input=ROUTES, capture_output=True, text=True, check=False)
    assert piped.stdout.endswith("  + rest: forward to https://app.example.com (differs in backend)\n")
    assert fanroute(folder, "diff", "--env", "staging", "--env", "staging", "routes.yaml", "routes.yaml").returncode == 0


def test_each_environment_of_two_files_is_compared(folder: Path) -> None:
    """A change that production has too is told once."""
    new = (
        ROUTES.replace("room-{room}", "r-{room}").replace("https://staging.", "https://staging2.")
        + "  - respond: {status: 404}\n"
    )
    (folder / "new.yaml").write_text(new.replace("\n  staging:", "\n  fresh: {service: {name: f}}\n  staging:"))
    done = fanroute(folder, "diff", "routes.yaml", "new.yaml")
    lines = done.stdout.splitlines()
    assert lines[0] == "The environment 'fresh' is new."
    assert lines.count("  - room: stream, text/event-stream, cors on room-{room}") == 1
    only = lines.index("Only in 'staging':")
    assert lines[only + 1 :] == [
        "GET https://chat.staging.example.com/",
        "  - rest: forward to https://staging.example.com",
        "  + rest: forward to https://staging2.example.com (differs in backend)",
    ]
    found = json.loads(fanroute(folder, "diff", "routes.yaml", "new.yaml", "--format", "json").stdout)
    assert [one["environment"] for one in found["changes"]] == [None, None, "staging"][-len(found["changes"]) :]
    assert found["new_environments"] == ["fresh"] and found["removed_environments"] == []
    only_production = fanroute(folder, "diff", "routes.yaml", "new.yaml", "--env", "production").stdout
    assert "staging" not in only_production


@pytest.mark.parametrize(
    "arguments", [["routes.yaml"], ["routes.yaml", "--env", "staging"], ["a", "b", "--env=a", "--env=b", "--env=c"]]
)
def test_a_file_is_not_compared_with_nothing(folder: Path, arguments: list[str]) -> None:
    done = fanroute(folder, "diff", *arguments)
    assert done.returncode == 2
    assert "name two files, or one file and two environments" in done.stderr


def test_the_routes_are_counted_with_the_environments(folder: Path) -> None:
    assert fanroute(folder, "check").stdout.startswith("routes.yaml: 2 routes in 2 environments, ")
    assert fanroute(folder, "check", "--env", "staging").stdout.startswith("routes.yaml: 2 routes, ")


def test_what_production_lacks_may_be_in_an_environment(folder: Path) -> None:
    """Production then has errors, and the environment has none."""
    (folder / "routes.yaml").write_text(
        "version: 1\n"
        "backends: {self: {loopback: true}}\n"
        "environments: {staging: {service: {name: edge-staging}}}\n"
        "routes:\n  - {public: true, sse: {channel: news}}\n"
    )
    done = fanroute(folder, "check", "--env", "staging")
    assert (done.returncode, done.stderr) == (0, "")
    done = fanroute(folder, "check")
    assert (done.returncode, "the key 'service' is missing" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
