"""The templates of `fanroute init`, followed to the letter: the commands of each README, and its page in two browsers."""

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fanroute.devserver.ports import free_ports
from fanroute.project.package_files import template_names
from fanroute.project.scaffold import service_name
from tests.e2e.browser import Browser, browser
from tests.e2e.conftest import EDGES, START_TIMEOUT, Edge, running, wait_until
from tests.e2e.pages import SIZES, THEMES, check_page, emulated, screenshot
from tests.e2e.test_console import url_of

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
migrate_edge = of_template("migrate")
notifications_edge = of_template("notifications")
order_status_edge = of_template("order-status")
presence_edge = of_template("presence")
starter_kit_edge = of_template("starter-kit")


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


def test_a_notification_reaches_everybody_or_one_user(notifications_edge: Edge, chromium: Browser, second: Browser) -> None:
    with opened(notifications_edge, "/", chromium, second):
        for window, name in ((chromium, "ann"), (second, "bob")):
            run(window, "send('login', {name: args[0]}); await until(() => text('state').includes(`for ${args[0]} alone`))", name)
            run(window, "await until(() => everybody.readyState === EventSource.OPEN)")
        run(chromium, "send('notify', {to: 'bob', text: 'for you'}); await until(() => $('text').value === '')")
        run(chromium, "send('notify', {to: '', text: 'for all'}); await until(() => lines('notifications') !== '')")
        run(second, "await until(() => lines('notifications') === 'To everybody: for all\\nTo bob: for you')")
        assert run(chromium, "return lines('notifications')") == "To everybody: for all"


def test_the_console_leads_to_the_page(chat_edge: Edge, chromium: Browser) -> None:
    chromium.open(url_of(chat_edge))
    assert run(chromium, "return await until(() => $('edge-url').href)") == f"{chat_edge.url}/"
    chromium.open("about:blank")


def test_nobody_is_notified_as_another(notifications_edge: Edge) -> None:
    assert notifications_edge.client.get("/notifications/mine").status_code == 401
    refused = notifications_edge.client.post("/login", json={"name": "ann; Path=/"})
    assert (refused.status_code, refused.headers.get("set-cookie")) == (400, None)
    foreign = notifications_edge.client.post("/notify", content=b'{"text": "x"}', headers={"Content-Type": "text/plain"})
    assert foreign.status_code == 415


def test_a_message_reaches_all_connections_of_the_kit(starter_kit_edge: Edge, chromium: Browser) -> None:
    with opened(starter_kit_edge, "/", chromium):
        run(chromium, "await until(() => open.size === 3)")
        run(chromium, "send('form', {text: 'hello'}); await until(() => $('messages').children.length === 3)")
        expected = {f"{name}: hello" for name in ("SSE of the edge", "SSE of your server", "WebSocket")}
        assert set(run(chromium, "return lines('messages')").split("\n")) == expected
        run(
            chromium,
            "$('text').value = 'back'; $('echo').click(); await until(() => lines('messages').endsWith('WebSocket: back'))",
        )
        assert run(chromium, "return $('messages').children.length") == 4


def test_a_lost_connection_loses_no_step(order_status_edge: Edge, chromium: Browser, second: Browser) -> None:
    path = "/?order=21"
    with opened(order_status_edge, path, chromium, second):
        for window in (chromium, second):
            run(window, "await until(() => text('state') === 'Connected')")
        run(second, "$('offline').click(); await until(() => text('state') === 'Not connected')")
        for number in (1, 2):
            run(chromium, "send('form', {}); await until(() => $('steps').children.length === args[0])", number)
            run(chromium, "await until(() => $('step').selectedIndex === args[0])", number)
        run(second, "$('offline').click(); await until(() => lines('steps') === 'Received\\nPacked')")
        run(chromium, "send('form', {})")
        for window in (chromium, second):
            run(window, "await until(() => lines('steps') === 'Received\\nPacked\\nShipped')")
    # A browser whose connection has broken says by itself what it had last.
    with order_status_edge.client.stream("GET", "/orders/21/steps", headers={"Last-Event-ID": "2"}) as answer:
        assert next(answer.iter_text()) == 'retry: 2000\n\nid: 3\ndata: "Shipped"\n\n'


def test_fanout_fetches_what_it_lacks(order_status_edge: Edge) -> None:
    """Tests the link: Fanout is made to believe that it has no step, and then hears of the third."""
    path = "/orders/22/steps"
    for step in ("one", "two"):
        order_status_edge.client.post(path, json={"step": step}).raise_for_status()
    with order_status_edge.client.stream("GET", path, headers={"Last-Event-ID": "2"}) as answer:
        chunks = answer.iter_text()
        assert next(chunks) == "retry: 2000\n\n"
        comment = {"http-stream": {"content": ": nothing\n\n"}}
        order_status_edge.publish_items({"channel": "order-22", "id": "0", "prev-id": "2", "formats": comment})
        assert next(chunks) == ": nothing\n\n"
        order_status_edge.client.post(path, json={"step": "three"}).raise_for_status()
        got = ""
        while '"three"' not in got:
            got += next(chunks)
    assert re.findall(r'id: (\d)\ndata: "(\w+)"', got) == [("1", "one"), ("2", "two"), ("3", "three")]


def test_people_come_type_and_go(presence_edge: Edge, chromium: Browser, second: Browser) -> None:
    with opened(presence_edge, "/", chromium):
        run(chromium, "send('form', {name: 'Ann'}); await until(() => lines('people') === 'Ann')")
        with opened(presence_edge, "/", second):
            run(second, "send('form', {name: 'Bob'}); await until(() => lines('people') === 'Ann\\nBob')")
            run(chromium, "await until(() => lines('people') === 'Ann\\nBob')")
            run(second, "window.keys = setInterval(() => $('text').dispatchEvent(new Event('input')), 200)")
            run(chromium, "await until(() => lines('people') === 'Ann\\nBob is typing …')")
            run(second, "clearInterval(window.keys)")
            run(chromium, "await until(() => lines('people') === 'Ann\\nBob')")
        run(chromium, "await until(() => lines('people') === 'Ann')")


def test_the_server_and_the_edge_hold_the_same_news(migrate_edge: Edge, chromium: Browser) -> None:
    with opened(migrate_edge, "/", chromium):
        run(chromium, "await until(() => ['before', 'after'].every((one) => text(`${one}-state`).startsWith('Connected to')))")
        run(chromium, "send('form', {text: 'hello'})")
        run(chromium, "await until(() => lines('before') === 'hello' && lines('after') === 'hello')")


# What makes a page show something.
FILLED = {
    "llm-streaming": "send('form', {question: 'word '.repeat(40)}); await until(() => text('state').includes('whole answer'))",
    "migrate": """
        await until(() => ["before", "after"].every((one) => text(`${one}-state`).startsWith("Connected to")));
        send("form", {text: "word ".repeat(40)}); await until(() => lines("before") && lines("after"));
    """,
    "notifications": """
        send("login", {name: "ann"}); await until(() => text("state").includes("for ann alone"));
        send("notify", {to: "ann", text: "word ".repeat(40)}); await until(() => lines("notifications"));
    """,
    "order-status": """
        await until(() => text("state") === "Connected");
        send("form", {}); await until(() => lines("steps") && $("step").selectedIndex === 1);
        send("form", {}); await until(() => lines("steps").includes("Packed"));
    """,
    "presence": "send('form', {name: 'Ann'.repeat(12)}); await until(() => lines('people'));",
    "starter-kit": """
        await until(() => open.size === 3);
        send("form", {text: "word ".repeat(40)}); await until(() => $("messages").children.length === 3);
    """,
    "chat": "send('form', {from: 'Ann', text: 'word '.repeat(40)}); await until(() => text('messages').includes('word'))",
}


@pytest.mark.parametrize("template", template_names())
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

    def close(self) -> None:
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


@pytest.mark.parametrize("template", template_names())
def test_the_commands_of_a_readme(template: str, tmp_path: Path) -> None:
    """Tests every command: the first one starts both halves, what listens hears what later ones send, and the rest works."""
    with serving_template(template, "embedded", tmp_path) as edge, ExitStack() as stack:
        first, *commands = commands_of(edge.folder / "README.md")
        assert shlex.split(first) == ["fanroute", "serve", "--with", BESIDE]
        listeners: list[Listener] = []
        name = ""
        for command in (one.replace(USUAL_URL, edge.url) for one in commands):
            if " -N " in command:
                listeners.append(Listener(command.replace("NAME", name), edge.folder))
                stack.callback(listeners[-1].close)
                wait_until(lambda: listeners[-1].heard or "".join(edge.output).count(" opened, ") == len(listeners))
                continue
            if command.startswith("fanroute serve"):
                with closing(Listener(command, edge.folder)) as server:
                    wait_until(lambda: "Serving" in server.heard, START_TIMEOUT)
                continue
            with started(command, edge.folder) as process:
                output, _ = process.communicate(timeout=120)
            assert process.returncode == 0, output
            name = found[1] if (found := re.search(r'"name": "(\w+)"', output)) else name
        assert listeners
        wait_until(lambda: all("hello" in listener.heard for listener in listeners))
        called = (tmp_path / "programs" / "called").read_text()
        assert called == f"compute publish --domain {service_name(edge.folder)}.edgecompute.app\n"


def commands_of(readme: Path) -> list[str]:
    """Returns the commands in the shell blocks of a README."""
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]
