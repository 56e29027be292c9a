"""Tests that no command prints the values of environment variables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanroute.cli import main

VALID = """\
version: 1
service: {name: x}
backends:
  origin: {url: "https://${ORIGIN}", local: "http://${LOCAL}:3000"}
  self: {loopback: true, host: "${OWN}"}
routes:
  - match: {host: ["${OWN}", "*.${WIDE}"], path: /a}
    stream: {channel: a}
  - match: {host: "x.${WIDE}", path: /a}
    handoff: origin
  - handoff: origin
"""
INVALID = """\
version: 1
service: {name: x}
backends:
  origin: {url: "${TOKEN}"}
  other: {url: "https://${TOKEN}@x", local: "http://${TOKEN}/path"}
  self: {loopback: true, host: "a ${TOKEN}"}
routes:
  - match: {host: ["${TOKEN}", "${TOKEN}"]}
    handoff: origin
"""
TESTS = """\
tests:
  - request: GET https://x/a
    expect: {route: none}
"""
OVERLAPPING = """\
version: 1
service: {name: x}
backends: {origin: {url: "https://origin.example.com"}}
routes:
  - {name: guarded, match: {host: "${OWN}", path: "/{x}/admin", query: {a: "1"}}, forward: origin, auth: AUTH}
  - {name: free, match: {host: "${OWN}", path: "/public/*", query: {a: "1"}}, forward: origin}
""".replace("AUTH", "{keys: {algorithm: HS256, secret_store: keys, name: login}, token: {query: t}}")
# The commands that tell requests, and what stands before a request in a message.
REQUESTS = {
    "FR302": (["check", "--format", "json"], "more specific: "),
    "FR405": (["check", "--format", "json"], "which requires one: "),
    "diff": (["diff", "routes.yaml", "other.yaml"], ""),
    "diff as JSON": (["diff", "routes.yaml", "other.yaml", "--format", "json"], ""),
}
# Each value has this in it.
SECRET = "s3cr3t"
ENVIRONMENT = {
    "ORIGIN": f"origin-{SECRET}.example.com",
    "LOCAL": f"local-{SECRET}",
    "OWN": f"Own-{SECRET}.example.com",
    "WIDE": f"wide.{SECRET}.example",
    "TOKEN": f"{SECRET} and 'more'\\",
}
COMMANDS = {
    "check": ["check"],
    "check as JSON": ["check", "--format", "json"],
    "check for GitHub": ["check", "--format", "github"],
    "routes": ["routes"],
    "witnesses": ["routes", "--witness"],
    "match": ["match", "GET", "https://x/a", "--via-fanout"],
    "diff": ["diff", "routes.yaml", "other.yaml"],
    "diff as JSON": ["diff", "routes.yaml", "other.yaml", "--format", "json"],
    "test": ["test", "--coverage"],
    "test as JSON": ["test", "--coverage", "--format", "json"],
    "test for GitHub": ["test", "--coverage", "--format", "github"],
    "fmt": ["fmt", "--check"],
    "explain": ["explain", "FR210"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "routes.test.yaml").write_text(TESTS)
    (tmp_path / "other.yaml").write_text(VALID.replace("ORIGIN", "WIDE"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("routes", [VALID, INVALID], ids=["valid", "invalid"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_value_is_told(folder: Path, command: str, routes: str) -> None:
    (folder / "routes.yaml").write_text(routes)
    done = CliRunner().invoke(main, COMMANDS[command], env=ENVIRONMENT)
    assert isinstance(done.exception, SystemExit | None)
    assert SECRET not in done.output.lower()
    if "JSON" in command and (routes == VALID or not command.startswith("diff")):
        json.loads(done.stdout)


def test_the_variable_is_named_in_its_place(folder: Path) -> None:
    (folder / "routes.yaml").write_text(INVALID)
    told = CliRunner().invoke(main, ["check"], env=ENVIRONMENT).stderr
    assert "routes.yaml:4:17: error[FR204]: '${TOKEN}' is not the URL of a backend" in told
    assert "routes.yaml:8:20: error[FR204]: '${TOKEN}' is not a host" in told
    assert "'a ${TOKEN}' is not a host" in told
    (folder / "routes.yaml").write_text(VALID)
    told = CliRunner().invoke(main, ["routes"], env=ENVIRONMENT).stdout
    assert "${OWN} or *.${WIDE} /a" in told
    told = CliRunner().invoke(main, ["diff", "routes.yaml", "other.yaml"], env=ENVIRONMENT).stdout
    assert ("to https://${ORIGIN}" in told, "to https://${WIDE}" in told) == (True, True)


def test_what_the_build_says_has_no_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that the values are in the results of a build: in the component and in fastly.toml."""
    monkeypatch.setattr("fanroute.bundle.builder._Making.component", lambda *_: (b"\0asm\x0d\0\x01\0", ""))
    (folder / "routes.yaml").write_text(VALID)
    done = CliRunner().invoke(main, ["build"], env=ENVIRONMENT)
    assert (done.exit_code, SECRET in done.output.lower()) == (0, False)
    assert '--domain "${OWN}"' in done.stdout
    assert SECRET in (folder / "fastly.toml").read_text()


def test_a_witness_runs_in_a_shell_with_the_variables(folder: Path) -> None:
    """Tests that the request in each command gets its route, even if a host has two variables, one of them with a default."""
    host = 'host: "${UNSET:-x}.${WIDE:-y.example}", query: {a: b}'
    routes = VALID.replace('host: "x.${WIDE}", path: /a', f"{host}, path: /b")
    (folder / "routes.yaml").write_text(routes)
    lines = CliRunner().invoke(main, ["routes", "--witness"], env=ENVIRONMENT).stdout.splitlines()
    assert (len(lines), SECRET in "".join(lines)) == (3, False)
    assert '"${OWN}"' in lines[0]
    assert '"${UNSET:-x}"."${WIDE:-y.example}"' in lines[1]
    for line in lines[:2]:
        path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder)}
        done = subprocess.run(["sh", "-c", line], env=ENVIRONMENT | path, capture_output=True, text=True, check=False)
        assert f"  {line.rpartition('# ')[2]}: yes" in done.stdout.splitlines()


@pytest.mark.parametrize("told", REQUESTS)
def test_a_request_in_a_message_runs_in_a_shell_with_the_variables(folder: Path, told: str) -> None:
    (folder / "routes.yaml").write_text(OVERLAPPING)
    (folder / "other.yaml").write_text(OVERLAPPING.replace("/public/*", "/opened/*"))
    command, before = REQUESTS[told]
    output = CliRunner().invoke(main, command, env=ENVIRONMENT).stdout
    if told == "diff":
        request = output.splitlines()[0]
    elif told == "diff as JSON":
        request = json.loads(output)["changes"][0]["request"]["arguments"]
    else:
        (message,) = (one["message"] for one in json.loads(output)["diagnostics"] if one["code"] == told)
        request = message.partition(before)[2]
    assert SECRET not in output.lower()
    assert request.startswith("GET 'https://'\"${OWN}\"'/")
    line = f"{Path(sys.executable).parent}/fanroute match {request}"
    done = subprocess.run(["sh", "-c", line], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert f"  {'guarded' if told == 'FR302' else 'free'}: yes" in done.stdout.splitlines(), done
