"""Tests the commands as a user runs them: their exit codes, their messages, and the files that remain."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.cli.catalog import CODES
from fanroute.cli.output import print_failure
from fanroute.project.fastly_toml import BUILD_COMMAND, build_command
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.support.builds import build_once, copied

OWN = (REPOSITORY / "routes.yaml").read_text()
GOOD = b"the last good component"


def fanroute(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "fanroute", *arguments]
    env = os.environ | environment
    return subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Makes a folder that was built before: its component is in bin/ and in the cache."""
    workspace = Workspace(tmp_path / "routes.yaml")
    workspace.keep_component(GOOD, "of other routes")
    workspace.write_wasm(GOOD)
    return tmp_path


WRONG = {
    "a misspelt key": (OWN.replace("echo", "ecko").encode(), "14:32", "FR201", "did you mean 'echo'?"),
    "an unknown backend": (OWN.replace("handoff: origin", "handoff: orgin").encode(), "28:14", "FR203", "did you mean 'origin'?"),
    "a tab": (OWN.replace("    handoff", "\thandoff").encode(), "28:1", "FR103", "indent with spaces"),
    "an empty file": (b"", "1:1", "FR104", "README.md"),
    "a missing file": (None, "1:1", "FR101", "no such file"),
    "a binary file": (b"\xcf\xfa\xed\xfe" + bytes(range(256)), "1:1", "FR102", "not UTF-8 text"),
}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "error: no space left on device\n"),
        (PermissionError(13, "Permission denied", "bin"), "error: bin: permission denied\n"),
        (FileExistsError("routes.yaml exists already"), "error: routes.yaml exists already\n"),
    ],
)
def test_a_failure_of_the_system_has_no_number(capsys: pytest.CaptureFixture[str], error: OSError, told: str) -> None:
    print_failure(error, Workspace(Path("routes.yaml")))
    assert capsys.readouterr().err == told


def test_a_missing_file_is_made_or_found(tmp_path: Path) -> None:
    """The help names a file with another extension, then one in a folder above, then the command that makes one."""

    def helped(folder: Path, *arguments: str) -> str:
        done = fanroute(folder, *arguments)
        assert done.returncode == 1
        return done.stderr.splitlines()[1].strip()

    below = tmp_path / "project" / "below"
    below.mkdir(parents=True)
    for command in ("check", "build", "serve", "routes", "test", "fmt"):
        assert helped(below, command) == "= make one with `fanroute init`, or name another file"
    (tmp_path / "project" / "routes.yaml").write_text(OWN)
    assert helped(below, "check") == f"= there is one in '{tmp_path / 'project'}': run the command there, or name that file"
    (below / "routes.yml").write_text(OWN)
    assert helped(below, "check") == "= rename 'routes.yml' to 'routes.yaml', or name it"
    assert helped(tmp_path / "project", "test") == "= write tests in this file (docs/testing.md), or name another one"
    assert helped(below, "check", "other.yaml") == "= name a file that can be read"


@pytest.mark.parametrize(("word", "told"), [("chek", "; did you mean 'check'? commands: init,"), ("x", "; commands: init,")])
def test_an_unknown_command_is_told_with_the_known_ones(tmp_path: Path, word: str, told: str) -> None:
    done = fanroute(tmp_path, word)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no command {word!r}; " in done.stderr and told in done.stderr


@pytest.mark.parametrize(("count", "told"), [(1, "1 route, "), (2, "2 routes, ")])
def test_routes_are_counted(tmp_path: Path, count: int, told: str) -> None:
    routes = "".join(f"  - {{match: {{path: /{number}}}, forward: origin}}\n" for number in range(count))
    backends = 'backends: {origin: {url: "https://a.example.com"}}'
    (tmp_path / "routes.yaml").write_text(f"version: 1\nservice: {{name: a}}\n{backends}\nroutes:\n{routes}")
    assert fanroute(tmp_path, "check").stdout == f"routes.yaml: {told}nothing wrong\n"


@pytest.mark.parametrize("command", ["check", "build", "serve"])
@pytest.mark.parametrize("kind", WRONG)
def test_wrong_input_is_told_and_nothing_is_lost(project: Path, kind: str, command: str) -> None:
    content, place, code, told = WRONG[kind]
    if content is not None:
        (project / "routes.yaml").write_bytes(content)
    done = fanroute(project, command)
    assert done.returncode == 1
    assert done.stdout == ""
    messages = re.findall(r"^routes\.yaml:(\d+:\d+): error\[(\w+)\]", done.stderr, re.MULTILINE)
    assert messages == [(place, code)]
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert (project / "bin/main.wasm").read_bytes() == GOOD


@pytest.mark.parametrize("kind", WRONG)
def test_a_removed_component_is_put_back(project: Path, kind: str) -> None:
    """Tests the case that `fastly compute build` has removed the component before it calls the build."""
    content = WRONG[kind][0]
    if content is not None:
        (project / "routes.yaml").write_bytes(content)
    (project / "bin/main.wasm").unlink()
    assert fanroute(project, "build").returncode == 1
    assert (project / "bin/main.wasm").read_bytes() == GOOD


def test_a_folder_in_the_files_place(project: Path) -> None:
    (project / "routes.yaml").mkdir()
    done = fanroute(project, "build")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "routes.yaml:1:1: error[FR101]: the file cannot be read: is a directory",
    )


def test_a_broken_manifest_is_told(project: Path) -> None:
    (project / "routes.yaml").write_text(OWN)
    ends = "the file ends too early: close what is open, such as a bracket or a quote"
    for content, told in (
        (b"x = [", f"1:6: error: it is not TOML: invalid value; {ends}"),
        (b"name = 'x'\ny = '\xc3\xa9\xe9'\n", "2:7: error: the file is not UTF-8 text: save it as UTF-8"),
    ):
        (project / "fastly.toml").write_bytes(content)
        done = fanroute(project, "build")
        assert (done.returncode, done.stderr) == (1, f"fastly.toml:{told}\n")
        assert (project / "fastly.toml").read_bytes() == content
        assert (project / "bin/main.wasm").read_bytes() == GOOD


def test_a_byte_order_mark_is_no_part_of_a_manifest(tmp_path: Path) -> None:
    """Tests a byte order mark, which some editors on Windows write."""
    (tmp_path / "fastly.toml").write_bytes(b"\xef\xbb\xbfname = 'x'\n")
    assert Workspace(tmp_path / "routes.yaml").read_manifest() == "name = 'x'\n"


def test_a_failing_componentize_py_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "routes.yaml").write_text(OWN)
    (project / "bin/main.wasm").unlink()
    monkeypatch.setattr("fanroute.bundle.toolchain.WORLD", "nothing")
    done = CliRunner().invoke(main, ["build", str(project / "routes.yaml")])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: componentize-py failed\n  ")
    assert "Traceback" not in done.stderr
    assert (project / "bin/main.wasm").read_bytes() == GOOD
    assert sorted(path.name for path in (project / "build").iterdir()) == ["app", "good.wasm", "lock"]


def test_the_cli_builds_with_make_where_there_is_a_makefile(own_project: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    copied(own_project, folder)
    for makefile, command in (
        ("", BUILD_COMMAND),
        ("build:\n\tgo build\n", BUILD_COMMAND),  # which builds something else
        ("all:\n\tfanroute build\n", BUILD_COMMAND),
        ("build:\n\tfanroute build\n", "make build"),
    ):
        (folder / "Makefile").write_text(makefile)
        assert fanroute(folder, "build").returncode == 0
        assert tomllib.loads((folder / "fastly.toml").read_text())["scripts"]["build"] == command


SHELL = shutil.which("sh")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Makes an empty folder that is the only one on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    return folder


def stub(path: Path) -> None:
    """Makes a program that prints its arguments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{SHELL}\necho {path.parent.name} $@\n")
    path.chmod(0o755)


def built_by(folder: Path, path: Path, build: str = BUILD_COMMAND) -> subprocess.CompletedProcess[str]:
    """Runs in a folder what the Fastly CLI would run there, with another PATH."""
    command = [str(SHELL), "-c", build]
    return subprocess.run(command, cwd=folder, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def test_the_cli_builds_with_the_fanroute_that_it_finds(tmp_path: Path, bare: Path) -> None:
    """Tests that it looks on PATH, then next to fastly.toml, and otherwise says in one line how to install fanroute."""
    done = built_by(tmp_path, bare)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "fanroute is neither on PATH nor in .venv/bin: install it with "
        '"python3 -P -m venv .venv && .venv/bin/python -P -m pip install CLONE", '
        "where CLONE is the folder of a clone of Fanroute.\n"
    )
    stub(tmp_path / ".venv/bin/fanroute")
    assert built_by(tmp_path, bare).stdout == "bin build\n"
    stub(bare / "fanroute")
    assert built_by(tmp_path, bare).stdout == "path build\n"


def test_a_build_of_another_folder_and_file_says_how_it_is_published(own_project: Workspace, tmp_path: Path) -> None:
    folder = copied(own_project, tmp_path / "sub").routes.parent
    (folder / "routes.yaml").rename(folder / "edge.yaml")
    done = fanroute(tmp_path, "build", "sub/edge.yaml")
    assert (done.returncode, "nothing has changed" in done.stdout) == (0, True)
    command = "cd sub && fastly compute publish --domain fanroute-starter.edgecompute.app"
    assert done.stdout.splitlines()[-1] == f"Publish, the first time: {command}"
    assert tomllib.loads((folder / "fastly.toml").read_text())["scripts"]["build"] == build_command("edge.yaml")


@pytest.mark.parametrize("name", ["edge.yaml", "it's mine.yaml", "-x.yaml", "$HOME.yaml"])
def test_the_cli_builds_the_file_that_was_built(tmp_path: Path, bare: Path, name: str) -> None:
    """Tests files with names other than routes.yaml."""
    (bare / "fanroute").write_text(f'#!{SHELL}\nprintf "%s|" "$@"\n')
    (bare / "fanroute").chmod(0o755)
    assert built_by(tmp_path, bare, build_command(name)).stdout == f"build|./{name}|"
    assert build_command("routes.yaml") == BUILD_COMMAND


def test_a_build_that_fails_fails_for_the_cli_too(tmp_path: Path, bare: Path) -> None:
    (bare / "fanroute").write_text(f"#!{SHELL}\nexit 1\n")
    (bare / "fanroute").chmod(0o755)
    assert built_by(tmp_path, bare).returncode == 1


def test_a_build_says_that_it_replaces_a_users_own_address(own_project: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    copied(own_project, folder)
    toml = (folder / "fastly.toml").read_text()
    address = tomllib.loads(toml)["setup"]["backends"]["self"]["address"]
    (folder / "fastly.toml").write_text(toml.replace(f'address = "{address}"', 'address = "www.example.com"'))
    told = "fastly.toml: setup.backends.self.address had another value, which is replaced; "
    assert told + "to keep another value, write it in routes.yaml, at the backend 'self'" in fanroute(folder, "build").stdout
    assert tomllib.loads((folder / "fastly.toml").read_text())["setup"]["backends"]["self"]["address"] == address


@pytest.mark.parametrize("edge", ["embedded", pytest.param("viceroy", marks=pytest.mark.viceroy)])
def test_a_broken_local_store_is_told(own_project: Workspace, tmp_path: Path, edge: str) -> None:
    folder = tmp_path / "copy"
    copied(own_project, folder)
    with (folder / "fastly.toml").open("a") as manifest:
        manifest.write('[local_server.secret_stores]\nkeys = [{key = "first", file = "keys/first"}]\n')
    done = fanroute(folder, "serve", "--edge", edge)
    assert done.returncode == 1
    told = "'local_server.secret_stores.keys[0].file' cannot be read: no such file or directory\n"
    assert done.stderr == f"fastly.toml:1:1: error: {told}"


def test_the_environment_reaches_what_is_built(own_project: Workspace, tmp_path: Path) -> None:
    """Tests that a backend's address is only in fastly.toml, so the component stays the same."""
    folder = tmp_path / "copy"
    copied(own_project, folder)
    (folder / "routes.yaml").write_text(OWN.replace("https://app.example.com", "https://${FANROUTE_TEST_ORIGIN}"))
    before = (folder / "fastly.toml").read_text()
    for command in ("check", "build", "routes"):
        done = fanroute(folder, command)
        assert done.returncode == 1
        assert "error[FR210]: the environment variable 'FANROUTE_TEST_ORIGIN' is not set" in done.stderr
    assert (folder / "fastly.toml").read_text() == before
    done = fanroute(folder, "build", FANROUTE_TEST_ORIGIN="origin.example.net")
    assert (done.returncode, "nothing has changed" in done.stdout) == (0, True)
    backends = tomllib.loads((folder / "fastly.toml").read_text())["setup"]["backends"]
    assert backends["origin"] == {"address": "origin.example.net", "port": 443}


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["build", "--no-such-option"],
        ["build", "a", "b"],
        ["serve", "--edge", "x"],
        ["serve", "--port", "70000"],
        ["serve", "--allow-host", "http://app.test"],
        ["serve", "--allow-host", "app.test:80"],
        ["serve", "--allow-host", "*.app.test"],
        ["serve", "--allow-host", ""],
        ["check", "--deny", "errors"],
        ["test", "--live", "x"],
        ["test", "--fail-under", "101"],
        ["explain", "FR203", "FR204"],
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    done = fanroute(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


IGNORED = {
    "serve --pushpin /bin/sh": "--pushpin is only for --edge viceroy: the embedded edge starts no Pushpin",
    "serve --edge embedded --pushpin /bin/sh": "--pushpin is only for --edge viceroy: the embedded edge starts no Pushpin",
    "init --list my-chat": "--list makes nothing: ",
    "init --list --template chat": "--list makes nothing: ",
}


@pytest.mark.parametrize("arguments", IGNORED)
def test_an_option_that_would_be_ignored_is_told(tmp_path: Path, arguments: str) -> None:
    done = fanroute(tmp_path, *arguments.split())
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert f"Error: {IGNORED[arguments]}" in done.stderr


def test_claims_for_nobody_are_told(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    note = "Note: no route that takes this request requires a token, so --claims has no effect\n"
    for options in ([], ["--via-fanout"]):
        plain = fanroute(tmp_path, "match", "GET", "https://a/", *options)
        assert note not in plain.stdout
        assert note in fanroute(tmp_path, "match", "GET", "https://a/", "--claims", '{"sub": "ann"}', *options).stdout


def test_a_token_whose_key_is_not_read_is_told(tmp_path: Path) -> None:
    auth = "auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}"
    (tmp_path / "routes.yaml").write_text(OWN.replace("handoff: origin", f"respond: {{status: 200}}\n    {auth}"))
    note = "Note: the key of this token is in a store"
    token = fanroute(tmp_path, "token", "--claims", "{}").stdout.strip()
    asked = ("match", "GET", "https://own.edgecompute.app/")
    assert note in fanroute(tmp_path, *asked, "-H", f"Authorization: Bearer {token}").stdout
    for options in ([], ["--claims", "{}"], ["-H", "Authorization: Bearer x"]):
        assert note not in fanroute(tmp_path, *asked, *options).stdout


def test_a_variable_for_another_edge_is_no_mistake(tmp_path: Path) -> None:
    """Tests that the variable may be set although the embedded edge does not use it."""
    done = fanroute(tmp_path, "serve", FANROUTE_PUSHPIN="/bin/sh")
    assert (done.returncode, "FR101" in done.stderr) == (1, True)


@pytest.mark.parametrize("arguments", [[], ["check"], ["build"], ["serve"], ["install"], ["explain"], ["test"]])
def test_help_is_there(tmp_path: Path, arguments: list[str]) -> None:
    done = fanroute(tmp_path, *arguments, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage:")


def test_check_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    done = fanroute(tmp_path, "check")
    assert (done.returncode, done.stdout) == (0, "routes.yaml: 6 routes, 1 note\n")
    assert "routes.yaml:28:14: note[FR410]: " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["routes.yaml"]


def test_check_imports_what_it_needs(tmp_path: Path) -> None:
    """Tests that `check` imports nothing for styles, JSON, documents or code, because imports take half of a short run."""
    (tmp_path / "routes.yaml").write_text(OWN)
    command = [sys.executable, "-X", "importtime", "-P", "-m", "fanroute", "check"]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stderr
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}
    assert "fanroute.pipeline" in imported
    assert not imported & {
        "rich",
        "jinja2",
        "fanroute.diagnostics.json_report",
        "fanroute.spec.json_schema",
        "fanroute.codegen.app_module",
        "fanroute.analysis.witness",
    }


def test_check_tells_programs(tmp_path: Path) -> None:
    """Tests JSON, also for a file without faults, and GitHub's workflow commands. Both go to standard output."""
    (tmp_path / "routes.yaml").write_text(OWN.replace("handoff: origin", "respond: {status: 404}"))
    done = fanroute(tmp_path, "check", "--format", "json")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"diagnostics": []}, "")
    (tmp_path / "routes.yaml").write_text(OWN + "\n'[bold]:smile:': 1\n")
    done = fanroute(tmp_path, "check", "--format", "json")
    (told,) = json.loads(done.stdout)["diagnostics"]
    assert (done.returncode, done.stderr, told["message"]) == (1, "", "unknown key '[bold]:smile:'")
    done = fanroute(tmp_path, "check", "--format", "github", "missing.yaml")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(
        "::error file=missing.yaml,line=1,endLine=1,col=1,endColumn=1,title=FR101::the file cannot be read"
    )
    assert fanroute(tmp_path, "check", "--format", "xml").returncode == 2


def test_routes_are_listed(tmp_path: Path) -> None:
    """Tests that each route is one line in a pipe."""
    (tmp_path / "routes.yaml").write_text(OWN)
    done = fanroute(tmp_path, "routes")
    rows = [re.split(r"  +", line.strip()) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert rows == [
        ["route", "match", "action", "channels", "backend"],
        ["1", "test-websocket", "*.edgecompute.app /test/websocket", "websocket, echo", "test", "self"],
        ["2", "test-stream", "*.edgecompute.app /test/stream", "stream, text/plain", "test", "self"],
        ["3", "test-sse", "*.edgecompute.app /test/sse", "stream, text/event-stream", "test", "self"],
        ["4", "test-long-poll", "*.edgecompute.app /test/long-poll", "long_poll, text/plain", "test", "self"],
        ["5", "test-other", "*.edgecompute.app /test/*", "respond 404"],
        ["6", "everything-else", "*", "handoff", "origin"],
    ]


def test_every_route_has_a_request(tmp_path: Path) -> None:
    """Tests that each is a command that a shell can run, and that its output confirms the route."""
    routes = """routes:
  - {name: odd, match: {path: "/it's", header: {x-a: "é it's"}, query: {"a&": "$x ✓"}, method: "X'"}, handoff: origin}
  - {name: socket, match: {host: "*.example.com", websocket: true}, handoff: origin}
  - {name: dead, match: {host: a.example.com, websocket: true}, handoff: origin}
  - {name: path, match: {path: /*}, handoff: origin}
"""
    (tmp_path / "routes.yaml").write_text(OWN.partition("routes:\n")[0] + routes)
    done = fanroute(tmp_path, "routes", "--witness")
    assert done.returncode == 0
    odd, socket, dead, path = done.stdout.splitlines()
    assert dead == "# dead: no request reaches it"
    for command in (odd, socket, path):
        told = shell(tmp_path, command)
        assert f"  {command.rpartition('# ')[2]}: yes" in told.splitlines()


def test_a_witness_says_of_which_file(tmp_path: Path) -> None:
    (tmp_path / "my routes.yaml").write_text(OWN)
    command = fanroute(tmp_path, "routes", "--witness", "my routes.yaml").stdout.splitlines()[0]
    assert "  test-websocket: yes" in shell(tmp_path, command)


def test_what_begins_with_a_hyphen_is_no_option(own_project: Workspace, tmp_path: Path) -> None:
    """Tests a method and a folder that begin with a hyphen."""
    (tmp_path / "-x").mkdir()
    (tmp_path / "-x" / "routes.yaml").write_text(
        OWN.partition("routes:\n")[0] + "routes: [{match: {method: -x}, handoff: origin}]\n"
    )
    (command,) = fanroute(tmp_path, "routes", "--witness", "--", "-x/routes.yaml").stdout.splitlines()
    assert "  route-1: yes" in shell(tmp_path, command)
    copied(own_project, tmp_path / "-x")
    built = fanroute(tmp_path, "build", "--", "-x/routes.yaml")
    assert built.returncode == 0, built.stderr
    assert "cd ./-x && fastly compute publish" in built.stdout
    begun = fanroute(tmp_path, "init", "--", "-y").stdout
    assert shell(tmp_path, f"{begun.partition('Next: ')[2].partition(', then')[0]} && pwd") == f"{tmp_path}/-y\n"


def shell(folder: Path, command: str) -> str:
    """Returns what a command prints."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout


def diff(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "fanroute", "diff", *arguments]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, check=False)


def test_what_changes_is_told(tmp_path: Path) -> None:
    """Tests a file against an older version on standard input, such as Git's."""
    (tmp_path / "routes.yaml").write_text(OWN.replace("channel: test}", "channel: news}", 1))
    done = diff(tmp_path, "-", "routes.yaml", given=OWN)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "GET https://x.edgecompute.app/test/stream",
        "  - test-stream: stream, text/plain on test",
        "  + test-stream: stream, text/plain on news (differs in channels)",
    ]
    told = json.loads(diff(tmp_path, "routes.yaml", "-", "--format", "json", given=OWN).stdout)
    assert told["changes"] == [
        {
            "environment": None,
            "request": {
                "method": "GET",
                "url": "https://x.edgecompute.app/test/stream",
                "headers": [],
                "client_ip": "192.0.2.1",
                "arguments": "GET https://x.edgecompute.app/test/stream",
            },
            "old": {"route": "test-stream", "answer": "stream, text/plain on news"},
            "new": {"route": "test-stream", "answer": "stream, text/plain on test"},
            "differs": ["channels"],
        }
    ]


def test_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN.replace("test-stream", "stream"))
    done = diff(tmp_path, "routes.yaml", "-", given=OWN)
    assert (done.returncode, done.stdout) == (0, "No request gets another answer.\n")
    done = diff(tmp_path, "routes.yaml", "-", "--format", "json", given=OWN)
    nothing = {"changes": [], "settings": [], "new_environments": [], "removed_environments": []}
    assert (done.returncode, json.loads(done.stdout)) == (0, nothing)


def test_both_files_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(OWN.replace("echo", "ecko"))
    done = diff(tmp_path, "-", "new.yaml", given=OWN.replace("handoff: origin", "handoff: orgin"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.findall(r"^(\S+): error\[(\w+)\]", done.stderr, re.MULTILINE) == [("-:28:14", "FR203"), ("new.yaml:14:32", "FR201")]


def test_only_one_file_is_piped(tmp_path: Path) -> None:
    assert diff(tmp_path, "-", "-").returncode == 2


def test_a_request_is_matched(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    done = fanroute(tmp_path, "match", "GET", "https://a.edgecompute.app/test/stream")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "  test-websocket: no, by path",
            "  test-stream: yes",
            "Handed off to self through Fanout, with",
            "  x-forwarded-for: 192.0.2.1",
            "  x-forwarded-host: a.edgecompute.app",
            "  x-forwarded-proto: https",
            "  fanroute-pin: 1;1;stream-a277a553316137ba;18606fb4",
            "Asked by Fanout, the edge answers: 200",
            "  content-type: text/plain",
            "  grip-hold: stream",
            "  grip-channel: test",
        ],
    )
    done = fanroute(tmp_path, "match", "GET", "https://a.edgecompute.app/x", "--via-fanout", "-H", "X-Forwarded-Host: b")
    assert done.stdout.splitlines()[5:7] == ["  everything-else: yes", "Answered at once: 403"]


def test_a_request_with_a_token_is_matched(tmp_path: Path) -> None:
    auth = "  auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {query: token}}\n"
    routes = OWN.partition("routes:\n")[0] + "defaults:\n" + auth + "routes:\n  - handoff: origin\n"
    (tmp_path / "routes.yaml").write_text(routes)
    done = fanroute(tmp_path, "match", "GET", "https://a/x?b=c", "--claims", '{"sub": "ann"}')
    assert done.stdout.splitlines()[:3] == [
        "  route-1: yes",
        "Handed off to origin through Fanout, with",
        "  the URI https://a/x?b=c",
    ]
    done = fanroute(tmp_path, "match", "GET", "https://a/x?token=x")
    assert done.stdout.splitlines()[1] == "Answered at once: 401"


@pytest.mark.parametrize(
    "arguments",
    [
        ["GET"],
        ["GET", "/x"],
        ["GET", "http://\u00e9/"],
        ["GET", "http://x/a b"],
        ["GET", "http://x/", "-H", "x"],
        ["GET", "http://x/", "-H", ": x"],
        ["GET", "http://x/", "-H", "a b: c"],
        ["GET", "http://x/", "--claims", "sub"],
        ["GET", "http://x/", "--claims", "[]"],
    ],
)
def test_a_wrong_request_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    done = fanroute(tmp_path, "match", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


METHOD, URL = (
    "METHOD: {!r} is not a method: write a method such as GET",
    "URL: {!r} is not the URL of a request: ",
)
NAME, VALUE = "-H: {!r} is not the name of a header: use letters", "-H: {!r} is not a valid header value: leave out line breaks"
NO_REQUESTS = [
    *((METHOD, method, [method, "http://x/"]) for method in ("G T", "", "GET\r\n", "GÉT", "GET:")),
    *(
        (URL, url, ["GET", url])
        for url in (
            "https://",
            "https:///x",
            "https://…",
            "/x",
            "https://a b/",
            "https://a:b/",
            "https://[::1",
            "https://a@b/",
            "wss://a/",
        )
    ),
    *((NAME, name, ["GET", "http://x/", "-H", f"{name}: c"]) for name in ("a b", "x ", " x", "", "é", "x\n", "a(b)")),
    *((VALUE, value, ["GET", "http://x/", "-H", f"x: {value}"]) for value in ("a\r\nb: c", "a\nb", "a\rb", "a\x1bb", "a\x7f")),
]


@pytest.mark.parametrize(("told", "part", "arguments"), NO_REQUESTS)
def test_what_is_no_request_is_told(told: str, part: str, arguments: list[str]) -> None:
    """Tests that a wrong request is reported before any file is read."""
    done = CliRunner().invoke(main, ["match", *arguments, "--routes", "missing.yaml"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"Error: Invalid value for {told.format(part)}" in done.stderr


def test_route_tests_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    requests = {
        "{method: G T, url: https://x/}": "'G T' is not a method",
        "G T https://x/": "'T https://x/' is not the URL of a request",
        "GET https://": "'https://' is not the URL of a request",
        "{url: https://x/, headers: {a b: c}}": "'a b' is not the name of a header",
        '{url: https://x/, headers: {a: "b\\r\\nc"}}': "'b\\r\\nc' is not a valid header value",
    }
    text = "".join(f"  - {{request: {request}, expect: {{route: none}}}}\n" for request in requests)
    (tmp_path / "routes.test.yaml").write_text(f"tests:\n{text}")
    done = fanroute(tmp_path, "test")
    told = re.findall(r"error\[FR204\]: (.*)", done.stderr)
    assert (done.returncode, told) == (1, list(requests.values()))


@pytest.mark.parametrize(
    "url",
    ["https://a/x\\y", "https://a/x#y", "https://a\\x", 'https://a/"<>^`{|}', "http://[::1]:80/", "https://a.?b", "http://a_b"],
)
def test_whatever_an_attacker_sends_can_be_asked(tmp_path: Path, url: str) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    done = fanroute(tmp_path, "match", "PROPFIND", url, "-H", "X!#$%&'*+-.^_`|~: \ta\tb é\t")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_host_of_a_request_is_its_urls(tmp_path: Path) -> None:
    done = fanroute(tmp_path, "match", "GET", "http://x/", "-H", "Host: chat.example.com")
    assert (done.returncode, "the Host header is the URL's host: write it in the URL" in done.stderr) == (2, True)


@pytest.mark.parametrize("depth", [*range(900, 1010, 5), 20_000])
def test_claims_of_any_depth_are_no_traceback(tmp_path: Path, depth: int) -> None:
    """Tests claims that can be parsed, but are nested too deeply to be serialized."""
    auth = "  auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {query: token}}\n"
    (tmp_path / "routes.yaml").write_text(OWN.partition("routes:\n")[0] + "defaults:\n" + auth + "routes:\n  - handoff: origin\n")
    claims = '{"a": ' + "[" * depth + "]" * depth + "}"
    arguments = ["match", "GET", "http://x/", "--claims", claims, "--routes", str(tmp_path / "routes.yaml")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code in (0, 2)
    assert done.exception is None or isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("command", [["routes"], ["match", "GET", "http://x/"]])
def test_the_tools_tell_what_is_wrong(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "routes.yaml").write_text("versoin: 1\n")
    done = fanroute(tmp_path, *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "routes.yaml:1:1: error[FR201]: unknown key 'versoin'" in done.stderr


def test_text_of_the_users_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN + "\n'[bold] :smile:': 1\n")
    assert "unknown key '[bold] :smile:'" in fanroute(tmp_path, "check").stderr


def test_colours_are_for_a_terminal(tmp_path: Path) -> None:
    """Tests that there are no colours in a pipe, or if NO_COLOR is set."""
    (tmp_path / "routes.yaml").write_bytes(WRONG["an unknown backend"][0] or b"")
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    plain |= {"TERM": "xterm"}
    assert "\x1b[1;31merror[FR203]\x1b[0m" in on_terminal(tmp_path, plain, "check")
    assert ";31m" not in on_terminal(tmp_path, plain | {"NO_COLOR": "1"}, "check")
    assert "\x1b" not in fanroute(tmp_path, "check").stderr


STEPS = ("Checking the routes", "Building Python and the routes", "0:00:0")


def test_steps_are_for_people_at_a_terminal(tmp_path: Path) -> None:
    """Nothing of them stays on the terminal, and each printed line has a line of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")} | {"TERM": "xterm"}
    (tmp_path / "routes.yaml").write_text(OWN)
    seen = on_terminal(tmp_path, environment, "build", "--no-flatten")
    assert [step for step in STEPS if step not in seen] == []
    shown = on_screen(seen)
    assert shown[0] == "Building the component (a few seconds)"
    assert shown[1].startswith("bin/main.wasm: ")
    assert not any(step in line for step in STEPS for line in shown)
    (tmp_path / "bin" / "main.wasm").unlink()
    quiet = on_terminal(tmp_path, environment | {"CI": "true"}, "build", "--no-flatten")
    assert not any(step in quiet for step in STEPS)
    done = fanroute(tmp_path, "build", "--no-flatten", FORCE_COLOR="1")
    assert (done.stderr, any(step in done.stdout for step in STEPS)) == ("", False)


def on_screen(written: str) -> list[str]:
    """Returns the lines that remain of what a command wrote to a terminal, which it sometimes tells to clear a line above."""
    cleared = re.sub(r"\r?\n(?:\x1b\[\?25h|\r)*\x1b\[1A", "", written)
    lines = [line.rpartition("\x1b[2K")[2] for line in cleared.split("\n")]
    return [plain for line in lines if (plain := re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", line))]


def on_terminal(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    """Returns what a command writes to a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-P", "-m", "fanroute", *arguments]
    written = b""
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=its, stderr=its):
        os.close(its)
        with suppress(OSError):  # Linux's way to say that the other end is closed
            while more := os.read(ours, 65536):
                written += more
    os.close(ours)
    return written.decode()


# The last route but one never gets a request.
DEAD = OWN.replace(
    "  - name: everything-else",
    "  - match: {host: x.edgecompute.app, path: /test/x}\n    handoff: origin\n  - name: everything-else",
)


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--deny", "warnings"], 1)])
@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_warnings_can_be_denied(tmp_path: Path, form: str, arguments: list[str], code: int) -> None:
    """Tests the warnings of a valid file."""
    (tmp_path / "routes.yaml").write_text(DEAD)
    done = fanroute(tmp_path, "check", "--format", form, *arguments)
    assert done.returncode == code
    if form == "json":
        assert json.loads(done.stdout)["diagnostics"][0]["code"] == "FR301"
    elif form == "github":
        assert done.stdout.startswith("::warning ")
    else:
        assert done.stdout.startswith("routes.yaml: 7 routes, 1 warning")
        assert "warning[FR301]: route 'route-6' can never match: 'test-other' takes all its requests" in done.stderr


def test_errors_fail_with_warnings_denied_too(tmp_path: Path) -> None:
    assert fanroute(tmp_path, "check", "--deny", "warnings").returncode == 1
    (tmp_path / "routes.yaml").write_text(OWN)
    assert fanroute(tmp_path, "check", "--deny", "warnings").returncode == 0


def test_explain(tmp_path: Path) -> None:
    done = fanroute(tmp_path, "explain", "fr203")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("## FR203\n\nError: a route names a backend that is not defined.\n")
    assert done.stdout in (REPOSITORY / "docs" / "diagnostics.md").read_text(encoding="utf-8")


def test_explain_lists_all(tmp_path: Path) -> None:
    done = fanroute(tmp_path, "explain")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(CODES)
    assert "FR203  error    a route names a backend that is not defined\n" in done.stdout


@pytest.mark.parametrize(
    ("code", "close"),
    [("FRT203", "did you mean 'FR203'?"), ("E203", "did you mean 'FR203'?"), ("[bold]", "codes: FR101"), ("", "codes: FR101")],
)
def test_explain_knows_its_codes(tmp_path: Path, code: str, close: str) -> None:
    done = fanroute(tmp_path, "explain", code)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"unknown code {code!r}" in done.stderr
    assert close in done.stderr


def test_the_repositorys_own_routes_are_tested() -> None:
    done = fanroute(REPOSITORY, "test", "--fail-under", "100")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("coverage of routes.yaml: 6 of 6 routes, 5 of 5 alternatives, 100 %\n")


TESTS = """\
tests:
  - request: GET https://a.edgecompute.app/test/stream
    expect: {route: test-stream}
  - request: GET https://a.edgecompute.app/test/sse
    expect: {route: everything-else}
"""


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    """Makes a folder with two tests. One of them fails."""
    (tmp_path / "routes.yaml").write_text(OWN)
    (tmp_path / "routes.test.yaml").write_text(TESTS)
    return tmp_path


def test_a_failing_test_is_exit_code_1(tested: Path) -> None:
    """Tests that a failure is reported at the expectation, with notes that point at the reasons in the other file."""
    done = fanroute(tested, "test")
    assert (done.returncode, done.stdout) == (1, "routes.test.yaml: 2 tests, 1 passed, 1 failed\n")
    assert done.stderr.startswith(
        "routes.test.yaml:5:21: error[FR510]: GET https://a.edgecompute.app/test/sse: "
        "expected the route 'everything-else', got 'test-sse'\n"
    )
    assert "= routes.yaml:18:5: 'test-sse' takes it\n" in done.stderr


def test_failures_and_coverage_are_told_to_programs(tested: Path) -> None:
    done = fanroute(tested, "test", "--coverage", "--format", "json")
    told = [(one["code"], one["span"]["file"], one["span"]["line"]) for one in json.loads(done.stdout)["diagnostics"]]
    assert (done.returncode, done.stderr) == (1, "")
    assert told == [("FR510", "routes.test.yaml", 5), *(("FR515", "routes.yaml", line) for line in (12, 18, 21, 24, 27))]
    note = json.loads(done.stdout)["diagnostics"][0]["notes"][0]
    assert note["span"] == {"file": "routes.yaml", "line": 27, "column": 5, "end_line": 27, "end_column": 9}
    done = fanroute(tested, "test", "--coverage", "--format", "github")
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == [
        "::error file=routes.test.yaml",
        *["::notice file=routes.yaml"] * 5,
    ]


@pytest.mark.parametrize(("percent", "code"), [("18", 0), ("19", 1)])
def test_too_little_coverage_is_exit_code_1(tested: Path, percent: str, code: int) -> None:
    """Tests a coverage of 2 of the 11 routes and hosts."""
    (tested / "routes.test.yaml").write_text(TESTS.partition("  - request: GET https://a.edgecompute.app/test/sse")[0])
    done = fanroute(tested, "test", "--fail-under", percent)
    assert done.returncode == code
    assert ("error: the coverage is 18 %, less than 19 %\n" in done.stderr) == (code == 1)


def test_tests_in_several_files(tested: Path) -> None:
    """Tests that the errors of all files are reported before any test runs."""
    for name in ("a", "b"):
        (tested / f"{name}.yaml").write_text(TESTS.replace("route: everything-else", "rout: x"))
    done = fanroute(tested, "test", "routes.yaml", "--tests", "a.yaml", "--tests", "b.yaml", "--tests", "c.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    messages = re.findall(r"^(\w)\.yaml:(\d+:\d+): error\[(\w+)\]", done.stderr, re.MULTILINE)
    assert messages == [("a", "5:14", "FR201"), ("b", "5:14", "FR201"), ("c", "1:1", "FR101")]
    (tested / "a.yaml").write_text(TESTS)
    done = fanroute(tested, "test", "--tests", "a.yaml", "--tests", "routes.test.yaml")
    assert done.stdout.splitlines() == [f"{name}.yaml: 2 tests, 1 passed, 1 failed" for name in ("a", "routes.test")]


def test_routes_that_are_wrong_are_not_tested(tested: Path) -> None:
    (tested / "routes.yaml").write_text(OWN.replace("echo", "ecko"))
    done = fanroute(tested, "test", "--format", "json")
    told = [(one["code"], one["span"]["file"]) for one in json.loads(done.stdout)["diagnostics"]]
    assert (done.returncode, told) == (1, [("FR201", "routes.yaml")])
    assert fanroute(tested, "test", "--live", "embedded").returncode == 1
    assert sorted(path.name for path in tested.iterdir()) == ["routes.test.yaml", "routes.yaml"], "nothing was built"


def test_a_build_ships_what_is_staged(own_project: Workspace) -> None:
    names = {path.relative_to(own_project.app).as_posix() for path in own_project.app.rglob("*") if path.is_file()}
    modules = "__init__ choose decide messages plan/__init__ routes_file".split()
    modules += "blocks compute/__init__ compute/edge compute/request compute/resources compute/sandbox".split()
    modules += "grip/__init__ grip/instructions grip/signature grip/websocket".split()
    modules += "http/__init__ http/client http/cors http/forwarding http/headers http/media_types http/origins".split()
    modules += "jose/__init__ jose/es256 jose/hs256 jose/jwt jose/keys jose/limbs jose/native jose/p256 jose/rs256".split()
    modules += "jose/spki local".split()
    modules += "matching/__init__ matching/decision_tree matching/paths matching/pattern matching/pattern_syntax".split()
    modules += "matching/pin matching/predicates".split()
    modules += "snapshot/__init__ snapshot/heap snapshot/immortal snapshot/left_out snapshot/warm".split()
    assert names == {"app.py", "routes.jsonl", *(f"fanroute_runtime/{name}.py" for name in modules)}
    assert own_project.wasm.read_bytes() == own_project.good.read_bytes()
    assert own_project.wasm.read_bytes()[:8] == b"\0asm\x0d\0\x01\0"  # a component (Component Model, binary format)


def test_a_second_build_is_the_first(own_project: Workspace) -> None:
    """Tests that it takes the component from the cache, even if that was removed from bin/, and leaves fastly.toml as it is."""
    component, manifest = own_project.wasm.read_bytes(), own_project.manifest.read_bytes()
    own_project.wasm.unlink()
    done = fanroute(own_project.routes.parent, "build")
    assert done.returncode == 0
    assert "nothing has changed" in done.stdout
    assert "fastly compute publish --domain fanroute-starter.edgecompute.app" in done.stdout
    assert (own_project.wasm.read_bytes(), own_project.manifest.read_bytes()) == (component, manifest)


def test_a_build_warns(own_project: Workspace, tmp_path: Path) -> None:
    """Tests that a build prints warnings, but no notes: these are for `check`."""
    folder = copied(own_project, tmp_path / "warned").routes.parent
    (folder / "routes.yaml").write_text(DEAD)
    build_once(Workspace(folder / "routes.yaml"))
    done = fanroute(folder, "build")
    assert done.returncode == 0
    assert re.findall(r"^routes\.yaml:.*(?:warning|note)\[(\w+)\]", done.stderr, re.MULTILINE) == ["FR301"]


@pytest.mark.slow
def test_builds_at_once_are_one(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(OWN)
    command = [sys.executable, "-P", "-m", "fanroute", "build"]
    builds = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(3)
    ]
    outputs = [build.communicate()[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0, 0]
    assert sum(", nothing has changed" in output for output in outputs) == 2


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_serve_takes_a_free_port_and_stops(own_project: Workspace, sign: int) -> None:
    """Tests two servers at once with the default ports: the second one gets other ports."""
    command = [sys.executable, "-P", "-m", "fanroute", "serve"]
    servers = [
        subprocess.Popen(command, cwd=own_project.routes.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    urls = set()
    for server in servers:
        assert server.stdout is not None
        urls.add(next(found.group(1) for line in server.stdout if (found := re.search(r"Serving .* at (\S+)", line))))
    assert len(urls) == 2
    for server in servers:
        server.send_signal(sign)
        output, _ = server.communicate(timeout=10)
        assert (server.returncode, output.splitlines()[-1]) == (0, "Stopping")
