"""Tests folders that somebody else has prepared, with links, files in the way, pipes, or a component."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fanroute.cli import main
from fanroute.project.workspace import Workspace
from tests.cli.test_cli import OWN, fanroute
from tests.conftest import REPOSITORY, names
from tests.support.builds import copied

# Where a build or a local edge writes, and what belongs there.
FOLDERS = ["bin", "build", "build/app", "build/logs"]
FILES = ["bin/main.wasm", "build/lock", "build/good.wasm", "fastly.toml", "build/logs/pushpin.log"]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Makes a folder next to the clone."""
    (tmp_path / "victim" / "app").mkdir(parents=True)
    for name in ("file", "app/app.py", "main.wasm", "good.wasm", "lock"):
        (tmp_path / "victim" / name).write_text("precious")
    return tmp_path / "victim"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "routes.yaml").write_text(OWN)
    return tmp_path / "clone"


def content(folder: Path) -> dict[str, str | None]:
    return {path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None for path in folder.rglob("*")}


def run(folder: Path, *arguments: str) -> Result:
    """Runs a command in a folder, within this process."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(main, arguments)
    finally:
        os.chdir(before)


@pytest.mark.parametrize("command", [["build"], ["serve"], ["test", "--live", "embedded", "--tests", "routes.yaml"]])
@pytest.mark.parametrize("place", [*FOLDERS, *FILES])
def test_no_link_is_written_through(clone: Path, victim: Path, place: str, command: list[str]) -> None:
    if command[0] == "test":
        (clone / "routes.test.yaml").write_text("tests:\n  - {request: GET https://a.example/, expect: {route: none}}\n")
        command = ["test", "--live", "embedded"]
    (clone / place).parent.mkdir(parents=True, exist_ok=True)
    (clone / place).symlink_to(victim if place in FOLDERS else victim / "file")
    before = content(victim)
    done = run(clone, *command)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{place}:1:1: error[FR517]: '{place}' is a link, and Fanroute writes a ")
    assert done.stderr.endswith("\n      = move it away\n")
    assert content(victim) == before


def test_all_links_are_told_together(clone: Path, victim: Path) -> None:
    for place in ("bin", "fastly.toml", "build"):
        (clone / place).symlink_to(victim / "nowhere")
    done = run(clone, "build")
    assert [line.partition(":")[0] for line in done.stderr.splitlines() if "FR517" in line] == ["bin", "build", "fastly.toml"]
    assert names(clone) == ["bin", "build", "fastly.toml", "routes.yaml"]


@pytest.mark.parametrize("place", FOLDERS)
def test_a_file_where_a_folder_belongs(clone: Path, place: str) -> None:
    (clone / place).parent.mkdir(exist_ok=True)
    (clone / place).write_text("mine")
    done = run(clone, "build")
    assert (done.exit_code, (clone / place).read_text()) == (1, "mine")
    assert done.stderr.startswith(
        f"{place}:1:1: error[FR517]: '{place}' is a file, and Fanroute writes a folder of its own there\n"
    )


@pytest.mark.parametrize("place", FILES)
@pytest.mark.parametrize("kind", ["a pipe", "a folder"])
def test_what_is_no_file_where_a_file_belongs(clone: Path, place: str, kind: str) -> None:
    """Tests pipes, which git does not commit but archives can contain."""
    (clone / place).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(clone / place) if kind == "a pipe" else (clone / place).mkdir()
    done = run(clone, "build")
    assert done.exit_code == 1
    assert done.stderr.startswith(
        f"{place}:1:1: error[FR517]: '{place}' is {kind}, and Fanroute writes a file of its own there\n"
    )


def test_what_went_wrong_first_is_told(clone: Path, victim: Path) -> None:
    (clone / "routes.yaml").write_text("version: 2\n")
    (clone / "bin").symlink_to(victim / "app")
    done = run(clone, "build")
    assert (done.exit_code, "FR517" in done.stderr, "routes.yaml:1:10: error" in done.stderr) == (1, False, True)
    assert names(victim / "app") == ["app.py"]


@pytest.mark.parametrize(("link", "folder"), [("sub", "sub"), ("sub", "sub/chat"), ("sub", "./sub/x/y")])
def test_init_follows_no_link(clone: Path, victim: Path, link: str, folder: str) -> None:
    (clone / link).symlink_to(victim)
    before = content(victim)
    done = run(clone, "init", folder)
    assert (done.exit_code, content(victim)) == (1, before)
    assert done.stderr.startswith("sub:1:1: error[FR517]: 'sub' is a link, and Fanroute writes a folder of its own there\n")
    assert run(clone, "init", str(clone / "sub")).exit_code == 1
    assert run(clone, "init", "new/chat").exit_code == 0
    assert "routes.yaml" in names(clone / "new/chat")


def test_init_follows_no_link_to_a_folder_of_its_files(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.github").symlink_to(victim)
    before = content(victim)
    done = run(tmp_path / "new", "init")
    assert (done.exit_code, content(victim), names(tmp_path / "new")) == (1, before, [".github"])
    assert ".github' is a link, and Fanroute writes a folder of its own there" in done.stderr


def test_fmt_writes_nothing_outside(clone: Path, victim: Path) -> None:
    (victim / "routes.yaml").write_text(OWN.replace("version: 1", "version:   1"))
    (clone / "routes.yaml").unlink()
    (clone / "routes.yaml").symlink_to(victim / "routes.yaml")
    before = content(victim)
    done = run(clone, "fmt")
    assert (done.exit_code, content(victim)) == (1, before)
    assert done.stderr.startswith("routes.yaml:1:1: error[FR517]: 'routes.yaml' is a link, and")


KEYS = "fanout:\n  keys: [{issuer: x, algorithm: ES256, file: in/the/way}]\n"
PIPED: dict[str, tuple[str, str, str]] = {
    "routes.yaml": ("check", "", "routes.yaml:1:1: error[FR101]: the file cannot be read: it is a pipe, not a file\n"),
    "routes.test.yaml": ("test", "", "routes.test.yaml:1:1: error[FR101]: the file cannot be read: it is a pipe, not a file\n"),
    "in/the/way": ("check", KEYS, "error[FR211]: the file 'in/the/way' cannot be read: it is a pipe, not a file\n"),
    "fastly.toml": ("build", "", "fastly.toml:1:1: error[FR517]: 'fastly.toml' is a pipe, and"),
}


@pytest.mark.parametrize("place", PIPED)
def test_a_pipe_is_told_and_nobody_waits(clone: Path, place: str) -> None:
    command, more, told = PIPED[place]
    (clone / "routes.yaml").write_text(OWN + more)
    (clone / place).unlink(missing_ok=True)
    (clone / place).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(clone / place)
    done = run(clone, command)
    assert done.exit_code == 1
    assert told in done.stderr


def test_a_pipe_of_the_local_stores_is_told(clone: Path, own_project: Workspace) -> None:
    copied(own_project, clone)
    os.mkfifo(clone / "pipe")
    (clone / "fastly.toml").write_text('[local_server.secret_stores]\nkeys = [{key = "first", file = "pipe"}]\n')
    done = run(clone, "serve")
    assert (done.exit_code, "'local_server.secret_stores.keys[0].file' cannot be read: it is a pipe" in done.stderr) == (1, True)


TEXT, COMPONENT = "it has more than 4,194,304 bytes\n", "it has more than 134,217,728 bytes\n"
HUGE: dict[str, tuple[str, str, str]] = {
    "routes.yaml": ("build", "", f"routes.yaml:1:1: error[FR101]: the file cannot be read: {TEXT}"),
    "routes.test.yaml": ("test", "", f"routes.test.yaml:1:1: error[FR101]: the file cannot be read: {TEXT}"),
    "in/the/way": ("build", KEYS, "error[FR211]: the file 'in/the/way' cannot be read: it has more than 1,048,576 bytes\n"),
    "fastly.toml": ("build", "", f"fastly.toml:1:1: error: the file cannot be read: {TEXT}"),
}


def huge(file: Path) -> None:
    """Makes a sparse file that is larger than any memory but takes no space on the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as made:
        made.truncate(1 << 42)


@pytest.mark.parametrize("place", HUGE)
def test_a_huge_file_is_told_and_nothing_is_lost(clone: Path, own_project: Workspace, place: str) -> None:
    copied(own_project, clone)
    command, more, told = HUGE[place]
    (clone / "routes.yaml").write_text(OWN + more)
    huge(clone / place)
    done = run(clone, command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert (clone / "bin/main.wasm").read_bytes() == (clone / "build/good.wasm").read_bytes() == own_project.wasm.read_bytes()


def test_a_huge_file_of_the_local_stores_is_told(clone: Path, own_project: Workspace) -> None:
    copied(own_project, clone)
    huge(clone / "huge")
    with (clone / "fastly.toml").open("a") as manifest:
        manifest.write('[local_server.secret_stores]\nkeys = [{key = "first", file = "huge"}]\n')
    done = run(clone, "serve")
    assert (done.exit_code, f"'local_server.secret_stores.keys[0].file' cannot be read: {TEXT}" in done.stderr) == (1, True)


def test_a_huge_component_is_built_anew(clone: Path, own_project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that such a component is not put back, and that a Makefile of that size does not count as ours."""
    component = own_project.wasm.read_bytes()
    monkeypatch.setattr("fanroute.bundle.builder._Making.component", lambda *_: (component, ""))
    for place in ("build/good.wasm", "bin/main.wasm", "Makefile"):
        huge(clone / place)
    done = run(clone, "build")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"build/good.wasm is not used: {COMPONENT}")
    assert (clone / "bin/main.wasm").read_bytes() == (clone / "build/good.wasm").read_bytes() == component
    huge(clone / "build/good.wasm")
    (clone / "bin/main.wasm").unlink()
    (clone / "routes.yaml").write_text("version: 2\n")
    assert run(clone, "build").exit_code == 1
    assert not (clone / "bin/main.wasm").exists()


def test_a_pipe_without_an_end_is_told(clone: Path) -> None:
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        command = [sys.executable, "-P", "-m", "fanroute", "diff", "-", "routes.yaml"]
        done = subprocess.run(command, cwd=clone, stdin=endless.stdout, capture_output=True, text=True, check=False)
        endless.kill()
    assert (done.returncode, done.stderr.splitlines()[0] + "\n") == (1, f"-:1:1: error[FR101]: the file cannot be read: {TEXT}")


@pytest.mark.parametrize("command", [["check"], ["routes"], ["fmt"], ["diff", "-"], ["match", "GET", "https://a/", "--routes"]])
def test_a_device_is_told(clone: Path, command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "/dev/zero"], input=OWN)
    assert done.exit_code == 1
    assert (
        done.stderr == "/dev/zero:1:1: error[FR101]: the file cannot be read: it is a device or socket, not a file\n"
        "      = name a file that can be read\n"
    )


@pytest.mark.parametrize(
    "command",
    ["check", "routes", "test", "build", "serve", "fmt", "diff -", "match GET https://a/ --routes", "check --format json"],
)
@pytest.mark.parametrize(
    ("folder", "file"),
    [(".", "routes.yaml"), ("", "routes.yaml"), ("/", "/routes.yaml"), ("..", "../routes.yaml"), ("in", "in/routes.yaml")],
)
def test_a_folder_in_place_of_the_file_is_told(
    clone: Path, monkeypatch: pytest.MonkeyPatch, command: str, folder: str, file: str
) -> None:
    (clone / "in").mkdir()
    monkeypatch.chdir(clone)
    done = CliRunner().invoke(main, [*command.split(), folder], input=OWN)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "FR101" in done.output
    assert "the file cannot be read: is a directory" in done.output
    assert f"name its routes.yaml: '{file}'" in done.output


def test_a_folder_in_place_of_route_tests_is_told(clone: Path) -> None:
    done = run(clone, "test", "--tests", ".")
    assert done.exit_code == 1
    assert ".:1:1: error[FR101]: the file cannot be read: is a directory" in done.stderr
    assert "name its routes.test.yaml: 'routes.test.yaml'" in done.stderr


def garbage(workspace: Workspace) -> None:
    workspace.good.write_bytes(b"\0asm\x0d\0\x01\0 somebody else's")


def damaged(workspace: Workspace) -> None:
    content = bytearray(workspace.good.read_bytes())
    content[-1] ^= 1
    workspace.good.write_bytes(content)


def moved(workspace: Workspace) -> None:
    """Renames the folder after the build, and leaves a link with its old name."""
    folder = workspace.routes.parent
    shutil.copytree(folder, folder.parent / "moved")
    shutil.rmtree(folder)
    folder.symlink_to("moved")


def with_its_key(workspace: Workspace) -> None:
    """Adds the file in which former versions recorded what a component was made from."""
    garbage(workspace)
    (workspace.build / "good.key").write_bytes(b"\xff not UTF-8")


def of_no_record(workspace: Workspace) -> None:
    """Has an empty cache, as if somebody else had built the component."""
    os.environ["XDG_CACHE_HOME"] = str(workspace.build.parent.parent / "empty")


def without_a_cache(workspace: Workspace) -> None:
    os.environ["XDG_CACHE_HOME"] = str(workspace.build / "cache")


@pytest.mark.parametrize("change", [garbage, damaged, moved, with_its_key, of_no_record, without_a_cache])
def test_a_component_that_was_not_built_here_is_not_shipped(
    clone: Path, own_project: Workspace, change: Callable[[Workspace], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that it is built again, and that one line says so."""
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", ""))  # is set back in the end
    component = own_project.wasm.read_bytes()
    monkeypatch.setattr("fanroute.bundle.builder._Making.component", lambda *_: (component, ""))
    copied(own_project, clone)
    workspace = Workspace(clone / "routes.yaml")
    change(workspace)
    done = run(clone, "build")
    assert (done.exit_code, done.stderr) == (0, "")
    unused, building, shipped = done.stdout.splitlines()[:3]
    assert unused.startswith("build/good.wasm is not used: ")
    assert building.startswith("Building the component")
    assert (shipped.startswith("bin/main.wasm: "), "nothing has changed" in done.stdout) == (True, False)
    assert workspace.wasm.read_bytes() == component
    again = run(clone, "build").stdout
    assert ("nothing has changed" in again) == (change is not without_a_cache)


@pytest.mark.slow
def test_what_was_damaged_is_built_again_for_real(clone: Path, own_project: Workspace) -> None:
    copied(own_project, clone)
    damaged(Workspace(clone / "routes.yaml"))
    done = fanroute(clone, "build")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("build/good.wasm is not used: ")
    assert (clone / "bin/main.wasm").read_bytes() == (clone / "build/good.wasm").read_bytes()
    assert "nothing has changed" in fanroute(clone, "build").stdout
    assert names(clone / "build") == ["app", "good.wasm", "lock"]


def test_a_component_of_somebody_else_is_not_put_back(clone: Path) -> None:
    """Tests the case that `fastly compute build` has removed the component in bin/, and the routes have errors."""
    (clone / "routes.yaml").write_text("version: 2\n")
    (clone / "build").mkdir()
    garbage(Workspace(clone / "routes.yaml"))
    assert run(clone, "build").exit_code == 1
    assert not (clone / "bin/main.wasm").exists()


def test_a_component_of_another_project_is_not_put_back(clone: Path, own_project: Workspace) -> None:
    """Tests that it is not used although this user has built it, because it was built from other routes than these."""
    shutil.copytree(own_project.build, clone / "build")
    (clone / "routes.yaml").write_text("version: 2\n")
    assert run(clone, "build").exit_code == 1
    assert not (clone / "bin/main.wasm").exists()


def test_the_same_component_of_another_project_is_not_shipped(
    clone: Path, own_project: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(own_project.build, clone / "build")
    component = own_project.wasm.read_bytes()
    monkeypatch.setattr("fanroute.bundle.builder._Making.component", lambda *_: (component, ""))
    told = run(clone, "build").stdout.splitlines()[0]
    assert told.startswith("build/good.wasm is not used: ")
    assert " has no record that you built it in this folder: " in told
    assert told.endswith(" or the folder was moved or copied")


def test_a_folder_is_the_same_over_a_link(clone: Path, own_project: Workspace) -> None:
    copied(own_project, clone)
    (clone.parent / "link").symlink_to(clone)
    (clone / "routes.yaml").write_text("version: 2\n")
    (clone / "bin/main.wasm").unlink()
    assert run(clone.parent / "link", "build").exit_code == 1
    assert (clone / "bin/main.wasm").read_bytes() == own_project.wasm.read_bytes()


MODULES = ["fanroute", "click", "runpy", "shlex", "yaml", "rich", "pydantic"]


@pytest.mark.parametrize(("options", "modules"), [(["-P"], MODULES), ([], MODULES[1:])])
def test_a_module_in_the_folder_is_not_imported(clone: Path, options: list[str], modules: list[str]) -> None:
    """Tests `python -P -m fanroute`. Without -P, Python would look for the package in that folder first."""
    for name in modules:
        (clone / f"{name}.py").write_text("raise SystemExit('evil')\n")
    command = [sys.executable, *options, "-m", "fanroute", "check"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert (done.returncode, "evil" in done.stderr) == (0, False)


def test_what_is_printed_and_written_down_says_so(clone: Path) -> None:
    """Tests that `--help` names the Python that was called, so that its usage line works as printed."""
    for python in (sys.executable, os.path.relpath(sys.executable, REPOSITORY)):
        done = subprocess.run(
            [python, "-P", "-m", "fanroute", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(f"Usage: {shlex.quote(python)} -P -m fanroute ")
    said = [REPOSITORY / "README.md", REPOSITORY / "Makefile", *REPOSITORY.glob("docs/**/*.md")]
    said += (path for path in (REPOSITORY / "compiler").rglob("*.*") if path.suffix != ".pyc")
    assert [path for path in said if "python -m fanroute" in path.read_text()] == []
