"""The templates of `fanroute init`, followed to the letter: the commands of each README, and its page in two browsers."""

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fanroute.devserver.ports import free_ports
from fanroute.project.package_files import template_names
from tests.e2e.browser import Browser, browser
from tests.e2e.conftest import EDGES, Edge, running, wait_until
from tests.e2e.pages import SIZES, THEMES, check_page, emulated, screenshot

pytestmark = pytest.mark.slow

BESIDE = "python3 server.py"
USUAL_URL = "http://127.0.0.1:7676"

# Functions for the scripts that run in a page.
TOOLS = """
const $ = (id) => document.getElementById(id);
const until = async (found) => {
  for (let tries = 0; tries < 1200; tries++) {
    const value = await found();
    if (value) return value;
    await new Promise((go) => setTimeout(go, 25));
  }
  throw new Error(`it does not come: ${found}`);
};
const text = (id) => $(id).innerText;
const lines = (id) => [...$(id).children].map((one) => one.textContent).join("\\n");
const send = (form, fields) => {
  for (const [name, value] of Object.entries(fields)) $(name).value = value;
  $(form).requestSubmit();
};
"""


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser of a second person, who shares no cookies with the first."""
    with browser(tmp_path_factory.mktemp("second")) as started:
        yield started


@contextmanager
def serving_template(template: str, edge: str, parent: Path) -> Iterator[Edge]:
    """Yields an edge that serves a new folder of a template, with the template's server beside it. No file is edited."""
    folder = made(template, parent)
    with running(edge, folder, "--with", BESIDE, PORT=str(free_ports(0)[0])) as started:
        wait_until(lambda: f"{BESIDE}: The server listens" in "".join(started.output))
        yield started


def made(template: str, parent: Path) -> Path:
    """Makes a folder from a template. Returns it."""
    command = [sys.executable, "-P", "-m", "fanroute", "init", template, "--template", template]
    subprocess.run(command, cwd=parent, check=True, capture_output=True)
    return parent / template


def of_template(template: str) -> Callable[..., Iterator[Edge]]:
    """Returns a fixture: each local edge in turn, serving a template with its server beside it."""

    @pytest.fixture(scope="module", params=EDGES)
    def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
        with serving_template(template, request.param, tmp_path_factory.mktemp(template)) as edge:
            yield edge

    return started


chat_edge = of_template("chat")


def run(window: Browser, script: str, *args: Any) -> Any:
    """Runs a script in a page, with TOOLS. Returns its result."""
    result = window.run(f"{TOOLS}\n{script}", *args)
    assert not (isinstance(result, str) and result.startswith("Error: ")), result
    return result


@contextmanager
def opened(edge: Edge, path: str, *windows: Browser) -> Iterator[None]:
    """Opens a page in some windows, and leaves it in the end, so that its connections end."""
    with ExitStack() as stack:
        for window in windows:
            window.open(edge.url + path)
            stack.callback(window.open, "about:blank")
        yield


def test_two_people_chat(chat_edge: Edge, chromium: Browser, second: Browser) -> None:
    with opened(chat_edge, "/", chromium, second):
        for window in (chromium, second):
            run(window, "await until(() => text('state').startsWith('Connected'))")
        run(chromium, "send('form', {from: 'Ann', text: 'Hello <b>Bob</b>'})")
        run(second, "await until(() => text('messages').includes('Ann: Hello <b>Bob</b>'))")
        run(second, "send('form', {from: 'Bob', text: 'Hello Ann'})")
        run(chromium, "await until(() => lines('messages') === 'Ann: Hello <b>Bob</b>\\nBob: Hello Ann')")
    with opened(chat_edge, "/", second):
        run(second, "await until(() => lines('messages') === 'Ann: Hello <b>Bob</b>\\nBob: Hello Ann')")
    with opened(chat_edge, "/?room=green", second):
        run(second, "await until(() => text('state').startsWith('Connected')); await earlier;")
        assert run(second, "return text('messages')") == ""


# What makes a page show something.
FILLED = {
    "chat": "send('form', {from: 'Ann', text: 'word '.repeat(40)}); await until(() => text('messages').includes('word'))",
}


@pytest.mark.parametrize("template", [name for name in template_names() if name in FILLED])
def test_a_page_fits_and_everybody_can_use_it(
    template: str, tmp_path: Path, chromium: Browser, screenshots: Path, axe: str
) -> None:
    """Tests that nothing is wider than the window, and that axe-core finds nothing serious. Takes screenshots."""
    with serving_template(template, "embedded", tmp_path) as edge, opened(edge, "/", chromium):
        run(chromium, FILLED[template])
        for size in SIZES:
            for theme in THEMES:
                with emulated(chromium, size, theme):
                    (screenshots / f"{template}-{size[0]}-{theme}.png").write_bytes(screenshot(chromium))
                    check_page(chromium, axe)


class Listener:
    """Represents a command that holds a connection. `heard` is what it has printed so far."""

    def __init__(self, command: str, folder: Path) -> None:
        self.heard = ""
        self._process = started(command, folder)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.heard += line

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def started(command: str, folder: Path) -> "subprocess.Popen[str]":
    """Starts a command of a README in a shell that finds this Fanroute, and a `fastly` that does nothing."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    fastly = programs / "fastly"
    fastly.write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/called"\n')
    fastly.chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    # Not a shell, which would be ended in place of the command.
    return subprocess.Popen(
        ["env", *shlex.split(command)],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("template", [name for name in template_names() if name in FILLED])
def test_the_commands_of_a_readme(template: str, tmp_path: Path) -> None:
    """Tests every command: the first one starts both halves, what listens hears what later ones send, and the rest works."""
    with serving_template(template, "embedded", tmp_path) as edge, ExitStack() as stack:
        first, *commands = commands_of(edge.folder / "README.md")
        assert shlex.split(first) == ["fanroute", "serve", "--with", BESIDE]
        listeners: list[Listener] = []
        for command in (one.replace(USUAL_URL, edge.url) for one in commands):
            if " -N " in command:
                listeners.append(Listener(command, edge.folder))
                stack.callback(listeners[-1].end)
                wait_until(lambda: "".join(edge.output).count(" opened, ") == len(listeners))
                continue
            with started(command, edge.folder) as process:
                output, _ = process.communicate(timeout=120)
            assert process.returncode == 0, output
        assert listeners
        wait_until(lambda: all("hello" in listener.heard for listener in listeners))
        called = (tmp_path / "programs" / "called").read_text()
        assert called == f"compute publish --domain {template}.edgecompute.app\n"


def commands_of(readme: Path) -> list[str]:
    """Returns the commands in the shell blocks of a README."""
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]
