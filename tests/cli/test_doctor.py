"""Tests `fanroute doctor` as a user runs it: its output, its exit code, and that nothing makes it fail or tell a secret."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.doctor.run import CHECKS
from tests.support.doctor import SERVICE, TOKEN, certificate, healthy_service, serving

PORT = 7676


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder, with no token, and with no proxy between it and the test's servers."""
    unset = {"FASTLY_API_TOKEN", "FASTLY_SERVICE_ID", "FASTLY_API_ENDPOINT"}
    env = {name: value for name, value in os.environ.items() if name not in unset and not name.lower().endswith("_proxy")}
    env["XDG_CONFIG_HOME"] = str(folder / "nothing")
    command = [sys.executable, "-P", "-m", "fanroute", "doctor", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=env | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def findings(folder: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    """Returns the findings of the JSON by subject (the last one of each), and the exit code as "code"."""
    done = run(folder, *arguments, "--format", "json", **environment)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert set(report) == {"findings"}
    for finding in report["findings"]:
        assert set(finding) == {"subject", "status", "text", "fix"}
        assert finding["status"] in ("ok", "warning", "error", "skipped")
        assert finding["fix"].endswith(".") or (finding["status"], finding["fix"]) == ("ok", "")
    return {finding["subject"]: finding for finding in report["findings"]} | {"code": done.returncode}


def project(folder: Path, url: str, local: str = "", more: str = "") -> Path:
    """Makes a folder with a routes.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    backend = f'{{url: "{url}"{f", local: {json.dumps(local)}" if local else ""}}}'
    (folder / "routes.yaml").write_text(
        "version: 1\nservice: {name: chat}\n"
        f"backends: {{origin: {backend}, self: {{loopback: true, host: chat.example.com}}}}\n"
        f"routes:\n  - {{match: {{host: chat.example.com, path: /sse}}, sse: {{channel: a}}}}\n{more}"
    )
    return folder


def test_a_sound_project_is_exit_code_0(tmp_path: Path) -> None:
    with serving({"": (200, {})}) as server:
        found = findings(project(tmp_path, server.url, server.url))
    # A server at 127.0.0.1 is not one that Fastly reaches, so there is a warning.
    assert (found["code"], found["routes.yaml"]["text"]) == (0, "1 route, 1 warning")
    assert found["backend 'origin' (url)"]["text"] == f"{server.url}/ answers 200"
    assert found["backend 'origin' (local)"]["status"] == "ok"
    assert found["API token"]["text"] == "there is no token for Fastly's API"
    assert found["clock"]["status"] == "skipped"  # the server has sent no Date


def test_people_read_one_line_for_each_finding_and_its_fix(tmp_path: Path) -> None:
    done = run(project(tmp_path, "https://app.example.com"), "--offline")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, counts = done.stdout.splitlines()
    assert "skipped  backends: no server is asked, because of --offline" in lines
    assert (
        lines[lines.index("skipped  backends: no server is asked, because of --offline") + 1] == "         Leave out --offline."
    )
    assert "ok       routes.yaml: 1 route, nothing wrong" in lines
    assert all(re.match(r"(ok {7}|warning {2}|error {4}|skipped {2}| {9})\S", line) for line in lines)
    assert re.fullmatch(r"\d+ ok, \d+ warnings?, \d+ skipped", counts)


def test_offline_asks_nobody(tmp_path: Path) -> None:
    with serving(healthy_service()) as server:
        environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": server.url, "FASTLY_SERVICE_ID": SERVICE}
        found = findings(project(tmp_path, server.url, server.url), "--offline", **environment)
        assert server.requests == []
    assert found["service"]["text"] == "no server is asked, because of --offline"


def test_a_server_is_asked_who_signed_a_request(tmp_path: Path) -> None:
    """It is one that trusts everybody."""
    with serving({"": (200, {"signed": True, "issuer": "fastly:x"})}) as server:
        folder = project(tmp_path, server.url, more="  - {match: {path: /whoami}, handoff: origin}\n")
        found = findings(folder, "--whoami", f"{server.url}/whoami")
        assert findings(folder, "--whoami", "/whoami")["whoami"]["status"] == "skipped"
        assert "whoami" not in findings(folder)
    assert (found["code"], found["whoami"]["text"]) == (1, f"{server.url}/whoami: signed by fastly:x")
    assert found["whoami (forged)"]["status"] == "error"


@pytest.mark.parametrize("whoami", ["whoami", "ftp://chat.example.com/whoami", "/a b", "http://ann@chat.example.com/", ""])
def test_what_no_request_can_have_is_a_wrong_use(tmp_path: Path, whoami: str) -> None:
    done = run(project(tmp_path, "https://app.example.com"), "--whoami", whoami)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: Invalid value for --whoami: " in done.stderr


def test_backends_of_many_kinds_in_one_run(tmp_path: Path) -> None:
    """Tests a closed port, a slow backend and a wrong certificate: the run takes no longer than the slow one."""
    _, context = certificate(tmp_path, "localhost")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with serving({"": (200, {})}, context=context) as wrong, socket.create_server(("127.0.0.1", 0)) as slow:
        folder = project(tmp_path / "project", f"https://localhost:{wrong.port}", f"http://127.0.0.1:{port}")
        text = (folder / "routes.yaml").read_text()
        backend = f'slow: {{url: "http://127.0.0.1:{slow.getsockname()[1]}"}}, self:'
        (folder / "routes.yaml").write_text(text.replace("self:", backend) + "  - forward: slow\n")
        found = findings(folder)
    assert found["code"] == 1
    assert found["backend 'origin' (url)"]["text"].endswith("its certificate is not valid (self-signed certificate)")
    assert found["backend 'origin' (local)"]["text"] == f"http://127.0.0.1:{port}: it cannot be connected to"
    assert found["backend 'slow' (url)"]["text"].endswith("it has not answered within 3 s")
    assert found["backend 'slow' (url)"]["status"] == "warning"


def test_the_service_on_fastly_is_read_and_the_token_is_not_told(tmp_path: Path) -> None:
    """Tests also that fastly.toml names the service, and that an API which repeats the token does not make it known."""
    answers = healthy_service()
    answers[f"/service/{SERVICE}/details"][1]["name"] = f"chat {TOKEN}"
    answers[f"/enabled-products/v1/fanout/services/{SERVICE}"] = (400, {})
    with serving(answers) as server:
        folder = project(tmp_path, "https://app.example.com")
        (folder / "fastly.toml").write_text(f'manifest_version = 3\nservice_id = "{SERVICE}"\n')
        environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": server.url}
        found = findings(folder, **environment)
        done = run(folder, **environment)
        assert {path for path, _ in server.requests} >= {"/tokens/self", f"/service/{SERVICE}/version/3/backend"}
    assert found["code"] == 1
    assert found["service"]["text"] == "version 3 of 'chat [the token of FASTLY_API_TOKEN]' is active"
    assert found["Fanout"]["fix"] == "Enable it with `fastly products --enable=fanout`."
    assert done.returncode == 1
    assert TOKEN not in json.dumps(found) + done.stdout + done.stderr


def test_a_variable_names_another_service(tmp_path: Path) -> None:
    with serving(healthy_service()) as server:
        folder = project(tmp_path, "https://app.example.com")
        (folder / "fastly.toml").write_text('manifest_version = 3\nservice_id = "another"\n')
        environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": server.url, "FASTLY_SERVICE_ID": SERVICE}
        assert findings(folder, **environment)["service"]["status"] == "ok"


def test_no_value_of_a_variable_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path, "https://${ORIGIN_HOST}")
    for arguments in ([], ["--format", "json"]):
        done = run(folder, *arguments, ORIGIN_HOST="hidden.invalid")
        assert "${ORIGIN_HOST}: its name has no address" in done.stdout
        assert "hidden" not in done.stdout + done.stderr


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    try:
        taken = socket.create_server(("127.0.0.1", PORT))
        owner = f"taken by process {os.getpid()} "
    except OSError:  # another program on this machine has it already
        taken, owner = socket.socket(), "taken by "
    with taken:
        found = findings(project(tmp_path, "https://app.example.com"), "--offline")
    assert found[f"port {PORT}"]["status"] == "warning"
    assert found[f"port {PORT}"]["text"].startswith(owner)
    assert found["code"] == 0


def _no_routes(folder: Path) -> str:
    (folder / "routes.yaml").unlink()
    return "line 1, column 1: the file cannot be read: no such file or directory (FR101)"


def _routes_are_a_folder(folder: Path) -> str:
    (folder / "routes.yaml").unlink()
    (folder / "routes.yaml").mkdir()
    return "line 1, column 1: the file cannot be read: is a directory (FR101)"


def _wrong_routes(folder: Path) -> str:
    text = (folder / "routes.yaml").read_text()
    (folder / "routes.yaml").write_text(text.replace("sse: {channel", "sse: {chanel"))
    return "line 5, column 57: unknown key 'chanel' (FR201)"


@pytest.mark.parametrize("break_it", [_no_routes, _routes_are_a_folder, _wrong_routes])
def test_without_routes_the_machine_is_looked_at(tmp_path: Path, break_it: Any) -> None:
    told = break_it(project(tmp_path, "https://app.example.com"))
    found = findings(tmp_path, "--offline")
    assert (found["code"], found["routes.yaml"]["status"], found["routes.yaml"]["text"]) == (1, "error", told)
    assert found["fastly.toml"]["text"] == "it needs a routes.yaml without errors"
    assert found["Python"]["status"] == "ok"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x = [", "line 1, column 6: it is not TOML: invalid value; the file ends too early"),
        (b"name = '\xff'", "line 1, column 9: the file is not UTF-8 text: save it as UTF-8"),
        (b"setup = 1", "line 1, column 1: 'setup' is not a table"),
        (b"[setup]\nbackends = 1", "line 1, column 1: 'setup.backends' is not a table"),
        (None, "'fastly.toml' is a link, and Fanroute writes a file of its own there"),
    ],
)
def test_a_broken_fastly_toml_is_an_error(tmp_path: Path, content: bytes | None, told: str) -> None:
    manifest = project(tmp_path, "https://app.example.com") / "fastly.toml"
    if content is None:
        manifest.symlink_to("/dev/zero")
    else:
        manifest.write_bytes(content)
    found = findings(tmp_path, "--offline")
    assert (found["code"], found["fastly.toml"]["status"]) == (1, "error")
    assert found["fastly.toml"]["text"].startswith(told)
    assert found["local stores"]["status"] == "skipped"


@pytest.mark.parametrize(
    "environment",
    [
        {"PATH": ""},
        {"HOME": "relative", "XDG_CACHE_HOME": ""},
        {"XDG_CACHE_HOME": "/proc"},
        {"SSL_CERT_FILE": "/nowhere"},
        {"FASTLY_API_TOKEN": "x", "FASTLY_API_ENDPOINT": "http://["},
        {"FASTLY_API_TOKEN": "a\nb"},
        {"FASTLY_API_TOKEN": "\udcff"},
        {"FASTLY_SERVICE_ID": "../../x", "FASTLY_API_TOKEN": "x", "FASTLY_API_ENDPOINT": "http://127.0.0.1:9"},
        {"LC_ALL": "C", "COLUMNS": "1"},
        {"HTTPS_PROXY": "http://[", "FASTLY_API_TOKEN": "x"},
    ],
    ids=str,
)
def test_no_environment_makes_it_fail(tmp_path: Path, environment: dict[str, str]) -> None:
    found = findings(project(tmp_path, "https://no-such-host.invalid"), **environment)
    assert {"Python", "routes.yaml", "fastly.toml"} <= set(found)
    assert "itself failed" not in json.dumps(found)


def test_it_writes_nothing(tmp_path: Path) -> None:
    run(project(tmp_path, "https://no-such-host.invalid"))
    assert [path.name for path in tmp_path.iterdir()] == ["routes.yaml"]


def test_the_token_of_the_fastly_cli_is_used_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "fastly").mkdir()
    (tmp_path / "fastly/config.toml").write_text(f'[auth]\ndefault = "work"\n[auth.tokens.work]\ntoken = "{TOKEN}"\n')
    answers = healthy_service()
    answers[f"/service/{SERVICE}/details"][1]["name"] = TOKEN
    with serving(answers) as server:
        environment = {"XDG_CONFIG_HOME": str(tmp_path), "FASTLY_API_ENDPOINT": server.url, "FASTLY_SERVICE_ID": SERVICE}
        found = findings(project(tmp_path / "project", server.url), **environment)
        assert {headers.get("fastly-key") for path, headers in server.requests if path != "/"} == {TOKEN}
    assert found["service"]["text"] == "version 3 of '[the token of the Fastly CLI's profile 'work']' is active"


def test_its_examples_run(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["doctor", "--help"]).output
    examples = re.findall(r"^    (fanroute doctor.*)$", shown.partition("Examples:\n")[2], re.MULTILINE)
    assert len(examples) == 3
    with serving({"": (200, {})}) as server:
        project(tmp_path, server.url)
        project(tmp_path / "edge", server.url)
        for example in examples:
            assert run(tmp_path, *shlex.split(example)[2:]).returncode == 0


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--online"], ["a", "b"]])
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path, *arguments).returncode == 2


def test_the_page_names_each_check() -> None:
    """Tests that docs/doctor.md has a row for each check."""
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) \|", page.partition("## The checks")[2].partition("\n## ")[0], re.MULTILINE)
    assert rows[2:] == [*CHECKS, "clock"]
